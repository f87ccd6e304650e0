/**
 * Runs one step of one video: claim, find or make the artifact (step-work.ts), and the four effects in their order -
 * artifact, ledger, output event, acknowledgement. A crash between any two is repaired by running the job again.
 */
import { randomUUID } from 'node:crypto';
import { CinedexError, type ErrorInfo, toCinedexError } from '../../shared/contracts/errors.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import type { JobResult } from '../../shared/ports/job-queue.ts';
import type { Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import { announceStep } from './announce.ts';
import { readArtifact, writeArtifact } from './artifact.ts';
import type { BoundStage } from './bind.ts';
import { abortable, Postponed, Rejected, UpstreamLost } from './interruptions.ts';
import { applyPlan, hasArtifact, laneOf, type PlannedStep, withCheckAt } from './plan.ts';
import type { Services } from './stage.ts';
import { type Handlers, type StepResult, type WorkDeps, workStep } from './step-work.ts';
import {
  backoffMs,
  type Claim,
  claimStep,
  extendLease,
  outageDelayMs,
  owns,
  requeueStep,
  resetStep,
  type Settlement,
  type StepJob,
  settleStep,
} from './steps.ts';

/**
 * The effects of a job in their order; tests stop the process after each. `ack` is told when all is handed on and the job
 * is about to be acknowledged: the last moment at which the queue would deliver it again.
 */
export type Effect = 'artifact' | 'ledger' | 'event' | 'ack';

/** What is told of every job: one wide event. */
export interface JobReport {
  tenant: string;
  videoId: string;
  stage: string;
  lane: string;
  key: string;
  attempt: number;
  outcome: Settlement['status'] | 'retry' | 'retryAfter' | 'released' | 'lost';
  code: string | null;
  message: string | null;
  reused: boolean;
  durationMs: number;
  fields: Record<string, string | number | boolean>;
  error?: unknown;
}

export interface Span {
  traceparent: string | undefined;
  end(report: JobReport): void;
}

export interface StepRunnerOptions {
  stages: readonly BoundStage[];
  handlers: Handlers;
  services: Services;
  bus: EventBus;
  ledger: Ledger;
  leaseMs: number;
  requeueMs: number;
  /** Hands planned steps to the queue. */
  enqueue: (video: VideoRecord, steps: PlannedStep[]) => Promise<void>;
  report: (report: JobReport) => void;
  startSpan: (job: StepJob, video: VideoRecord) => Span;
  /** Called after each effect; for tests. */
  onEffect?: (effect: Effect, job: StepJob) => void;
  now?: () => number;
  random?: () => number;
  /** How long a store that does not answer is waited for. @default one hour */
  storePatienceMs?: number;
}

/**
 * A store that does not answer is waited for, without counting attempts: an outage must not send every video of its time
 * to the dead letters. Bounded all the same, for a store may fail for ever at one video.
 */
const STORE_PATIENCE_MS = 60 * 60_000;

/** Deleting is bounded like a stage; its work is light. */
export const FORGET_LIMITS = { timeoutMs: 120_000, retry: { attempts: 5, backoffMs: 1_000 } };

export class StepRunner {
  readonly #o: Required<Omit<StepRunnerOptions, 'onEffect'>> & Pick<StepRunnerOptions, 'onEffect'>;
  readonly #byName: Map<string, BoundStage>;
  readonly #work: WorkDeps;

  constructor(options: StepRunnerOptions) {
    this.#o = { now: Date.now, random: Math.random, storePatienceMs: STORE_PATIENCE_MS, ...options };
    this.#byName = new Map(options.stages.map((bound) => [bound.stage.name, bound]));
    this.#work = { ...this.#o, stages: this.#byName };
  }

  /** The handler of every stage's queue. @param stopping aborted when the process stops */
  async run(job: StepJob, stopping: AbortSignal): Promise<JobResult> {
    const owner = randomUUID();
    const claim = await this.#claim(job, owner);
    if (claim.kind === 'stale') return { kind: 'done' };
    if (claim.kind === 'busy') return { kind: 'again', delayMs: Math.max(50, claim.delayMs) };
    if (claim.kind === 'settled') return this.#announceAgain(job, claim.video);

    const { video, step } = claim;
    const started = this.#o.now();
    const fields: JobReport['fields'] = { waitMs: Math.max(0, started - (step.notBefore ?? step.since)) };
    const span = this.#o.startSpan(job, video);
    const report = (outcome: JobReport['outcome'], more: Partial<JobReport> = {}) => {
      const full: JobReport = {
        ...{ tenant: job.tenant, videoId: job.videoId, stage: job.stage, lane: laneOf(video), key: job.key },
        ...{ attempt: step.attempts, outcome, code: null, message: null, reused: false },
        durationMs: this.#o.now() - started,
        fields,
        ...more,
      };
      this.#o.report(full);
      span.end(full);
    };

    if (claim.kind === 'exhausted') {
      const cause = step.error
        ? `Last error: ${step.error.code} ${step.error.message}`
        : 'Its workers died each time.';
      const error = new CinedexError(
        'ATTEMPTS_EXHAUSTED',
        `${job.stage} was tried ${step.attempts} times. ${cause}`,
      );
      return this.#fail(job, owner, error, 0, report, span);
    }

    const limits = this.#byName.get(job.stage)?.stage ?? FORGET_LIMITS;
    const lost = new AbortController();
    const signal = AbortSignal.any([stopping, lost.signal, AbortSignal.timeout(limits.timeoutMs)]);
    const heartbeat = this.#keepLease(job, owner, lost);
    let result: StepResult;
    try {
      result = await workStep(this.#work, job, video, {
        ...{ signal, fields, traceparent: span.traceparent },
      });
      if (result.artifact && !result.settlement.reused) {
        // Within the step's time and under its lease: a disk may be slow, or hang.
        await abortable(writeArtifact(this.#o.services.artifacts, job.key, result.artifact), signal);
        this.#o.onEffect?.('artifact', job);
      }
    } catch (thrown) {
      clearInterval(heartbeat);
      if (lost.signal.aborted) {
        report('lost');
        return { kind: 'done' };
      }
      return this.#handleError(job, owner, thrown, { stopping, signal, limits, step, report, started, span });
    }
    clearInterval(heartbeat);

    const durationMs = this.#o.now() - started;
    const settlement: Settlement = { ...result.settlement, durationMs };
    const settled = await this.#settle(job, owner, settlement);
    if (!settled) {
      report('lost');
      return { kind: 'done' };
    }
    this.#o.onEffect?.('ledger', job);
    await announceStep(this.#o, {
      ...{ job, video: settled.video, settlement },
      ...{ output: result.output, traceparent: span.traceparent },
    });
    this.#o.onEffect?.('event', job);
    await this.#o.enqueue(settled.video, settled.queue);
    report(settlement.status, { reused: settlement.reused, message: settlement.missing?.join(', ') ?? null });
    this.#o.onEffect?.('ack', job);
    return { kind: 'done' };
  }

  async #claim(job: StepJob, owner: string): Promise<Claim> {
    const maxAttempts = (this.#byName.get(job.stage)?.stage ?? FORGET_LIMITS).retry.attempts;
    let claim: Claim = { kind: 'stale' };
    await this.#o.ledger.update(job, (current) => {
      const taken = claimStep(current, job, {
        owner,
        now: this.#o.now(),
        leaseMs: this.#o.leaseMs,
        maxAttempts,
      });
      claim = taken.claim;
      return taken.video && withCheckAt(taken.video, this.#o.requeueMs);
    });
    return claim;
  }

  #keepLease(job: StepJob, owner: string, lost: AbortController): NodeJS.Timeout {
    const beat = async () => {
      let mine = false;
      await this.#o.ledger.update(job, (current) => {
        mine = owns(current, job, owner);
        if (!mine || !current) return undefined;
        return withCheckAt(extendLease(current, job, this.#o.now() + this.#o.leaseMs), this.#o.requeueMs);
      });
      if (!mine) lost.abort(new CinedexError('ABORTED', 'The lease was lost to another worker.'));
    };
    const timer = setInterval(() => {
      beat().catch((error) => this.#o.services.logger.warn({ err: error, ...job }, 'lease not extended'));
    }, this.#o.leaseMs / 3);
    timer.unref();
    return timer;
  }

  async #handleError(
    job: StepJob,
    owner: string,
    thrown: unknown,
    run: {
      stopping: AbortSignal;
      signal: AbortSignal;
      limits: { retry: { attempts: number; backoffMs: number }; timeoutMs: number };
      step: { attempts: number; outageSince?: number };
      report: (outcome: JobReport['outcome'], more?: Partial<JobReport>) => void;
      started: number;
      span: Span;
    },
  ): Promise<JobResult> {
    const { stopping, signal, limits, step, report, started, span } = run;
    if (stopping.aborted) {
      await this.#requeue(job, owner, { delayMs: 0, burn: false });
      report('released');
      return { kind: 'again', delayMs: 0 };
    }
    if (thrown instanceof Postponed) {
      await this.#requeue(job, owner, { delayMs: thrown.delayMs, burn: false });
      report('retryAfter', { message: thrown.message });
      return { kind: 'again', delayMs: thrown.delayMs };
    }
    if (thrown instanceof UpstreamLost) {
      await this.#repairUpstream(job, thrown.stage);
      report('released', { code: 'ARTIFACT_MISSING', message: thrown.message });
      return { kind: 'done' };
    }
    const error = signal.aborted
      ? new CinedexError('STAGE_TIMEOUT', `${job.stage} took longer than ${limits.timeoutMs} ms.`, {
          cause: thrown,
        })
      : toCinedexError(thrown);
    const permanent = thrown instanceof Rejected || !error.retryable;
    const now = this.#o.now();
    const outageSince = step.outageSince ?? now;
    if (!permanent && error.code === 'STORE_UNAVAILABLE' && now - outageSince < this.#o.storePatienceMs) {
      const delayMs = outageDelayMs(now - outageSince, limits.retry.backoffMs, this.#o.random);
      await this.#requeue(job, owner, { delayMs, burn: false, error: error.toInfo(), outageSince });
      report('retryAfter', { code: error.code, message: error.message, error: thrown });
      return { kind: 'again', delayMs };
    }
    if (!permanent && step.attempts < limits.retry.attempts) {
      const delayMs = backoffMs(step.attempts, limits.retry.backoffMs, this.#o.random);
      await this.#requeue(job, owner, { delayMs, burn: true, error: error.toInfo() });
      report('retry', { code: error.code, message: error.message, error: thrown });
      return { kind: 'again', delayMs };
    }
    return this.#fail(job, owner, error, this.#o.now() - started, report, span);
  }

  async #fail(
    job: StepJob,
    owner: string,
    error: CinedexError,
    durationMs: number,
    report: (outcome: JobReport['outcome'], more?: Partial<JobReport>) => void,
    span: Span,
  ): Promise<JobResult> {
    const settlement: Settlement = { status: 'failed', reused: false, durationMs, error: error.toInfo() };
    const settled = await this.#settle(job, owner, settlement);
    if (!settled) {
      report('lost');
      return { kind: 'done' };
    }
    this.#o.onEffect?.('ledger', job);
    await announceStep(this.#o, {
      ...{ job, video: settled.video, settlement },
      ...{ output: undefined, traceparent: span.traceparent },
    });
    this.#o.onEffect?.('event', job);
    await this.#o.enqueue(settled.video, settled.queue);
    report('failed', { code: error.code, message: error.message, error: error.cause ?? error });
    return { kind: 'failed', reason: `${error.code}: ${error.message}` };
  }

  /** Writes the settled step and, in the same write, what follows from it. Undefined when the lease was lost. */
  async #settle(
    job: StepJob,
    owner: string,
    settlement: Settlement,
  ): Promise<{ video: VideoRecord; queue: PlannedStep[] } | undefined> {
    let result: { video: VideoRecord; queue: PlannedStep[] } | undefined;
    await this.#o.ledger.update(job, (current) => {
      result = undefined;
      if (!owns(current, job, owner)) return undefined;
      const now = this.#o.now();
      const settled = settleStep(current, job, settlement, now);
      const planned = applyPlan(settled, this.#o.stages, now, { requeueMs: this.#o.requeueMs });
      result = planned ?? { video: withCheckAt(settled, this.#o.requeueMs), queue: [] };
      return result.video;
    });
    return result;
  }

  async #requeue(
    job: StepJob,
    owner: string,
    options: { delayMs: number; burn: boolean; error?: ErrorInfo; outageSince?: number },
  ): Promise<void> {
    await this.#o.ledger.update(job, (current) =>
      owns(current, job, owner)
        ? withCheckAt(requeueStep(current, job, { now: this.#o.now(), ...options }), this.#o.requeueMs)
        : undefined,
    );
  }

  async #repairUpstream(job: StepJob, upstream: string): Promise<void> {
    let queue: PlannedStep[] = [];
    const video = await this.#o.ledger.update(job, (current) => {
      if (!current) return undefined;
      const now = this.#o.now();
      const reset = resetStep(resetStep(current, upstream, now), job.stage, now);
      const planned = applyPlan(reset, this.#o.stages, now, { requeueMs: this.#o.requeueMs });
      queue = planned?.queue ?? [];
      return planned?.video ?? reset;
    });
    if (video) await this.#o.enqueue(video, queue);
  }

  /** A redelivered job whose step is settled: its event may never have been sent. Event ids are deterministic. */
  async #announceAgain(job: StepJob, video: VideoRecord): Promise<JobResult> {
    const step = video.steps[job.stage]!;
    const bound = this.#byName.get(job.stage);
    const found =
      bound && hasArtifact(step)
        ? await readArtifact(this.#o.services.artifacts, job.key, bound.stage.output, () => undefined)
        : undefined;
    const settlement: Settlement = {
      status: step.status as Settlement['status'],
      reused: step.reused ?? false,
      durationMs: step.durationMs ?? 0,
      missing: step.missing,
      error: step.error as ErrorInfo | undefined,
    };
    await announceStep(this.#o, {
      ...{ job, video, settlement },
      ...{ output: found?.output, traceparent: video.traceparent },
    });
    const waiting = Object.entries(video.steps).filter(([, { status }]) => status === 'queued');
    await this.#o.enqueue(
      video,
      waiting.map(([stage, { key, epoch }]) => ({ stage, key, epoch, action: 'queue' })),
    );
    return settlement.status === 'failed'
      ? { kind: 'failed', reason: `${settlement.error?.code}: ${settlement.error?.message}` }
      : { kind: 'done' };
  }
}
