/** What the search API answers with. The schemas are the contract: they check every answer and describe it in OpenAPI. */
import { z } from 'zod';

const Url = z.string().describe('Address on this server');
const Blob = Url.nullable();
const Span = z.tuple([z.number(), z.number()]).describe('From and to, seconds');

const Why = z.object({
  channel: z.string(),
  rank: z.number().describe('From 1'),
  score: z.number().describe('As the channel gave it'),
  share: z.number().describe('What it adds to the fused score'),
});

const MomentHit = z.object({
  id: z.string(),
  startSec: z.number(),
  endSec: z.number(),
  atSec: z.number().describe('Where to begin to play'),
  link: z.string().describe('Page that plays it'),
  thumbnail: Blob,
  score: z.number(),
  matched: z.array(z.string()),
  words: z.object({ kind: z.enum(['said', 'shown']), text: z.string() }).nullable(),
  highlights: z.array(z.object({ from: z.number(), to: z.number() })).describe('In the words, UTF-16 units'),
  labels: z.array(z.string()),
  people: z.array(z.string()),
  why: z.array(Why),
});

const Explanation = z.object({
  grade: z.number(),
  features: z.array(z.object({ feature: z.string(), value: z.number(), weight: z.number() })),
  ranking: z.object({
    tool: z.number(),
    distribution: z.number(),
    value: z.number(),
    parts: z.record(z.string(), z.number()),
  }),
});

export const VideoHit = z.object({
  video: z.string(),
  title: z.string(),
  durationSec: z.number(),
  poster: Blob,
  media: Url,
  page: z.string().describe('Page of the video'),
  grade: z.number().describe('Calibrated relevance, 0..1'),
  score: z.number(),
  coverage: z.number().describe('Share of the words of the question that stand in its texts, 0..1'),
  complete: z.boolean().describe('False when a stage did not fully contribute'),
  matched: z.array(z.string()),
  similar: z.array(z.object({ video: z.string(), title: z.string() })).describe('Near-duplicates not shown'),
  moments: z.array(MomentHit),
  why: z.array(Why),
  explain: Explanation.optional(),
});
export type VideoHit = z.infer<typeof VideoHit>;

const Question = z.object({
  text: z.string(),
  language: z.string(),
  kind: z.string(),
  because: z.string(),
  tokens: z.array(z.string()),
  people: z.array(z.string()),
  corrections: z.array(z.object({ from: z.string(), to: z.string(), by: z.string() })),
  entities: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      mention: z.string(),
      how: z.string(),
      certainty: z.number(),
    }),
  ),
  constraints: z.array(z.looseObject({ kind: z.string(), phrase: z.string() })),
});

export const SearchResults = z.object({
  question: Question,
  results: z.array(VideoHit),
  weak: z.array(VideoHit).describe('Guesses below the cut-off, with `weak` only'),
  total: z.number(),
  next: z.string().nullable().describe('Cursor of the next page'),
  facets: z.record(z.string(), z.array(z.object({ value: z.string(), count: z.number() }))),
  caveats: z
    .array(z.object({ code: z.string(), message: z.string() }))
    .describe('What the models behind this answer cannot do'),
  partial: z
    .object({ reason: z.literal('deadline'), missing: z.array(z.string()) })
    .nullable()
    .describe('Recall channels that were too late for the deadline'),
  tookMs: z.number(),
  model: z.string().optional(),
  timings: z.record(z.string(), z.number()).optional().describe('Milliseconds by layer'),
  channels: z
    .array(
      z.object({
        name: z.string(),
        weight: z.number(),
        hits: z.array(z.object({ video: z.string(), score: z.number(), atSec: z.number().nullable() })),
      }),
    )
    .optional(),
});
export type SearchResults = z.infer<typeof SearchResults>;

const Named = z.object({ id: z.string(), name: z.string().nullable() });

export const VideoPage = z.object({
  video: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  source: z.enum(['ogc', 'ugc']),
  language: z.string().nullable(),
  tags: z.array(z.string()),
  uploader: Named.nullable(),
  channel: Named.nullable(),
  series: z.string().nullable(),
  season: z.number().nullable(),
  episode: z.number().nullable(),
  publishedAt: z.string().nullable().describe('RFC 3339'),
  durationSec: z.number().nullable().describe('Null until the video is indexed'),
  width: z.number().nullable(),
  height: z.number().nullable(),
  poster: Blob,
  media: Url,
  statistics: z.record(z.string(), z.number()),
  labels: z.array(z.string()),
  sounds: z.array(z.string()),
  keywords: z.array(z.string()),
  complete: z.boolean(),
  missing: z.array(z.string()),
  stages: z
    .array(
      z.object({
        stage: z.string(),
        state: z.string(),
        attempts: z.number(),
        error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
      }),
    )
    .nullable()
    .describe('Null where no ledger is at hand'),
  shots: z.array(
    z.object({
      id: z.string(),
      startSec: z.number(),
      endSec: z.number(),
      thumbnail: Blob,
      labels: z.array(z.string()),
      people: z.array(z.string()),
      cues: z.array(
        z.object({
          kind: z.enum(['said', 'shown']),
          startSec: z.number(),
          endSec: z.number(),
          text: z.string(),
        }),
      ),
    }),
  ),
  people: z.array(
    z.object({
      identity: z.string(),
      name: z.string().nullable(),
      spans: z.array(Span),
      thumbnail: Blob,
    }),
  ),
  soundSegments: z.array(z.object({ startSec: z.number(), endSec: z.number(), kind: z.string() })),
  similar: z.array(z.object({ video: z.string(), title: z.string(), poster: Blob })),
});
export type VideoPage = z.infer<typeof VideoPage>;

export const Suggestions = z.object({
  suggestions: z.array(
    z.object({ text: z.string(), kind: z.enum(['title', 'person', 'series', 'query', 'recent']) }),
  ),
});
export type Suggestion = z.infer<typeof Suggestions>['suggestions'][number];

export const Me = z.object({
  tenant: z.string(),
  scopes: z.array(z.string()),
  open: z.boolean().describe('True when no key is asked for'),
});

/** RFC 9457. */
export const ProblemDocument = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  code: z.string(),
  hint: z.string(),
  retryable: z.boolean(),
});
