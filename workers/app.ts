/** A process of the system: the stores, and of the stages those that work in it. */

import { takeProcessFolder } from '../shared/adapters/process-folder.ts';
import { openStores } from '../shared/adapters/stores.ts';
import type { Config } from '../shared/config.ts';
import type { VideoRef } from '../shared/contracts/common.ts';
import { encodeEvent } from '../shared/contracts/envelope.ts';
import { TOPICS } from '../shared/contracts/events.ts';
import { letHeapsGrow } from '../shared/heap.ts';
import { createMediaAccess } from '../shared/media/media-access.ts';
import { createEncoders } from '../shared/models/encoders.ts';
import { ModelStore } from '../shared/models/store.ts';
import type { VideoRecord } from '../shared/ports/ledger.ts';
import type { Stores } from '../shared/ports/stores.ts';
import { HealthNotes, liveness } from '../shared/telemetry/liveness.ts';
import { createLogger, type Logger } from '../shared/telemetry/logger.ts';
import { createMetrics, type Metrics } from '../shared/telemetry/metrics.ts';
import type { Verdict } from '../shared/telemetry/probes.ts';
import { createReadiness } from '../shared/telemetry/readiness.ts';
import { startSpan } from '../shared/telemetry/tracing.ts';
import { type BoundStage, bindStages } from './runtime/bind.ts';
import { countingDeadLetters } from './runtime/dead-letter-count.ts';
import { type Progress, Runtime } from './runtime/runtime.ts';
import type { AnnouncedEvent, AnyStage, Services } from './runtime/stage.ts';
import type { Effect, JobReport } from './runtime/step-runner.ts';
import type { StepJob } from './runtime/steps.ts';

export interface App {
  readonly config: Config;
  readonly services: Services;
  readonly stores: Stores;
  readonly stages: readonly BoundStage[];
  readonly metrics: Metrics;
  /** Whether this process works; a supervisor should end it when not. */
  live(): Verdict;
  /** Whether it takes work and its stores answer. */
  ready(): Promise<Verdict>;
  /** A cheap question to each store, by name. */
  readonly checks: Record<string, () => Promise<unknown>>;
  /** Loads models and takes work. Without it the app can publish, read and search. */
  start(): Promise<void>;
  /** Resolves when the events are durable. */
  publish(events: AnnouncedEvent[]): Promise<void>;
  status(ref: VideoRef): Promise<VideoRecord | undefined>;
  /** Brings a video on after a change of its record that was not an event. */
  drive: Runtime['drive'];
  retry: Runtime['retry'];
  /** Jobs that run in this process now. */
  running: Runtime['running'];
  /** Waits until nothing is left to do for these videos, or for all. */
  settled(options?: {
    signal?: AbortSignal;
    refs?: VideoRef[];
    onProgress?: (progress: Progress) => void;
  }): Promise<VideoRecord[]>;
  stop(): Promise<void>;
}

export interface AppOptions {
  /** Usually STAGES of stages.ts. */
  stages: readonly AnyStage[];
  logger?: Logger;
  /** Stores that are open already; they are not closed by the app. */
  stores?: Stores;
  /** Names of the stages whose jobs this process takes. Default: all. */
  work?: readonly string[];
  /** Whether this process takes events in. @default true */
  intake?: boolean;
  /** Told of every job that has ended here. */
  onJob?: (report: JobReport) => void;
  /** Told after each effect of a job; for tests that stop the process there. */
  onEffect?: (effect: Effect, job: StepJob) => void;
}

/**
 * Opens the stores: the embedded ones take the lock of the data folder; beside those of a cluster, several processes may
 * share it (it then holds models, downloads and logs).
 * @throws CinedexError DATA_LOCKED, CONFIG_INVALID
 */
