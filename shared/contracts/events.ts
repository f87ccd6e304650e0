/**
 * Every event that crosses a topic: a CloudEvents 1.0 envelope around a payload with a zod schema. The version is part
 * of the type (`video.uploaded.v1`); changes within a version are additive.
 */
import { z } from 'zod';
import { BackfillState } from './backfill.ts';
import { Lane, Seconds, SourceKind, TenantId, VideoId } from './common.ts';
import { ERROR_TABLE, type ErrorCode } from './errors.ts';

const Count = z.number().int().nonnegative();

export const Statistics = z.object({
  views: Count.optional(),
  likes: Count.optional(),
  comments: Count.optional(),
  shares: Count.optional(),
  watchSeconds: z.number().nonnegative().optional(),
});

export const CastMember = z.object({
  name: z.string().min(1).max(200),
  role: z.enum(['actor', 'director', 'writer', 'host', 'guest', 'singer', 'voice', 'other']).default('actor'),
  character: z.string().max(200).optional(),
  aliases: z.array(z.string().min(1).max(200)).max(50).optional(),
});

/** What people wrote about the video. Everything but the title may be missing. */
export const VideoMetadata = z.object({
  title: z.string().min(1).max(1_000),
  description: z.string().max(20_000).optional(),
  tags: z.array(z.string().min(1).max(200)).max(200).optional(),
  /** BCP 47, such as `en` or `zh-Hans`. */
  language: z.string().max(35).optional(),
  uploader: z.object({ id: z.string().min(1).max(200), name: z.string().max(200).optional() }).optional(),
  channel: z.object({ id: z.string().min(1).max(200), name: z.string().max(200).optional() }).optional(),
  cast: z.array(CastMember).max(200).optional(),
  series: z.string().max(500).optional(),
  season: Count.optional(),
  episode: Count.optional(),
  publishedAt: z.iso.datetime({ offset: true }).optional(),
  licence: z.string().max(500).optional(),
  statistics: Statistics.optional(),
});
export type VideoMetadata = z.infer<typeof VideoMetadata>;

export const MediaSource = z.object({
  /** `file:` below a configured media root, or `https:`. */
  uri: z.string().min(1).max(4_096),
  /** Checksum of the bytes. With it, an unchanged file is recognised and a changed one refused. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Any string that changes when the bytes at the uri do (an ETag, an upload id); used where sha256 is missing. */
  version: z.string().max(500).optional(),
});
export type MediaSource = z.infer<typeof MediaSource>;

const Ref = z.object({ tenant: TenantId.default('default'), videoId: VideoId });

export const VideoUploaded = Ref.extend({
  source: SourceKind,
  media: MediaSource,
  metadata: VideoMetadata,
  /** Lowest lane for replays; by default the lane of its source. */
  lane: Lane.optional(),
});
export type VideoUploaded = z.infer<typeof VideoUploaded>;

/** Fields that are present replace those of the video; `null` removes one. Media that changed is uploaded again. */
export const VideoUpdated = Ref.extend({
  metadata: z.object(
    Object.fromEntries(
      Object.entries(VideoMetadata.shape).map(([key, field]) => [
        key,
        key === 'title' ? field.optional() : field.nullable().optional(),
      ]),
    ) as {
      [K in keyof typeof VideoMetadata.shape]: z.ZodOptional<z.ZodNullable<(typeof VideoMetadata.shape)[K]>>;
    },
  ),
});
export type VideoUpdated = z.infer<typeof VideoUpdated>;

export const VideoDeleted = Ref.extend({ reason: z.string().max(1_000).optional() });
export type VideoDeleted = z.infer<typeof VideoDeleted>;

/** What viewers did with a video since the last such event; counts are added to those known. */
export const VideoInteractions = Ref.extend({
  /** The query that led to the video; without one the counts are for all ways that lead to it. */
  query: z.string().max(500).optional(),
  impressions: Count.default(0),
  clicks: Count.default(0),
  watchSeconds: z.number().nonnegative().default(0),
  /** How often a viewer said that it does not answer the query. */
  notRelevant: Count.optional(),
  /** Mean rank at which it was shown, from 1; needed to correct for position. */
  meanPosition: z.number().min(1).optional(),
  /** The span of time that the counts cover. */
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
});
export type VideoInteractions = z.infer<typeof VideoInteractions>;

/** What a stage leaves on its topic: a reference to its artifact, never the artifact. */
export const StageSettled = Ref.extend({
  stage: z.string(),
  revision: Count,
  status: z.enum(['done', 'partial', 'skipped']),
  /** Stage key: the name of the artifact. Missing for `skipped`. */
  artifact: z.string().optional(),
  /** True when the artifact was found and no work was done. */
  reused: z.boolean(),
  missing: z.array(z.string()).optional(),
  reason: z.string().optional(),
  durationMs: z.number().nonnegative(),
});
export type StageSettled = z.infer<typeof StageSettled>;

export const VideoIndexed = Ref.extend({
  revision: Count,
  generation: z.string(),
  points: z.record(z.string(), Count),
  /** Stages that did not fully contribute. Empty: complete. */
  missing: z.array(z.string()),
  durationSec: Seconds.optional(),
});
export type VideoIndexed = z.infer<typeof VideoIndexed>;

export const DeadLetter = z.object({
  reason: z.string(),
  code: z.enum(Object.keys(ERROR_TABLE) as [ErrorCode, ...ErrorCode[]]),
  hint: z.string(),
  stage: z.string(),
  attempts: Count,
  /** Where the original came from. Missing when it never was on a topic. */
  origin: z.object({ topic: z.string(), partition: z.number().int(), offset: z.string() }).optional(),
  /** The original event, as text, exactly as it came (it may be what is broken), unless it was very long. */
  original: z.string(),
  /** Characters of the original, where only its beginning is kept; the rest lies at `origin`. */
  originalLength: Count.optional(),
  /** Headers of the original, so that it can be sent again when its topic holds it no more. */
  originalHeaders: z.record(z.string(), z.string()).optional(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/** What became of a dead letter. The newest one of a letter counts. */
export const DeadLetterHandled = z.object({
  /** Id (`ce_id`) of the dead letter. */
  letter: z.string(),
  action: z.enum(['replayed', 'dropped']),
  /** What the replay did, or why it was dropped. */
  note: z.string().max(1_000).optional(),
});
export type DeadLetterHandled = z.infer<typeof DeadLetterHandled>;

/** Event types and their payloads; the one list that everything else is derived from. */
export const EVENT_TYPES = {
  'video.uploaded.v1': VideoUploaded,
  'video.updated.v1': VideoUpdated,
  'video.deleted.v1': VideoDeleted,
  'video.interactions.v1': VideoInteractions,
  'video.stage-settled.v1': StageSettled,
  'video.indexed.v1': VideoIndexed,
  'video.dead-letter.v1': DeadLetter,
  'video.dead-letter-handled.v1': DeadLetterHandled,
  'video.backfill.v1': BackfillState,
} as const;
export type EventType = keyof typeof EVENT_TYPES;
export type EventData<T extends EventType> = z.infer<(typeof EVENT_TYPES)[T]>;

/** Topics that exist whatever the stages are; each stage adds `video.<stage>`. */
export const TOPICS = {
  ogc: 'videos.ogc',
  ugc: 'videos.ugc',
  interactions: 'videos.interactions',
  indexed: 'video.indexed',
  dlq: 'videos.dlq',
  dlqHandled: 'videos.dlq.handled',
  backfills: 'videos.backfills',
} as const;

export function stageTopic(stage: string): string {
  return `video.${stage}`;
}
