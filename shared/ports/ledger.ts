/** What is known of every video and how far each stage is with it: the truth that `plan` reads. */
import { z } from 'zod';
import { Lane, SourceKind, TenantId, VideoId, type VideoRef } from '../contracts/common.ts';
import { MediaSource, VideoMetadata } from '../contracts/events.ts';

export const StepStatus = z.enum(['pending', 'queued', 'running', 'done', 'partial', 'skipped', 'failed']);
export type StepStatus = z.infer<typeof StepStatus>;

export const StepState = z.object({
  status: StepStatus,
  /** Stage key that this state is about. A step whose wanted key differs is stale. */
  key: z.string(),
  /** Version of the stage that the key stands for. Missing in records of before it was kept. */
  version: z.number().int().nonnegative().optional(),
  /** Which run of the step this is; part of the job id, so a re-driven step is a new job. */
  epoch: z.number().int().nonnegative(),
  /** Runs that counted against the retry limit. */
  attempts: z.number().int().nonnegative(),
  lease: z.object({ owner: z.string(), until: z.number() }).optional(),
  /** Not before this time, ms since the epoch (a retry's back-off). */
  notBefore: z.number().optional(),
  /** When it entered its present status, ms since the epoch. */
  since: z.number(),
  /** Since when it waits for a store that does not answer, ms since the epoch; gone when it answered. */
  outageSince: z.number().optional(),
  durationMs: z.number().nonnegative().optional(),
  /** True when the artifact was found, not made. */
  reused: z.boolean().optional(),
  error: z
    .object({ code: z.string(), message: z.string(), hint: z.string(), retryable: z.boolean() })
    .optional(),
  /** Of a partial result: what is missing. Of a skipped one: why. */
  missing: z.array(z.string()).optional(),
});
export type StepState = z.infer<typeof StepState>;

const InteractionCounts = z.object({
  impressions: z.number(),
  clicks: z.number(),
  watchSeconds: z.number(),
  /** Of the impressions whose rank is known, from which the mean rank follows. */
  ranked: z.object({ impressions: z.number(), sumOfRanks: z.number() }).optional(),
  /** How often viewers said that it does not answer the query. */
  notRelevant: z.number().optional(),
});
export type InteractionCounts = z.infer<typeof InteractionCounts>;

export const VideoRecord = z.object({
  tenant: TenantId,
  videoId: VideoId,
  /** Counts the accepted events that changed something; points of earlier revisions are removed. */
  revision: z.number().int().nonnegative(),
  source: SourceKind,
  lane: Lane,
  media: MediaSource,
  /** Identity of the media's bytes: its sha256, or a hash of uri and version where that is unknown. */
  contentHash: z.string(),
  metadata: VideoMetadata,
  /** Totals over all interaction events, and for the queries seen most. */
  interactions: InteractionCounts.extend({ queries: z.record(z.string(), InteractionCounts) }).optional(),
  /** Counts changes of the gallery that touch this video; `document` runs again when it moves. */
  galleryRevision: z.number().int().nonnegative(),
  deleted: z.boolean(),
  steps: z.record(z.string(), StepState),
  /**
   * Present while a backfill brings the video up to date: its jobs then go to the lowest lane. An event that changes the
   * video ends it, for then somebody waits.
   */
  backfill: z
    .object({
      id: z.string(),
      /** Stages that may run for it; others stay as they are, even when they are stale. Null: all. */
      stages: z.array(z.string()).nullable(),
    })
    .optional(),
  /** By stage, what made it run again on demand: part of the stage key, so that nothing is found under the old one. */
  redo: z.record(z.string(), z.string()).optional(),
  /** Where the newest upload event lies, for dead letters and replays. */
  origin: z.object({ topic: z.string(), partition: z.number().int(), offset: z.string() }).optional(),
  /** Ids of the events applied last, so that one that a producer sent twice is not counted twice. Bounded. */
  appliedEvents: z.array(z.string()),
  /**
   * Newest offset applied, by `topic/partition`. What lies before it has been applied: a replay of old events changes
   * nothing, whatever the clocks of their producers said.
   */
  appliedOffsets: z.record(z.string(), z.string()).default({}),
  traceparent: z.string().optional(),
  createdAt: z.number(),
  updatedAt: z.number(),
  /** When the sweeper should look at it next, ms since the epoch; null when everything is settled. */
  checkAt: z.number().nullable(),
});
export type VideoRecord = z.infer<typeof VideoRecord>;

export interface Ledger {
  get(ref: VideoRef): Promise<VideoRecord | undefined>;
  /**
   * Reads, changes and writes one record atomically. `change` gets a copy and returns the new record, or undefined to
   * leave it as it is; it must be pure, for it may run again when somebody else wrote meanwhile.
   * Resolves to the record as it is afterwards.
   */
  update(
    ref: VideoRef,
    change: (current: VideoRecord | undefined) => VideoRecord | undefined,
  ): Promise<VideoRecord | undefined>;
  /** Page of records in order of key, after `cursor`. */
  list(options?: {
    tenant?: string;
    cursor?: string;
    limit?: number;
  }): Promise<{ records: VideoRecord[]; cursor: string | null }>;
  /** Videos whose `checkAt` has passed, the longest overdue first. */
  due(now: number, limit: number): Promise<VideoRef[]>;
  /**
   * The time that leases are written and judged by, ms since the epoch: the store's own where several machines share it,
   * for their clocks differ. Missing: the machine's.
   */
  now?: () => number;
  close(): Promise<void>;
}