export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const logger = options.logger ?? createLogger({ level: config.core.logLevel });
  const metrics = createMetrics();
  const { folder, stores } = await openAll(config, metrics, logger, options.stores);
  const models = new ModelStore(config.core.modelsDir);
  const encoders = createEncoders(config, models);
  const services: Services = {
    core: config,
    artifacts: stores.artifacts,
    media: createMediaAccess(config.media, { dataDir: folder.dir, logger, s3: config.s3 }),
    models,
    encoders,
    index: stores.index,
    identities: stores.identities,
    logger,
  };
  const stages = bindStages(options.stages, config, models);
  const health = new HealthNotes(config.runtime.stallMs);
  health.start();
  let phase: 'idle' | 'loading' | 'ready' | 'stopping' = 'idle';
  const enter = (next: typeof phase) => {
    phase = next;
    metrics.ready(next === 'ready');
  };
  const runtime = new Runtime({
    stages,
    services,
    bus: stores.bus,
    queue: stores.queue,
    ledger: stores.ledger,
    config,
    exclusive: config.core.mode === 'embedded' && !options.stores,
    work: options.work,
    intake: options.intake,
    health,
    report: (report) => {
      reportJob(report, logger, metrics);
      options.onJob?.(report);
    },
    startSpan: (job, video) => {
      const { tenant, videoId, stage } = job;
      const span = startSpan(`stage ${stage}`, {
        traceparent: video.traceparent,
        attributes: { 'cinedex.tenant': tenant, 'cinedex.video': videoId, 'cinedex.stage': stage },
      });
      return { traceparent: span.traceparent, end: ({ error }) => span.end(error) };
    },
    trace: (name, traceparent) => {
      const span = startSpan(`intake ${name}`, { traceparent });
      span.end();
      return span.traceparent;
    },
    observeQueue: (name, counts, lanes) => metrics.queue(name, counts, lanes),
    observeLag: (group, topic, records) => metrics.lag(group, topic, records),
    onPaused: (paused) => metrics.intakePaused(paused),
    onEffect: options.onEffect,
  });
  const checks = storeChecks(stores, stages);
  const ready = createReadiness({
    waitingFor: () =>
      phase === 'ready' ? null : phase === 'stopping' ? 'the process is stopping' : 'models are loading',
    checks,
  });
  let stopped: Promise<void> | undefined;
  return {
    config,
    services,
    stores,
    stages,
    metrics,
    live: () => {
      const { alive, reasons } = liveness(health.state(), Date.now());
      return { ok: alive, reasons };
    },
    ready,
    checks,
    start: async () => {
      enter('loading');
      letHeapsGrow();
      await runtime.start();
      enter('ready');
    },
    publish: (events) => publish(stores, events, config.runtime.partitions),
    status: (ref) => stores.ledger.get(ref),
    drive: (ref, change) => runtime.drive(ref, change),
    retry: (ref, retryOptions) => runtime.retry(ref, retryOptions),
    running: () => runtime.running(),
    settled: (settleOptions) => runtime.settled(settleOptions),
    stop: () => {
      stopped ??= (async () => {
        enter('stopping');
        await runtime.stop();
        await encoders.close();
        if (!options.stores) await stores.close();
        folder.release();
        health.end();
      })();
      return stopped;
    },
  };
}

interface OwnFolder {
  dir: string;
  release(): void;
}

async function openAll(
  config: Config,
  metrics: Metrics,
  logger: Logger,
  open?: Stores,
): Promise<{ folder: OwnFolder; stores: Stores }> {
  const { dataDir, mode } = config.core;
  // The embedded stores own all of the data folder.
  const folder = mode === 'cluster' ? takeProcessFolder(dataDir) : { dir: dataDir, release: () => undefined };
  try {
    const stores = open ?? (await openStores(config, logger));
    const bus = countingDeadLetters(stores.bus, (stage, code) => metrics.deadLetter(stage, code));
    return { folder, stores: { ...stores, bus } };
  } catch (error) {
    folder.release();
    throw error;
  }
}

/** A cheap question to each store. */
function storeChecks(
  { bus, queue, ledger, artifacts, index }: Stores,
  stages: readonly BoundStage[],
): Record<string, () => Promise<unknown>> {
  return {
    events: () => bus.topics(),
    queue: () => queue.counts(stages[0]!.stage.name),
    ledger: () => ledger.due(0, 1),
    artifacts: () => artifacts.getManifest('readiness'),
    index: () => index.active(),
  };
}

async function publish({ bus, ledger }: Stores, events: AnnouncedEvent[], partitions: number): Promise<void> {
  await bus.ensureTopics(
    [TOPICS.ogc, TOPICS.ugc, TOPICS.interactions].map((name) => ({ name, partitions, retentionMs: null })),
  );
  const byTopic = new Map<string, ReturnType<typeof encodeEvent>[]>();
  for (const { type, data } of events) {
    let topic: string = TOPICS.interactions;
    if (type === 'video.uploaded.v1') topic = TOPICS[data.source];
    // Updates and deletions follow their video's upload on its topic, so they keep their order.
    else if (type !== 'video.interactions.v1') {
      const ref = data as VideoRef;
      topic = TOPICS[(await ledger.get(ref))?.source ?? 'ugc'];
    }
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), encodeEvent(type, data as never)]);
  }
  for (const [topic, records] of byTopic) await bus.publish(topic, records);
}

const LEVELS: Partial<Record<JobReport['outcome'], 'warn' | 'error'>> = {
  failed: 'error',
  retry: 'warn',
  lost: 'warn',
};

/** One wide event a job, and its numbers. */
function reportJob(report: JobReport, logger: Logger, metrics: Metrics): void {
  const { error, fields, ...rest } = report;
  if (typeof fields.mediaSec === 'number') metrics.media(report.stage, fields.mediaSec);
  metrics.job(report.stage, report.outcome, report.code, report.durationMs / 1_000);
  logger[LEVELS[report.outcome] ?? 'info'](
    { event: 'job', ...rest, ...fields, ...(error ? { err: error } : {}) },
    'job',
  );
}
