/** One process's share of the pipeline: intake, a worker a stage, the sweeper, and back-pressure between them. */
import { EventEmitter, once } from 'node:events';
import type { Config } from '../../shared/config.ts';
import type { Lane, VideoRef } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { stageTopic, TOPICS } from '../../shared/contracts/events.ts';
import type { EventBus, Subscription } from '../../shared/ports/event-bus.ts';
import type { Job, JobQueue, LaneDepth, QueueCounts, QueueWorker } from '../../shared/ports/job-queue.ts';
import type { Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import type { HealthNotes } from '../../shared/telemetry/liveness.ts';
import { type BoundStage, digest } from './bind.ts';
import { type Due, INTAKE_GROUP, INTAKE_TOPICS, startIntake } from './intake.ts';
import { lagOf } from './lag.ts';
import { patiently } from './patience.ts';
import { applyPlan, FORGET, isVideoSettled, laneOf, type PlannedStep, withCheckAt } from './plan.ts';
import type { Services } from './stage.ts';
import { type Effect, FORGET_LIMITS, type JobReport, type Span, StepRunner } from './step-runner.ts';
import type { Handlers } from './step-work.ts';
import { releaseOverdue, resetStep, type StepJob } from './steps.ts';

export interface RuntimeOptions {
  stages: readonly BoundStage[];
  services: Services;
  bus: EventBus;
  queue: JobQueue;
  ledger: Ledger;
  config: Config;
  /** True when no other process shares the ledger: at start, every lease is free. */
  exclusive: boolean;
  /** Stages whose jobs this process takes; it plans all the same. Default: all. */
  work?: readonly string[];
  /** Whether this process takes events in. @default true */
  intake?: boolean;
  /** Where it is noted what liveness is judged by. */
  health?: HealthNotes;
  report: (report: JobReport) => void;
  startSpan: (job: StepJob, video: VideoRecord) => Span;
  trace: (name: string, traceparent: string | undefined) => string | undefined;
  /** Told of every queue now and then: how deep it is, and how long its oldest job has waited, ms by lane. */
  observeQueue?: (name: string, counts: QueueCounts, lanes: Partial<Record<Lane, LaneDepth>>) => void;
  /** Told now and then how many events the intake has before it. */
  observeLag?: (group: string, topic: string, records: number) => void;
  /** Told when intake begins to wait for deep queues, and when it goes on. */
  onPaused?: (paused: boolean) => void;
  onEffect?: (effect: Effect, job: StepJob) => void;
  now?: () => number;
  random?: () => number;
}

export interface Progress {
  total: number;
  settled: number;
  running: { ref: VideoRef; stage: string }[];
}

const SWEEP_BATCH = 200;
/** Counting every queue costs a round trip each, so intake asks no more often than this, ms. */
const LOOK_EVERY_MS = 200;
/** How often the lag of the intake is asked for, ms. */
const LAG_EVERY_MS = 15_000;

export class Runtime {
  readonly #o: RuntimeOptions;
  readonly #handlers: Handlers = new Map();
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #running = new Map<string, { ref: VideoRef; stage: string }>();
  readonly #now: () => number;
  #runner: StepRunner | undefined;
  #workers: QueueWorker[] = [];
  #intake: Subscription | undefined;
  #paused = false;
  #counts = new Map<string, QueueCounts>();
  #lookedAt = 0;
  #lagAt = 0;
  #sweeper: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(options: RuntimeOptions) {
    this.#o = options;
    this.#now = options.now ?? options.ledger.now ?? Date.now;
  }

  get #requeueMs(): number {
    return this.#o.config.runtime.leaseMs;
  }

  /** Makes the handlers and loads their models; then, and only then, takes work. */
  async start(): Promise<void> {
    const { stages, services, bus, queue, config, health } = this.#o;
    const worked = this.#workedStages();
    const names = worked.map(({ stage }) => stage.name);
    const queues = this.#takesForget(worked) ? [...names, FORGET] : names;
    // Forgetting a video asks every stage to undo what it left; for that alone no models are loaded.
    const needed = queues.includes(FORGET) ? stages : worked;
    for (const { stage, config: stageConfig } of needed) {
      this.#handlers.set(stage.name, await stage.create(services, stageConfig as never));
    }
    await Promise.all(names.map((name) => this.#handlers.get(name)?.warmUp?.()));
    await bus.ensureTopics([
      ...[
        ...INTAKE_TOPICS,
        TOPICS.indexed,
        TOPICS.dlq,
        ...stages.map(({ stage }) => stageTopic(stage.name)),
      ].map((name) => ({ name, partitions: config.runtime.partitions, retentionMs: null })),
    ]);
    this.#runner = new StepRunner({
      ...this.#o,
      now: this.#now,
      handlers: this.#handlers,
      leaseMs: config.runtime.leaseMs,
      requeueMs: this.#requeueMs,
      enqueue: (video, steps) => this.#enqueue([{ video, steps }]),
    });
    if (this.#o.exclusive) await this.#recover();
    for (const name of queues) {
      const stage = stages.find((bound) => bound.stage.name === name)?.stage;
      const { concurrency, timeoutMs } = stage ?? { concurrency: 1, timeoutMs: FORGET_LIMITS.timeoutMs };
      health?.takes(name, concurrency, timeoutMs);
      const worker = await queue.process<StepJob>(name, {
        concurrency,
        handler: (job, signal) => this.#runJob(job.data, signal),
        onError: (error) => services.logger.error({ err: error, queue: name }, 'queue'),
      });
      this.#workers.push(worker);
    }
    if (this.#o.intake ?? true) {
      const intake = {
        stages,
        bus,
        ledger: this.#o.ledger,
        requeueMs: this.#requeueMs,
        enqueue: async (due: Due[]) => {
          await this.#enqueue(due);
          if (this.#now() - this.#lookedAt >= LOOK_EVERY_MS) await this.#backPressure();
        },
        trace: this.#o.trace,
        logger: services.logger,
        now: this.#now,
      };
      this.#intake = await patiently(() => startIntake(intake), {
        onWait: (error) => services.logger.warn({ err: error }, 'the intake waits for the broker'),
      });
    }
    const tick = () => {
      this.#sweeping = this.#sweep()
        .catch((error) => services.logger.error({ err: error }, 'sweep failed; it is tried again'))
        .finally(() => {
          if (this.#sweeper) this.#sweeper = this.#later(tick);
        });
    };
    this.#sweeper = this.#later(tick);
  }

  /** Not all processes at the same moment, and not in step. */
  #later(tick: () => void): NodeJS.Timeout {
    const { config, random = Math.random } = this.#o;
    return setTimeout(tick, config.runtime.sweepMs * (0.75 + 0.5 * random())).unref();
  }

  #workedStages(): readonly BoundStage[] {
    const { stages, work } = this.#o;
    if (!work) return stages;
    const known = stages.map(({ stage }) => stage.name);
    for (const name of work) {
      if (!known.includes(name)) {
        throw new CinedexError('USAGE', `There is no stage "${name}"; there are ${known.join(', ')}.`);
      }
    }
    return stages.filter(({ stage }) => work.includes(stage.name));
  }

  /** Videos are forgotten by those who work a stage at the end, which no other needs. */
  #takesForget(worked: readonly BoundStage[]): boolean {
    const needed = new Set(this.#o.stages.flatMap(({ requires, joins }) => [...requires, ...joins]));
    return worked.some(({ stage }) => !needed.has(stage.name));
  }

  /** Stops fetching, lets running steps finish within the limit, gives the others back. */
  async stop(): Promise<void> {
    const { config, services, health } = this.#o;
    health?.drain();
    clearTimeout(this.#sweeper);
    this.#sweeper = undefined;
    await Promise.all([
      this.#sweeping,
      this.#intake?.stop(),
      ...this.#workers.map((worker) => worker.stop(config.runtime.shutdownMs)),
    ]);
    for (const [name, handler] of this.#handlers) {
      await handler
        .close?.()
        .catch((error) => services.logger.warn({ err: error, stage: name }, 'stage not closed'));
    }
  }

  /** Brings a video on after a change that was not an event (a gallery change, a repaired step). */
  async drive(ref: VideoRef, change: (video: VideoRecord) => VideoRecord = (video) => video): Promise<void> {
    let queue: PlannedStep[] = [];
    const video = await this.#o.ledger.update(ref, (current) => {
      queue = [];
      if (!current) return undefined;
      const changed = change(current);
      const planned = applyPlan(changed, this.#o.stages, this.#now(), { requeueMs: this.#requeueMs });
      queue = planned?.queue ?? [];
      return planned?.video ?? (changed === current ? undefined : withCheckAt(changed, this.#requeueMs));
    });
    if (video) await this.#enqueue([{ video, steps: queue }]);
  }

  /** Runs failed (and, when asked, partial) steps of a video again, with a fresh count of attempts. */
  async retry(ref: VideoRef, options: { stage?: string; partial?: boolean } = {}): Promise<string[]> {
    const record = await this.#o.ledger.get(ref);
    const stages = Object.entries(record?.steps ?? {})
      .filter(([name]) => !options.stage || name === options.stage)
      .filter(([, { status }]) => status === 'failed' || (options.partial && status === 'partial'))
      .map(([name]) => name);
    for (const stage of stages) await this.#o.services.artifacts.deleteManifest(record!.steps[stage]!.key);
    await this.drive(ref, (video) =>
      stages.reduce((next, stage) => resetStep(next, stage, this.#now()), video),
    );
    return stages;
  }

  /**
   * Waits until every published event is taken in and nothing is left to do.
   * @param options.refs only these videos; all when missing
   */
  async settled(
    options: { signal?: AbortSignal; refs?: VideoRef[]; onProgress?: (progress: Progress) => void } = {},
  ): Promise<VideoRecord[]> {
    const { signal, refs, onProgress } = options;
    for (;;) {
      signal?.throwIfAborted();
      const caughtUp = await this.#intakeCaughtUp();
      const records = refs ? await this.#get(refs) : await this.#all();
      const settled = records.filter(isVideoSettled);
      const total = refs?.length ?? records.length;
      onProgress?.({ total, settled: settled.length, running: this.running() });
      // A job that has settled its step may still have its event to send.
      const working = [...this.#running.values()].some(
        ({ ref }) => !refs || refs.some((one) => one.tenant === ref.tenant && one.videoId === ref.videoId),
      );
      if (caughtUp && !working && settled.length === total) return records;
      // A change wakes it at once; the timer covers work done by other processes.
      const wake = AbortSignal.any([AbortSignal.timeout(500), ...(signal ? [signal] : [])]);
      await once(this.#events, 'changed', { signal: wake }).catch((error) => {
        if (!wake.aborted) throw error;
      });
    }
  }

  /** Jobs that run in this process now. */
  running(): { ref: VideoRef; stage: string }[] {
    return [...this.#running.values()];
  }

  async #runJob(job: StepJob, signal: AbortSignal) {
    const id = jobId(job);
    this.#running.set(id, { ref: { tenant: job.tenant, videoId: job.videoId }, stage: job.stage });
    this.#o.health?.moved(job.stage, 1);
    try {
      return await this.#runner!.run(job, signal);
    } finally {
      this.#running.delete(id);
      this.#o.health?.moved(job.stage, -1);
      this.#events.emit('changed');
    }
  }

  async #enqueue(due: readonly Pick<Due, 'video' | 'steps'>[]): Promise<void> {
    const jobs = due.flatMap(({ video, steps }) =>
      steps.map(({ stage, key, epoch }): Job<StepJob> => {
        const data = { tenant: video.tenant, videoId: video.videoId, stage, key, epoch };
        return { id: jobId(data), data, lane: laneOf(video) };
      }),
    );
    const byStage = Map.groupBy(jobs, ({ data }) => data.stage);
    await Promise.all([...byStage].map(([stage, ofStage]) => this.#o.queue.add(stage, ofStage)));
    if (due.some(({ steps }) => steps.length === 0)) this.#events.emit('changed');
  }

  #queueNames(): string[] {
    return [...this.#o.stages.map(({ stage }) => stage.name), FORGET];
  }

  /** After a crash: whoever held a lease is gone, and what waited may have lost its job. */
  async #recover(): Promise<void> {
    const now = this.#now();
    for (const record of await this.#all()) {
      if (record.checkAt !== null) await this.#release(record, now, true);
    }
  }

  async #sweep(): Promise<void> {
    await this.#backPressure();
    await this.#observe();
    for (const ref of await this.#o.ledger.due(this.#now(), SWEEP_BATCH))
      await this.#release(ref, this.#now(), false);
    for (const handler of this.#handlers.values()) await handler.upkeep?.({ ledger: this.#o.ledger });
  }

  async #observe(): Promise<void> {
    const { observeQueue, observeLag, queue, intake = true } = this.#o;
    for (const [name, counts] of this.#counts) observeQueue?.(name, counts, await queue.lanes(name));
    if (!observeLag || !intake || this.#now() - this.#lagAt < LAG_EVERY_MS) return;
    this.#lagAt = this.#now();
    for (const topic of INTAKE_TOPICS)
      observeLag(INTAKE_GROUP, topic, await lagOf(this.#o.bus, INTAKE_GROUP, topic));
  }

  async #release(ref: VideoRef, now: number, abandoned: boolean): Promise<void> {
    let steps: Pick<PlannedStep, 'stage' | 'key' | 'epoch'>[] = [];
    const video = await this.#o.ledger.update(ref, (current) => {
      steps = [];
      // Another process's sweeper may have been here since.
      if (!current || (!abandoned && (current.checkAt === null || current.checkAt > now))) return undefined;
      const released = releaseOverdue(current, now, abandoned);
      const planned = applyPlan(released.video, this.#o.stages, now, { requeueMs: this.#requeueMs });
      steps = [...released.waiting, ...(planned?.queue ?? [])];
      return planned?.video ?? withCheckAt(released.video, this.#requeueMs);
    });
    if (video) await this.#enqueue([{ video, steps }]);
  }

  /** Stops taking events in while a stage's queue is deep, and goes on when it is not. */
  async #backPressure(): Promise<void> {
    const limit = this.#o.config.runtime.maxQueueDepth;
    this.#lookedAt = this.#now();
    const names = this.#queueNames();
    const counts = await Promise.all(names.map((name) => this.#o.queue.counts(name)));
    this.#counts = new Map(names.map((name, i) => [name, counts[i]!]));
    for (const [name, { waiting }] of this.#counts) this.#o.health?.observed(name, waiting);
    const deep = counts.some(({ waiting }) => waiting > (this.#paused ? limit / 2 : limit));
    if (!this.#intake || deep === this.#paused) return;
    this.#paused = deep;
    if (deep) this.#intake.pause();
    else this.#intake.resume();
    this.#o.onPaused?.(deep);
    this.#o.services.logger.info(
      { paused: deep, limit },
      deep ? 'intake paused: queues are deep' : 'intake goes on',
    );
  }

  async #intakeCaughtUp(): Promise<boolean> {
    for (const topic of INTAKE_TOPICS) {
      if ((await lagOf(this.#o.bus, INTAKE_GROUP, topic)) > 0) return false;
    }
    return true;
  }

  async #get(refs: VideoRef[]): Promise<VideoRecord[]> {
    const records = await Promise.all(refs.map((ref) => this.#o.ledger.get(ref)));
    return records.filter((record) => record !== undefined);
  }

  async #all(): Promise<VideoRecord[]> {
    const all: VideoRecord[] = [];
    let cursor: string | undefined;
    for (;;) {
      const page = await this.#o.ledger.list({ cursor, limit: 500 });
      all.push(...page.records);
      if (page.cursor === null) return all;
      cursor = page.cursor;
    }
  }
}

function jobId(job: StepJob): string {
  return `j${digest([job.tenant, job.videoId, job.stage, job.key, job.epoch]).slice(0, 32)}`;
}
