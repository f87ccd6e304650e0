/** Changes of one step in a video's record: taking it, keeping it, settling it. Pure, each run inside Ledger.update. */
import type { ErrorInfo } from '../../shared/contracts/errors.ts';
import type { StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import { FORGET, isSettled } from './plan.ts';

/** Names one run of one step; the data of its job. */
export interface StepJob {
  tenant: string;
  videoId: string;
  stage: string;
  key: string;
  epoch: number;
}

export type Claim =
  /** It is ours now. */
  | { kind: 'claimed'; video: VideoRecord; step: StepState }
  /** The record has moved on; there is nothing to do. */
  | { kind: 'stale' }
  /** Done before, but perhaps not announced: the worker died after the ledger was written. */
  | { kind: 'settled'; video: VideoRecord; step: StepState }
  /** Somebody works on it, or it is not due yet. */
  | { kind: 'busy'; delayMs: number }
  /** Its workers died so often that it will not be tried again. */
  | { kind: 'exhausted'; video: VideoRecord; step: StepState };

export function claimStep(
  video: VideoRecord | undefined,
  job: StepJob,
  options: { owner: string; now: number; leaseMs: number; maxAttempts: number },
): { claim: Claim; video?: VideoRecord } {
  const { owner, now, leaseMs, maxAttempts } = options;
  const step = video?.steps[job.stage];
  if (!video || !step || step.key !== job.key || step.epoch !== job.epoch)
    return { claim: { kind: 'stale' } };
  if (isSettled(step)) return { claim: { kind: 'settled', video, step } };
  // Nothing may be made of a video while it is forgotten, or after.
  if (video.deleted && job.stage !== FORGET) return { claim: { kind: 'stale' } };
  if (step.status === 'running' && step.lease && step.lease.until > now && step.lease.owner !== owner) {
    return { claim: { kind: 'busy', delayMs: step.lease.until - now } };
  }
  if (step.notBefore !== undefined && step.notBefore > now) {
    return { claim: { kind: 'busy', delayMs: step.notBefore - now } };
  }
  const exhausted = step.attempts >= maxAttempts;
  const taken: StepState = {
    ...step,
    status: 'running',
    attempts: exhausted ? step.attempts : step.attempts + 1,
    lease: { owner, until: now + leaseMs },
    since: now,
    notBefore: undefined,
  };
  const next = withStep(video, job.stage, taken);
  return { claim: { kind: exhausted ? 'exhausted' : 'claimed', video: next, step: taken }, video: next };
}

/** Whether the step is still this owner's. */
export function owns(video: VideoRecord | undefined, job: StepJob, owner: string): video is VideoRecord {
  const step = video?.steps[job.stage];
  return (
    step?.status === 'running' &&
    step.epoch === job.epoch &&
    step.key === job.key &&
    step.lease?.owner === owner
  );
}

export function extendLease(video: VideoRecord, job: StepJob, until: number): VideoRecord {
  const step = video.steps[job.stage]!;
  return withStep(video, job.stage, { ...step, lease: { owner: step.lease!.owner, until } });
}

export interface Settlement {
  status: 'done' | 'partial' | 'skipped' | 'failed';
  reused: boolean;
  durationMs: number;
  missing?: string[];
  error?: ErrorInfo;
}

export function settleStep(
  video: VideoRecord,
  job: StepJob,
  settlement: Settlement,
  now: number,
): VideoRecord {
  const { key, version, epoch, attempts } = video.steps[job.stage]!;
  const { status, reused, durationMs, missing, error } = settlement;
  return withStep(video, job.stage, {
    status,
    key,
    ...(version !== undefined && { version }),
    epoch,
    attempts,
    since: now,
    durationMs,
    reused,
    ...(missing?.length && { missing }),
    ...(error && { error }),
  });
}

/** Puts a step back for another run. `burn: false` gives the attempt back; `outageSince` says that a store is waited for. */
export function requeueStep(
  video: VideoRecord,
  job: StepJob,
  options: { now: number; delayMs: number; burn: boolean; error?: ErrorInfo; outageSince?: number },
): VideoRecord {
  const { lease: _, error: __, outageSince: ___, ...step } = video.steps[job.stage]!;
  return withStep(video, job.stage, {
    ...step,
    status: 'queued',
    since: options.now,
    attempts: options.burn ? step.attempts : Math.max(0, step.attempts - 1),
    ...(options.delayMs > 0 && { notBefore: options.now + options.delayMs }),
    ...(options.error && { error: options.error }),
    ...(options.outageSince !== undefined && { outageSince: options.outageSince }),
  });
}

/** Marks a step so that the plan makes it anew, whatever it was. */
export function resetStep(video: VideoRecord, stage: string, now: number): VideoRecord {
  const step = video.steps[stage];
  if (!step) return video;
  return withStep(video, stage, {
    status: 'pending',
    key: step.key,
    epoch: step.epoch,
    attempts: 0,
    since: now,
  });
}

/**
 * What the sweeper does with a record: frees steps whose worker is silent, and names all steps that wait and should be
 * in the queue (handing one over twice changes nothing).
 * @param abandoned true when no other process can hold a lease, so every running step is free
 */
export function releaseOverdue(
  video: VideoRecord,
  now: number,
  abandoned: boolean,
): { video: VideoRecord; waiting: StepJob[] } {
  let next = video;
  const waiting: StepJob[] = [];
  for (const [stage, step] of Object.entries(video.steps)) {
    if (step.status === 'running' && (abandoned || (step.lease?.until ?? 0) <= now)) {
      const { lease: _, ...rest } = step;
      next = withStep(next, stage, { ...rest, status: 'queued', since: now });
    } else if (step.status === 'queued') {
      next = withStep(next, stage, { ...step, since: now });
    } else continue;
    waiting.push({ tenant: video.tenant, videoId: video.videoId, stage, key: step.key, epoch: step.epoch });
  }
  return { video: next, waiting };
}

/** Milliseconds before attempt `attempts + 1`: doubling, with full jitter on the upper half. */
export function backoffMs(attempts: number, baseMs: number, random: () => number): number {
  const ceiling = Math.min(baseMs * 2 ** Math.max(0, attempts - 1), 10 * 60_000);
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}

/**
 * Milliseconds before a store that does not answer is tried again: half as long as it has been waited for, at least
 * `baseMs` and at most 15 s, with jitter on the upper half.
 */
export function outageDelayMs(waitedMs: number, baseMs: number, random: () => number): number {
  const ceiling = Math.max(baseMs, Math.min(waitedMs / 2, 15_000));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}

function withStep(video: VideoRecord, stage: string, step: StepState): VideoRecord {
  return { ...video, steps: { ...video.steps, [stage]: step } };
}
