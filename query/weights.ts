/** Weights that the configuration sets by name: of recall channels and of the parts of the objectives. */
import { CinedexError } from '../shared/contracts/errors.ts';
import type { SearchConfig } from '../shared/search-config.ts';
import { DISTRIBUTION_WEIGHTS, TOOL_WEIGHTS } from './ranking/objectives.ts';
import { CHANNEL_NAMES } from './recall/channels.ts';

/** @throws CinedexError CONFIG_INVALID for a weight of something that there is not: it would silently change nothing */
export function checkWeights({
  channelWeights,
  objectiveWeights,
}: Pick<SearchConfig, 'channelWeights' | 'objectiveWeights'>): void {
  const objectives = Object.keys({ ...TOOL_WEIGHTS, ...DISTRIBUTION_WEIGHTS });
  for (const [key, weights, known] of [
    ['channelWeights', channelWeights, CHANNEL_NAMES],
    ['objectiveWeights', objectiveWeights, objectives],
  ] as const) {
    const stranger = Object.keys(weights).find((name) => !known.includes(name));
    if (stranger !== undefined) {
      throw new CinedexError(
        'CONFIG_INVALID',
        `search.${key} names "${stranger}"; there are ${known.join(', ')}.`,
      );
    }
  }
}
