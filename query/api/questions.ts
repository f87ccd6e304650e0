/** What the search API takes, and what a search makes of it. */
import { z } from 'zod';
import { SourceKind, VideoId } from '../../shared/contracts/common.ts';
import { fold } from '../../shared/text/normalise.ts';
import type { SearchFilter } from '../recall/filters.ts';

const LONGEST_QUESTION = 1_000;
const MOST_VALUES = 20;

const Value = z.string().trim().min(1).max(200);
const word = z.enum(['true', 'false']).transform((value) => value === 'true');
const number = (min: number, max: number) => z.coerce.number().min(min).max(max);
const whole = (min: number, max: number) => number(min, max).int();
const Day = z.union([z.iso.date(), z.iso.datetime({ offset: true })]).describe('ISO date or time');
/** A parameter that may be given several times; one of its values is enough. */
const several = z
  .union([Value, z.array(Value).min(1).max(MOST_VALUES)])
  .transform((value) => (Array.isArray(value) ? value : [value]));

const Limit = whole(1, 100).default(10);
const Moments = whole(0, 20).default(3);
const Cursor = z.string().min(1).max(500);
const Seconds = number(0, 10 ** 6);

export const SearchQuery = z.strictObject({
  q: z.string().trim().min(1).max(LONGEST_QUESTION),
  limit: Limit,
  cursor: Cursor.optional(),
  moments: Moments,
  explain: word.default(false),
  weak: word.default(false),
  source: SourceKind.optional(),
  person: several.optional(),
  channel: several.optional(),
  language: several.optional(),
  series: several.optional(),
  tag: several.optional(),
  publishedFrom: Day.optional(),
  publishedTo: Day.optional(),
  durationFrom: Seconds.optional(),
  durationTo: Seconds.optional(),
  hasSpeech: word.optional(),
  hasFaces: word.optional(),
  hasText: word.optional(),
  explicitTo: number(0, 1).optional(),
});
type SearchQuery = z.infer<typeof SearchQuery>;

const Values = z.union([Value, z.array(Value).min(1).max(MOST_VALUES)]);
const Filter = z.strictObject({
  source: SourceKind.optional(),
  person: Values.optional(),
  channel: Values.optional(),
  language: Values.optional(),
  series: Values.optional(),
  tag: Values.optional(),
  publishedFrom: Day.optional(),
  publishedTo: Day.optional(),
  durationFrom: z
    .number()
    .min(0)
    .max(10 ** 6)
    .optional(),
  durationTo: z
    .number()
    .min(0)
    .max(10 ** 6)
    .optional(),
  hasSpeech: z.boolean().optional(),
  hasFaces: z.boolean().optional(),
  hasText: z.boolean().optional(),
  explicitTo: z.number().min(0).max(1).optional(),
});

const Like = z.strictObject({ video: VideoId, moment: z.uuid().optional() });

export const SearchBody = z
  .strictObject({
    q: z.string().trim().max(LONGEST_QUESTION).default(''),
    filter: Filter.default({}),
    limit: z.number().int().min(1).max(100).default(10),
    cursor: Cursor.optional(),
    moments: z.number().int().min(0).max(20).default(3),
    explain: z.boolean().default(false),
    weak: z.boolean().default(false),
    like: Like.optional(),
  })
  .refine(({ q, like }) => q !== '' || like !== undefined, { message: 'needs "q" or "like"', path: ['q'] });

export const SimilarQuery = z.strictObject({ limit: Limit, moments: Moments, cursor: Cursor.optional() });
/** For questions by a file, before what is missing is filled in. */
export const ExampleOptions = z.strictObject({
  limit: Limit.unwrap().optional(),
  moments: Moments.unwrap().optional(),
});

export const SuggestQuery = z.strictObject({
  q: z.string().trim().max(100).default(''),
  limit: whole(1, 20).default(8),
});

/** A search as both ways of asking give it. */
export interface Asked {
  q: string;
  filter: SearchFilter;
  limit: number;
  cursor?: string;
  moments: number;
  explain: boolean;
  weak: boolean;
  like?: { video: string; moment?: string };
}

export function askedByQuery({ q, limit, cursor, moments, explain, weak, ...filter }: SearchQuery): Asked {
  return { q, limit, cursor, moments, explain, weak, filter: filterOf(filter) };
}

export function askedByBody({ filter, ...rest }: z.infer<typeof SearchBody>): Asked {
  return { ...rest, filter: filterOf(filter) };
}

function filterOf(given: z.infer<typeof Filter>): SearchFilter {
  const { source, person, channel, language, series, tag, publishedFrom, publishedTo, ...rest } = given;
  const list = (value: string | string[] | undefined) => (typeof value === 'string' ? [value] : value);
  const filter: SearchFilter = {
    ...rest,
    source,
    people: list(person),
    channel: list(channel),
    language: list(language),
    series: list(series),
    // As the index keeps them.
    tags: list(tag)?.map(fold),
    publishedFrom: publishedFrom === undefined ? undefined : Date.parse(publishedFrom),
    // A day ends with its last moment.
    publishedTo: publishedTo === undefined ? undefined : endOf(publishedTo),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

const DAY_MS = 86_400_000;

function endOf(time: string): number {
  return Date.parse(time) + (time.includes('T') ? 0 : DAY_MS - 1);
}
