/** Whether the video is about whom and what the query names. All features lie in 0..1. */
import type { Payload } from '../../shared/ports/video-index.ts';
import { type Constraint, parseConstraints } from '../intent/constraints.ts';
import { entityId } from '../intent/dictionary.ts';
import { simplified } from '../intent/traditional.ts';
import { listOf, numberOf, stringOf, stringsOf } from '../payload.ts';
import type { Asking, Candidate } from './features.ts';

export interface KnowledgeFeatures {
  /** Share of the query's entities that the video is about or shows, each by the certainty of its linking. */
  entity: number;
  /** 1 when one of them was named by an alias that the video's own texts need not hold. */
  alias: number;
  /** Nearness in the graph of the video's nearest entity to those of the query: 0.5 a step away, 0.25 two; 0 where `entity` counts. */
  relation: number;
  /** Share of the conditions on season, episode, year, resolution and age that the video is known to meet. */
  conditionsMet: number;
  /** … that it is known not to meet. */
  conditionsBroken: number;
}

export function knowledgeFeatures(
  { payload }: Candidate,
  { intent, dictionary, distances }: Asking,
): KnowledgeFeatures {
  const nothing = { entity: 0, alias: 0, relation: 0, conditionsMet: 0, conditionsBroken: 0 };
  if (!intent) return nothing;
  const own = entitiesOf(payload, (name) => dictionary.entities.named(name).map(({ id }) => id));
  const { entities } = intent;
  const certainty = entities.reduce((sum, each) => sum + each.certainty, 0);
  const shared = entities.filter(({ entity }) => own.has(entity.id));
  const nearest = Math.min(...[...own].map((id) => distances.get(id) ?? Number.POSITIVE_INFINITY));
  const checked = intent.constraints.map((constraint) => meets(constraint, payload));
  const share = (answer: boolean) =>
    checked.length === 0 ? 0 : checked.filter((each) => each === answer).length / checked.length;
  return {
    entity: certainty === 0 ? 0 : shared.reduce((sum, each) => sum + each.certainty ** 2, 0) / certainty,
    alias: shared.some(({ how }) => how === 'alias') ? 1 : 0,
    relation: shared.length === 0 && Number.isFinite(nearest) && nearest > 0 ? 0.5 ** nearest : 0,
    conditionsMet: share(true),
    conditionsBroken: share(false),
  };
}

/** Ids of what a video is about and of who is in it. */
function entitiesOf(payload: Payload, named: (name: string) => string[]): Set<string> {
  const ids = stringsOf(payload.people).map((identity) => `gallery:${identity}`);
  const series = stringOf(payload.series);
  const title = stringOf(payload.title);
  const channel = stringOf(payload.channelName);
  for (const name of stringsOf(payload.names)) ids.push(...named(name));
  for (const { name, character } of listOf(payload.cast)) {
    if (typeof name === 'string') ids.push(...named(name));
    if (typeof character === 'string') ids.push(entityId('character', character));
  }
  if (series) ids.push(...named(series));
  if (title) ids.push(...named(title));
  if (channel) ids.push(entityId('publisher', channel));
  return new Set(ids);
}

const DAY_MS = 86_400_000;

/** Null where the video does not say. A season or episode is also read out of its title. */
export function meets(constraint: Constraint, payload: Payload, now = Date.now()): boolean | null {
  switch (constraint.kind) {
    case 'duration': {
      const seconds = numberOf(payload.durationSec);
      if (seconds === null) return null;
      return seconds >= (constraint.least ?? 0) && seconds <= (constraint.most ?? Number.POSITIVE_INFINITY);
    }
    case 'resolution': {
      const lines = Math.min(numberOf(payload.height) ?? 0, numberOf(payload.width) ?? 0);
      return lines === 0 ? null : lines >= constraint.value * 0.95;
    }
    case 'recent': {
      const published = numberOf(payload.publishedAt);
      return published === null ? null : now - published <= constraint.days * DAY_MS;
    }
    case 'year': {
      const published = numberOf(payload.publishedAt);
      const title = simplified(stringOf(payload.title));
      if (title.includes(String(constraint.value))) return true;
      return published === null ? null : new Date(published).getUTCFullYear() === constraint.value;
    }
    case 'season':
    case 'episode': {
      const stated = numberOf(payload[constraint.kind]);
      if (stated !== null) return stated === constraint.value;
      const read = parseConstraints(simplified(stringOf(payload.title))).constraints.find(
        ({ kind }) => kind === constraint.kind,
      );
      return read && 'value' in read ? read.value === constraint.value : null;
    }
  }
}
