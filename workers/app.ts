/** The whole system in one process: the embedded stores, the stages, and the search over what they indexed. */

import { openStores } from '../shared/adapters/stores.ts';
import type { Config } from '../shared/config.ts';
import { LANES, type VideoRef } from '../shared/contracts/common.ts';
import { encodeEvent } from '../shared/contracts/envelope.ts';
import { TOPICS } from '../shared/contracts/events.ts';
import { createMediaAccess } from '../shared/media/media-access.ts';
import { createEncoders } from '../shared/models/encoders.ts';
import { ModelStore } from '../shared/models/store.ts';
import type { VideoRecord } from '../shared/ports/ledger.ts';
import type { Stores } from '../shared/ports/stores.ts';
import { createLogger, type Logger } from '../shared/telemetry/logger.ts';
import { createMetrics, type Metrics } from '../shared/telemetry/metrics.ts';
import { startSpan } from '../shared/telemetry/tracing.ts';
import { type BoundStage, bindStages } from './runtime/bind.ts';
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
  /** Loads models and takes work. Without it the app can publish, read and search. */
  start(): Promise<void>;
  /** Resolves when the events are durable. */
  publish(events: AnnouncedEvent[]): Promise<void>;
  status(ref: VideoRef): Promise<VideoRecord | undefined>;
  /** Brings a video on after a change of its record that was not an event. */
  drive: Runtime['drive'];
  retry: Runtime['retry'];
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
  /** Told after each effect of a job; for tests that stop the process there. */
  onEffect?: (effect: Effect, job: StepJob) => void;
}

/**
 * Opens the data folder and takes its lock.
 * @throws CinedexError DATA_LOCKED, CONFIG_INVALID
 */
export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const logger = options.logger ?? createLogger({ level: config.core.logLevel });
  const stores = await openStores(config);
  const models = new ModelStore(config.core.modelsDir);
  const encoders = createEncoders(config, models);
  const services: Services = {
    core: config,
    artifacts: stores.artifacts,
    media: createMediaAccess(config.media, { dataDir: config.core.dataDir, logger }),
    models,
    encoders,
    index: stores.index,
    identities: stores.identities,
    logger,
  };
  const stages = bindStages(options.stages, config, models);
  const metrics = createMetrics();
  const runtime = new Runtime({
    stages,
    services,
    bus: stores.bus,
    queue: stores.queue,
    ledger: stores.ledger,
    config,
    exclusive: true,
    report: (report) => reportJob(report, logger, metrics),
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
    observeQueue: (name, counts, ages) => {
      metrics.queue(name, counts);
      for (const lane of LANES) metrics.oldest(name, lane, (ages[lane] ?? 0) / 1_000);
    },
    onEffect: options.onEffect,
  });
  let stopped: Promise<void> | undefined;
  return {
    config,
    services,
    stores,
    stages,
    metrics,
    start: () => runtime.start(),
    publish: (events) => publish(stores, events),
    status: (ref) => stores.ledger.get(ref),
    drive: (ref, change) => runtime.drive(ref, change),
    retry: (ref, retryOptions) => runtime.retry(ref, retryOptions),
    settled: (settleOptions) => runtime.settled(settleOptions),
    stop: () => {
      stopped ??= (async () => {
        await runtime.stop();
        await encoders.close();
        await stores.close();
      })();
      return stopped;
    },
  };
}

async function publish({ bus, ledger }: Stores, events: AnnouncedEvent[]): Promise<void> {
  await bus.ensureTopics(
    [TOPICS.ogc, TOPICS.ugc, TOPICS.interactions].map((name) => ({ name, partitions: 8, retentionMs: null })),
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
