/** What an answer is limited to: conditions for the store, and those that only the payload can tell. */
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { Filter, Payload } from '../../shared/ports/video-index.ts';
import type { Constraint } from '../intent/constraints.ts';
import { numberOf, stringOf, stringsOf } from '../payload.ts';

export interface SearchFilter {
  source?: 'ogc' | 'ugc';
  /** Names or identities; one of them is enough. */
  people?: string[];
  /** Publishers' ids. */
  channel?: string[];
  language?: string[];
  series?: string[];
  tags?: string[];
  /** Milliseconds since the epoch. */
  publishedFrom?: number;
  publishedTo?: number;
  /** Seconds. */
  durationFrom?: number;
  durationTo?: number;
  hasSpeech?: boolean;
  hasFaces?: boolean;
  hasText?: boolean;
  /** Greatest score of explicit pictures, 0..1; videos without a score pass. */
  explicitTo?: number;
}

const MOST_VALUES = 100;

/** Conditions that the store checks on the videos collection. @throws CinedexError USAGE for lists that are too long */
export function storeConditions(filter: SearchFilter, constraints: readonly Constraint[] = []): Filter {
  const conditions: Filter = [];
  const anyOf = (field: string, values: string[] | undefined) => {
    if (values === undefined) return;
    if (values.length === 0 || values.length > MOST_VALUES) {
      throw new CinedexError('USAGE', `A filter on ${field} takes one to ${MOST_VALUES} values.`);
    }
    conditions.push({ field, anyOf: values });
  };
  const range = (field: string, gte: number | undefined, lte: number | undefined) => {
    if (gte === undefined && lte === undefined) return;
    conditions.push({ field, ...(gte !== undefined && { gte }), ...(lte !== undefined && { lte }) });
  };
  if (filter.source) conditions.push({ field: 'source', equals: filter.source });
  anyOf('channel', filter.channel);
  anyOf('language', filter.language);
  anyOf('series', filter.series);
  anyOf('tags', filter.tags);
  range('publishedAt', filter.publishedFrom, filter.publishedTo);
  range('durationSec', filter.durationFrom, filter.durationTo);
  for (const constraint of constraints) {
    if (constraint.kind === 'duration') {
      range('durationSec', constraint.least ?? undefined, constraint.most ?? undefined);
    }
  }
  return conditions;
}

/** Whether a video passes what the store was not asked: people by name or identity, what it holds, how safe it is. */
export function passes(
  payload: Payload,
  { people, hasSpeech, hasFaces, explicitTo }: SearchFilter,
  folded: (name: string) => string,
): boolean {
  if (people) {
    const own = new Set([...stringsOf(payload.people), ...stringsOf(payload.names).map(folded)]);
    if (!people.some((each) => own.has(each) || own.has(folded(each)))) return false;
  }
  if (hasSpeech !== undefined && stringsOf(payload.sounds).includes('speech') !== hasSpeech) return false;
  if (hasFaces !== undefined && stringsOf(payload.people).length > 0 !== hasFaces) return false;
  const explicit = numberOf(payload.explicit);
  return explicitTo === undefined || explicit === null || explicit <= explicitTo;
}

/** Whether the fields can be told from the videos' own points. `hasText` needs their moments. */
export function needsMoments({ hasText }: SearchFilter): boolean {
  return hasText !== undefined;
}

/** How many of the found videos have each value of a field. */
export type Facets = Record<string, { value: string; count: number }[]>;

export const FACET_FIELDS = ['source', 'language', 'channel', 'series', 'people', 'tags'] as const;
const MOST_FACET_VALUES = 20;

export function facetsOf(payloads: readonly Payload[]): Facets {
  const facets: Facets = {};
  for (const field of FACET_FIELDS) {
    const counts = new Map<string, number>();
    for (const payload of payloads) {
      const values = field === 'people' ? stringsOf(payload.names) : valuesOf(payload, field);
      for (const value of new Set(values)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    facets[field] = [...counts]
      .map(([value, count]) => ({ value, count }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
      .slice(0, MOST_FACET_VALUES);
  }
  return facets;
}

function valuesOf(payload: Payload, field: string): string[] {
  const one = stringOf(payload[field]);
  return one ? [one] : stringsOf(payload[field]);
}
