/** Keys of searching: `CINEDEX_SEARCH_…`. */
import { z } from 'zod';
import { commaList, whole } from './config-values.ts';

/** A number from text, within limits. */
const real = (min: number, max: number) => z.coerce.number().min(min).max(max);

/** `name=number` pairs, separated by commas; names that are left out keep their defaults. */
const weights = commaList.transform((entries, context) => {
  const parsed: Record<string, number> = {};
  for (const entry of entries) {
    const at = entry.lastIndexOf('=');
    const value = at < 1 ? Number.NaN : Number(entry.slice(at + 1));
    if (!Number.isFinite(value) || value < 0) {
      context.addIssue({ code: 'custom', message: `expected name=number, got "${entry}"` });
      return z.NEVER;
    }
    parsed[entry.slice(0, at).trim()] = value;
  }
  return parsed;
});

export const SEARCH_SECTIONS = {
  search: z.object({
    depth: whole(1, 1_000).default(100).describe('Hits taken from each recall channel'),
    fusion: z
      .enum(['rrf', 'score'])
      .default('rrf')
      .describe('How channels are brought together: by rank, or by score'),
    rrfK: whole(1, 1_000).default(60).describe('Rank constant of reciprocal rank fusion'),
    channelWeights: weights
      .prefault([])
      .describe('Weights of recall channels, such as videos.title=2,moments.visual~=1; 0 leaves one out'),
    cutoff: real(0, 1)
      .default(0.35)
      .describe('Least grade of relevance (0..1) of an answer; nothing above it is an empty answer'),
    margin: real(0, 1)
      .default(0.1)
      .describe('A video never outranks one whose grade is higher by more than this'),
    toolShare: real(0, 1)
      .default(0.8)
      .describe('Share of the tool objective in the ranking; the rest is the distribution objective'),
    objectiveWeights: weights
      .prefault([])
      .describe('Weights inside the objectives, such as accuracy=3,fresh=0.5,revenue=0'),
    freshDays: real(0.1, 36_500)
      .default(180)
      .describe('Days after which the freshness of a video has halved'),
    perChannel: whole(1, 1_000)
      .default(3)
      .describe('Most videos of one publisher in any ten neighbouring answers, where others are as relevant'),
    entityFile: z
      .string()
      .default('')
      .describe('JSON file of people, works, series and characters with aliases; empty: none'),
    relevanceModel: z
      .string()
      .default('')
      .describe(
        'JSON file of trained weights of relevance (`cinedex eval --train`); empty: the built-in ones',
      ),
    dictionaryVideos: whole(0, 10 ** 6)
      .default(20_000)
      .describe('Most videos whose names and words are learnt for spelling and entities'),
    dictionarySeconds: whole(1, 10 ** 6)
      .default(60)
      .describe('How long that dictionary is used before it is renewed'),
    linkTemplate: z
      .string()
      .default('/videos/{video}?t={seconds}')
      .describe('Address of a moment in answers; {video} and {seconds} are replaced'),
  }),
} as const;

export type SearchConfig = z.infer<(typeof SEARCH_SECTIONS)['search']>;
