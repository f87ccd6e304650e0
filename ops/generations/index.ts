/** The generations of the index: which there are, which one searches see, and what may go. */
import { CinedexError } from '../../shared/contracts/errors.ts';
import { type ActivationDeps, considerActivation } from '../../shared/index/activation.ts';
import { COLLECTIONS } from '../../shared/index/schema.ts';
import type { CollectionName, VideoIndex } from '../../shared/ports/video-index.ts';

export interface ListedGeneration {
  name: string;
  /** Whether searches see it. */
  active: boolean;
  points: Record<CollectionName, number>;
}

export async function listGenerations({ index }: { index: VideoIndex }): Promise<ListedGeneration[]> {
  const active = await index.active();
  return Promise.all(
    (await index.generations()).sort().map(async (name) => {
      const counts = await Promise.all(
        COLLECTIONS.map(async (collection) => [collection, await index.count(name, collection)] as const),
      );
      const points = Object.fromEntries(counts) as Record<CollectionName, number>;
      return { name, active: name === active, points };
    }),
  );
}

/**
 * Switches searches over to a generation, once it is whole.
 * @param options.force also when videos are missing in it: searches then find less than before
 * @throws CinedexError NOT_FOUND, or INDEX_MISMATCH with what is missing
 */
export async function activateGeneration(
  deps: ActivationDeps,
  name: string,
  options: { force?: boolean } = {},
): Promise<void> {
  await known(deps.index, name);
  if (options.force) return deps.index.activate(name);
  const { activate, reasons } = await considerActivation(deps, name);
  if (!activate) throw new CinedexError('INDEX_MISMATCH', `${name} is not whole: ${reasons.join('; ')}.`);
}

/** Removes a generation that searches do not see. @throws CinedexError NOT_FOUND, USAGE for the one they see */
export async function dropGeneration({ index }: { index: VideoIndex }, name: string): Promise<void> {
  await known(index, name);
  if ((await index.active()) === name)
    throw new CinedexError('USAGE', `Searches see ${name}; activate another generation first.`);
  await index.dropGeneration(name);
}

async function known(index: VideoIndex, name: string): Promise<void> {
  const generations = await index.generations();
  if (!generations.includes(name))
    throw new CinedexError(
      'NOT_FOUND',
      `No generation ${name}; there are ${generations.join(', ') || 'none'}.`,
    );
}
