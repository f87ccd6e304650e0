/**
 * The one reducer that decides what runs next. Nothing else starts a stage: not another stage, not a queue's callback.
 * Pure, so every situation a video can be in is a test case.
 */
import type { Lane } from '../../shared/contracts/common.ts';
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
  const redo = video.redo?.[bound.stage.name];
  return digest([
    video.tenant,
    video.videoId,
    video.contentHash,
    bound.fingerprint,
    bound.stage.keyInputs?.(video) ?? null,
    upstream,
    ...(redo === undefined ? [] : [redo]),
  ]);
}

/** Lane of a video's jobs. */
export function laneOf(video: VideoRecord): Lane {
  return video.backfill ? 'backfill' : video.lane;
}

/** Steps that should be handed to workers (or settled as skipped) now. Empty: nothing to do but wait, or all settled. */
export function plan(video: VideoRecord, stages: readonly BoundStage[]): PlannedStep[] {
  const forgetting = video.steps[FORGET];
  if (!video.deleted && forgetting && !isSettled(forgetting)) return [];
  if (video.deleted) {
    const key = `${FORGET}-${video.revision}`;
    if (forgetting?.key === key && forgetting.status !== 'pending') return [];
    // A step that runs may yet write what is to be forgotten; when it ends, or its lease does, this is planned again.
    const runs = Object.entries(video.steps).some(
      ([name, { status }]) => name !== FORGET && status === 'running',
    );
    if (runs) return [];
    return [{ stage: FORGET, key, epoch: (forgetting?.epoch ?? 0) + 1, action: 'queue' }];
  }
  const planned: PlannedStep[] = [];
  const settledNow = new Set<string>();
  for (const bound of stages) {
    const needs = [...bound.requires, ...bound.joins];
    if (!needs.every((name) => settledNow.has(name))) continue;
    const { name } = bound.stage;
    const step = video.steps[name];
    if (step && isSettled(step) && video.backfill?.stages?.includes(name) === false) {
      settledNow.add(name);
      continue;
    }
    const key = stageKey(video, bound);
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
      const version = stages.find(({ stage }) => stage.name === step.stage)?.stage.version;
      const base = {
        ...{ key: step.key, epoch: step.epoch, attempts: 0, since: now },
        ...(version !== undefined && { version }),
      };
      if (step.action === 'skip')
        changed[step.stage] = { ...base, status: 'skipped', missing: [step.reason!] };
      else {
        changed[step.stage] = { ...base, status: 'queued' };
        queue.push(step);
      }
    }
    current = { ...current, steps: { ...current.steps, ...changed } };
  }
  if (current.backfill && isVideoSettled(current)) {
    const { backfill: _, ...ended } = current;
    current = ended;
  }
  if (current === video) return undefined;
  return { video: withCheckAt(current, timing.requeueMs), queue };
}

/**
 * Stages that would run for this video now if each of them succeeded, in order: what a backfill has to do. The answer
 * comes from the reducer itself; stages whose artifact is there already are among them.
 */
export function foresee(video: VideoRecord, stages: readonly BoundStage[]): string[] {
  const foreseen: string[] = [];
  let current = video;
  for (;;) {
    const steps = plan(current, stages);
    if (steps.length === 0) return foreseen;
    const changed: Record<string, StepState> = {};
    for (const { stage, key, epoch, action } of steps) {
      if (action === 'queue') foreseen.push(stage);
      const status = action === 'queue' ? 'done' : 'skipped';
      changed[stage] = { status, key, epoch, attempts: 0, since: 0 };
    }
    current = { ...current, steps: { ...current.steps, ...changed } };
  }
}

/**
 * Puts a video under a backfill: what follows runs in the lowest lane and touches only these stages. A video that live work
 * is on stays out of it: that work brings it up to date anyway, in its own lane.
 * @param options.stages null: all
 * @param options.redo stages that run again even where their key is up to date; entering twice does not run them twice
 */
export function enterBackfill(
  video: VideoRecord,
  options: { id: string; stages: readonly string[] | null; redo: readonly string[] },
): VideoRecord {
  const { id, stages, redo } = options;
  const asked = redo.filter((stage) => video.redo?.[stage] !== id);
  const next =
    asked.length === 0
      ? video
      : { ...video, redo: { ...video.redo, ...Object.fromEntries(asked.map((stage) => [stage, id])) } };
  if (video.deleted || (!video.backfill && !isVideoSettled(video))) return next;
  const before = video.backfill;
  const union = before && (stages === null || before.stages === null ? null : [...before.stages, ...stages]);
  const scope = union === undefined ? stages && [...stages] : union && [...new Set(union)];
  return { ...next, backfill: { id, stages: scope } };
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
