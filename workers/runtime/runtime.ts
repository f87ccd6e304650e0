/** One process's share of the pipeline: intake, a worker a stage, the sweeper, and back-pressure between them. */
import { EventEmitter, once } from 'node:events';
import type { Config } from '../../shared/config.ts';
import type { Lane, VideoRef } from '../../shared/contracts/common.ts';
import { stageTopic, TOPICS } from '../../shared/contracts/events.ts';
import type { EventBus, Subscription } from '../../shared/ports/event-bus.ts';
import type { JobQueue, QueueCounts, QueueWorker } from '../../shared/ports/job-queue.ts';
import type { Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import { type BoundStage, digest } from './bind.ts';
import { INTAKE_GROUP, INTAKE_TOPICS, startIntake } from './intake.ts';
import { applyPlan, FORGET, isVideoSettled, type PlannedStep, withCheckAt } from './plan.ts';
import type { Services } from './stage.ts';
import { type Effect, type Handlers, type JobReport, type Span, StepRunner } from './step-runner.ts';
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
  report: (report: JobReport) => void;
  startSpan: (job: StepJob, video: VideoRecord) => Span;
  trace: (name: string, traceparent: string | undefined) => string | undefined;
  /** Told of every queue now and then: how deep it is, and how long its oldest job has waited, ms by lane. */
  observeQueue?: (name: string, counts: QueueCounts, ages: Partial<Record<Lane, number>>) => void;
  onEffect?: (effect: Effect, job: StepJob) => void;
  now?: () => number;
  random?: () => number;
}

export interface Progress {
  total: number;
  settled: number;
  running: { ref: VideoRef; stage: string }[];
}

const PARTITIONS = 8;
const SWEEP_BATCH = 200;

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
  #sweeper: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(options: RuntimeOptions) {
    this.#o = options;
    this.#now = options.now ?? Date.now;
  }

  get #requeueMs(): number {
    return this.#o.config.runtime.leaseMs;
  }

  /** Makes the handlers and loads their models; then, and only then, takes work. */
  async start(): Promise<void> {
    const { stages, services, bus, queue, config } = this.#o;
    for (const { stage, config: stageConfig } of stages) {
      const handler = await stage.create(services, stageConfig as never);
      this.#handlers.set(stage.name, handler);
    }
    await Promise.all([...this.#handlers.values()].map((handler) => handler.warmUp?.()));
    await bus.ensureTopics([
      ...[
        ...INTAKE_TOPICS,
        TOPICS.indexed,
        TOPICS.dlq,
        ...stages.map(({ stage }) => stageTopic(stage.name)),
      ].map((name) => ({ name, partitions: PARTITIONS, retentionMs: null })),
    ]);
    this.#runner = new StepRunner({
      ...this.#o,
      handlers: this.#handlers,
      leaseMs: config.runtime.leaseMs,
      requeueMs: this.#requeueMs,
      enqueue: (video, steps) => this.#enqueue(video, steps),
    });
    if (this.#o.exclusive) await this.#recover();
    for (const name of this.#queueNames()) {
      const concurrency = stages.find(({ stage }) => stage.name === name)?.stage.concurrency ?? 1;
      const worker = await queue.process<StepJob>(name, {
        concurrency,
        handler: (job, signal) => this.#runJob(job.data, signal),
        onError: (error) => services.logger.error({ err: error, queue: name }, 'queue'),
      });
      this.#workers.push(worker);
    }
    this.#intake = await startIntake({
      stages,
      bus,
      ledger: this.#o.ledger,
      requeueMs: this.#requeueMs,
      enqueue: async (video, steps) => {
        await this.#enqueue(video, steps);
        await this.#backPressure();
      },
      trace: this.#o.trace,
      logger: services.logger,
      now: this.#now,
    });
    const tick = () => {
      this.#sweeping = this.#sweep()
        .catch((error) => services.logger.error({ err: error }, 'sweep failed; it is tried again'))
        .finally(() => {
          if (this.#sweeper) this.#sweeper = setTimeout(tick, config.runtime.sweepMs).unref();
        });
    };
    this.#sweeper = setTimeout(tick, config.runtime.sweepMs).unref();
  }

  /** Stops fetching, lets running steps finish within the limit, gives the others back. */
  async stop(): Promise<void> {
    const { config, services } = this.#o;
    clearTimeout(this.#sweeper);
    this.#sweeper = undefined;
    await this.#sweeping;
    await this.#intake?.stop();
    await Promise.all(this.#workers.map((worker) => worker.stop(config.runtime.shutdownMs)));
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
    if (video) await this.#enqueue(video, queue);
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
      onProgress?.({ total, settled: settled.length, running: [...this.#running.values()] });
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

  async #runJob(job: StepJob, signal: AbortSignal) {
    const id = jobId(job);
    this.#running.set(id, { ref: { tenant: job.tenant, videoId: job.videoId }, stage: job.stage });
    try {
      return await this.#runner!.run(job, signal);
    } finally {
      this.#running.delete(id);
      this.#events.emit('changed');
    }
  }

  async #enqueue(video: VideoRecord, steps: Pick<PlannedStep, 'stage' | 'key' | 'epoch'>[]): Promise<void> {
    const { tenant, videoId, lane } = video;
    for (const { stage, key, epoch } of steps) {
      const job: StepJob = { tenant, videoId, stage, key, epoch };
      await this.#o.queue.add(stage, [{ id: jobId(job), data: job, lane }]);
    }
    if (steps.length === 0) this.#events.emit('changed');
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
    if (this.#o.observeQueue) {
      for (const name of this.#queueNames()) {
        this.#o.observeQueue(name, await this.#o.queue.counts(name), await this.#o.queue.oldestAge(name));
      }
    }
    for (const ref of await this.#o.ledger.due(this.#now(), SWEEP_BATCH))
      await this.#release(ref, this.#now(), false);
  }

  async #release(ref: VideoRef, now: number, abandoned: boolean): Promise<void> {
    let steps: Pick<PlannedStep, 'stage' | 'key' | 'epoch'>[] = [];
    const video = await this.#o.ledger.update(ref, (current) => {
      steps = [];
      if (!current) return undefined;
      const released = releaseOverdue(current, now, abandoned);
      const planned = applyPlan(released.video, this.#o.stages, now, { requeueMs: this.#requeueMs });
      steps = [...released.waiting, ...(planned?.queue ?? [])];
      return planned?.video ?? withCheckAt(released.video, this.#requeueMs);
    });
    if (video) await this.#enqueue(video, steps);
  }

  /** Stops taking events in while a stage's queue is deep, and goes on when it is not. */
  async #backPressure(): Promise<void> {
    const limit = this.#o.config.runtime.maxQueueDepth;
    const counts = await Promise.all(this.#queueNames().map((name) => this.#o.queue.counts(name)));
    const deep = counts.some(({ waiting }) => waiting > (this.#paused ? limit / 2 : limit));
    if (deep === this.#paused) return;
    this.#paused = deep;
    if (deep) this.#intake?.pause();
    else this.#intake?.resume();
    this.#o.services.logger.info(
      { paused: deep, limit },
      deep ? 'intake paused: queues are deep' : 'intake goes on',
    );
  }

  async #intakeCaughtUp(): Promise<boolean> {
    for (const topic of INTAKE_TOPICS) {
      const committed = await this.#o.bus.committed(INTAKE_GROUP, topic);
      for (const { partition, start, end } of await this.#o.bus.offsets(topic)) {
        const at = committed.find((entry) => entry.partition === partition)?.offset ?? start;
        if (BigInt(at) < BigInt(end)) return false;
      }
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
