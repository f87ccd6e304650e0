/**
 * The one reducer that decides what runs next. Nothing else starts a stage: not another stage, not a queue's callback.
 * Pure, so every situation a video can be in is a test case.
 */
import type { StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import { type BoundStage, digest } from './bind.ts';

/** The step of a deleted video: every stage's `forget`, then its manifests. */
export const FORGET = 'forget';

export interface PlannedStep {
  stage: string;
  key: string;
  epoch: number;
  /** `queue`: hand it to workers. `skip`: a stage that it requires did not succeed, so it is settled without running. */
  action: 'queue' | 'skip';
  reason?: string;
}

export function isSettled(step: StepState): boolean {
  return (
    step.status === 'done' ||
    step.status === 'partial' ||
    step.status === 'skipped' ||
    step.status === 'failed'
  );
}

/** Done or partial: there is an artifact. */
export function hasArtifact(step: StepState): boolean {
  return step.status === 'done' || step.status === 'partial';
}

/**
 * Key of a stage for this video: same key, same artifact. It changes with the media, the stage's version, models and
 * options, what it reads of the record, and the keys (and success) of the stages before it.
 */
export function stageKey(video: VideoRecord, bound: BoundStage): string {
  const upstream = [...bound.requires, ...bound.joins].sort().map((name) => {
    const step = video.steps[name];
    return [name, step?.key ?? null, step?.status ?? null];
  });
  return digest([
    video.tenant,
    video.videoId,
    video.contentHash,
    bound.fingerprint,
    bound.stage.keyInputs?.(video) ?? null,
    upstream,
  ]);
}

/** Steps that should be handed to workers (or settled as skipped) now. Empty: nothing to do but wait, or all settled. */
export function plan(video: VideoRecord, stages: readonly BoundStage[]): PlannedStep[] {
  const forgetting = video.steps[FORGET];
  if (!video.deleted && forgetting && !isSettled(forgetting)) return [];
  if (video.deleted) {
    const key = `${FORGET}-${video.revision}`;
    if (forgetting?.key === key && forgetting.status !== 'pending') return [];
    return [{ stage: FORGET, key, epoch: (forgetting?.epoch ?? 0) + 1, action: 'queue' }];
  }
  const planned: PlannedStep[] = [];
  const settledNow = new Set<string>();
  for (const bound of stages) {
    const needs = [...bound.requires, ...bound.joins];
    if (!needs.every((name) => settledNow.has(name))) continue;
    const { name } = bound.stage;
    const key = stageKey(video, bound);
    const step = video.steps[name];
    if (step?.key === key && step.status !== 'pending') {
      if (isSettled(step)) settledNow.add(name);
      continue;
    }
    const epoch = (step?.epoch ?? 0) + 1;
    const unmet = bound.requires.filter((need) => !hasArtifact(video.steps[need]!));
    if (unmet.length > 0) {
      const reason = unmet.map((need) => `${need} ${video.steps[need]!.status}`).join(', ');
      planned.push({ stage: name, key, epoch, action: 'skip', reason });
    } else planned.push({ stage: name, key, epoch, action: 'queue' });
  }
  return planned;
}

/**
 * Whether nothing waits or runs for this video. A video that a newer version of a stage has made stale is settled too,
 * until an event, a repair or a backfill plans it again.
 */
export function isVideoSettled(video: VideoRecord): boolean {
  return Object.values(video.steps).every(isSettled);
}

/**
 * Enters the plan into the record: queued steps and skipped ones, again and again until nothing more follows (a skipped
 * stage settles those behind it). Returns the new record and the steps to hand to workers; undefined when nothing changed.
 */
export function applyPlan(
  video: VideoRecord,
  stages: readonly BoundStage[],
  now: number,
  timing: { requeueMs: number },
): { video: VideoRecord; queue: PlannedStep[] } | undefined {
  let current = video;
  const queue: PlannedStep[] = [];
  for (;;) {
    const steps = plan(current, stages);
    if (steps.length === 0) break;
    const changed: Record<string, StepState> = {};
    for (const step of steps) {
      const base = { key: step.key, epoch: step.epoch, attempts: 0, since: now };
      if (step.action === 'skip')
        changed[step.stage] = { ...base, status: 'skipped', missing: [step.reason!] };
      else {
        changed[step.stage] = { ...base, status: 'queued' };
        queue.push(step);
      }
    }
    current = { ...current, steps: { ...current.steps, ...changed } };
  }
  if (current === video) return undefined;
  return { video: withCheckAt(current, timing.requeueMs), queue };
}

/** The record with the time at which the sweeper should look again, from its steps. */
export function withCheckAt(video: VideoRecord, requeueMs: number): VideoRecord {
  let checkAt: number | null = null;
  for (const step of Object.values(video.steps)) {
    let at: number | undefined;
    if (step.status === 'pending') at = step.since;
    if (step.status === 'queued') at = Math.max(step.since, step.notBefore ?? 0) + requeueMs;
    if (step.status === 'running') at = step.lease?.until ?? step.since;
    if (at !== undefined && (checkAt === null || at < checkAt)) checkAt = at;
  }
  return video.checkAt === checkAt ? video : { ...video, checkAt };
}
