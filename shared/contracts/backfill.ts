/** Backfills: what is asked for, what that comes to, and how far it is. */
import { z } from 'zod';

const Count = z.number().int().nonnegative();

/** A stretch of a partition: `from` is the first offset, `to` the one after the last. */
export const OffsetRange = z.object({ partition: z.number().int(), from: z.string(), to: z.string() });
export type OffsetRange = z.infer<typeof OffsetRange>;

export const BackfillRequest = z.object({
  /** Only this tenant's videos; all tenants' when missing. */
  tenant: z.string().optional(),
  /** Topics whose events choose the videos. Empty: every video of the ledger. */
  topics: z.array(z.string()).default([]),
  /** Only events appended at or after this time, ms since the epoch. */
  since: z.number().optional(),
  /** Only events appended before this time, ms since the epoch. */
  until: z.number().optional(),
  /** Only these stretches; wants exactly one topic. */
  offsets: z.array(OffsetRange).optional(),
  /** Stages that may run, with those that need them. Empty: all. */
  stages: z.array(z.string()).default([]),
  /** Condition on videos; see ops/backfill/where.ts. */
  where: z.string().optional(),
  /** Runs the named stages even where their key is up to date. */
  force: z.boolean().default(false),
  /** Writes every video's points into the generation of the present models, and switches searches over to it. */
  rebuildIndex: z.boolean().default(false),
  /** Generation that a rebuild is meant to fill; refused when the present models make another. */
  generation: z.string().optional(),
  /** Videos handed to workers a second, at most. */
  rate: z.number().positive().optional(),
  /** Videos of this backfill in work side by side. */
  parallel: z.number().int().min(1).max(1_000).default(1),
});
export type BackfillRequest = z.infer<typeof BackfillRequest>;

export const StageCost = z.object({
  stage: z.string(),
  videos: Count,
  /** Mean duration of a run of this stage, from the ledger; null where none is recorded. */
  meanMs: z.number().nullable(),
  /** Expected sum for the planned videos, seconds of wall time of its handlers; null where no duration is known. */
  seconds: z.number().nullable(),
});
export type StageCost = z.infer<typeof StageCost>;

export const BackfillPlan = z.object({
  id: z.string(),
  request: BackfillRequest,
  /** Ms since the epoch. */
  createdAt: z.number(),
  /** What is read, by topic. Empty when the ledger is walked. */
  ranges: z.record(z.string(), z.array(OffsetRange)),
  /** Events (or records of the ledger) to go through. */
  records: Count,
  /** Distinct videos among them. */
  videos: Count,
  /** Of those: met the condition. */
  matched: Count,
  /** Of those: have something to do. */
  stale: Count,
  /** Of those in the topics: deleted, or never taken in. */
  gone: Count,
  stages: z.array(StageCost),
  /** Sum over the stages: wall seconds of their handlers on one worker slot each, an upper bound (found artifacts are free). */
  seconds: z.number(),
  /** Generation that the rebuild fills. */
  generation: z.string().nullable(),
});
export type BackfillPlan = z.infer<typeof BackfillPlan>;

export const BackfillCounts = z.object({
  /** Events or ledger records gone through, of `total`. */
  records: Count,
  total: Count,
  /** Videos decided on. */
  videos: Count,
  /** Handed to workers. */
  enqueued: Count,
  /** Nothing to do. */
  upToDate: Count,
  /** Did not meet the condition, deleted, or unknown. */
  passedOver: Count,
  /** Handed over and not settled yet. */
  outstanding: Count,
});
export type BackfillCounts = z.infer<typeof BackfillCounts>;

export const BackfillState = z.object({
  plan: BackfillPlan,
  /** `open`: planned or running, or stopped and waiting for `resume`. */
  state: z.enum(['open', 'done', 'cancelled']),
  counts: BackfillCounts.optional(),
  /** What a rebuild ended with. */
  note: z.string().optional(),
});
export type BackfillState = z.infer<typeof BackfillState>;
