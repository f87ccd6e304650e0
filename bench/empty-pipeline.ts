/** The pipeline's shape with handlers that do nothing, on Kafka and Redis: what is left is the runtime. */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { BullmqJobQueue } from '../shared/adapters/bullmq-job-queue.ts';
import { openKafkaEventBus } from '../shared/adapters/cluster/kafka-event-bus.ts';
import { redisBackend } from '../shared/adapters/cluster/redis-bullmq.ts';
import { openRedis } from '../shared/adapters/cluster/redis-connection.ts';
import { RedisIdentityStore } from '../shared/adapters/cluster/redis-identity-store.ts';
import { RedisLedger } from '../shared/adapters/cluster/redis-ledger.ts';
import { FolderArtifactStore } from '../shared/adapters/embedded/folder-artifact-store.ts';
import { loadConfig } from '../shared/config.ts';
import { createLogger } from '../shared/telemetry/logger.ts';
import { MemoryIndex } from '../test/fixtures/memory-index.ts';
import { upload } from '../test/fixtures/pipeline.ts';
import { type App, createApp } from '../workers/app.ts';
import { type AnyStage, defineStage, ok } from '../workers/runtime/stage.ts';
import type { JobReport } from '../workers/runtime/step-runner.ts';

const Empty = z.object({ made: z.literal(true) });
const logger = createLogger({ level: 'silent' });

/** frames, or the whole shape: frames → ocr, faces, embedding; audio; all of them → document. */
export function emptyStages(shape: 'one' | 'all', concurrency: number, waitMs: number): AnyStage[] {
  const common = (name: string) => ({
    ...{ name, version: 1, output: Empty, config: z.object({}), concurrency },
    ...{ timeoutMs: 60_000, retry: { attempts: 3, backoffMs: 100 } },
  });
  const create = async () => ({
    async run() {
      if (waitMs > 0) await delay(waitMs);
      return ok({ made: true as const });
    },
  });
  const frames = defineStage(common('frames'), create);
  if (shape === 'one') return [frames] as unknown as AnyStage[];
  const needFrames = { requires: { frames: Empty } };
  return [
    frames,
    ...['ocr', 'faces', 'embedding'].map((name) => defineStage({ ...common(name), ...needFrames }, create)),
    defineStage(common('audio'), create),
    defineStage(
      {
        ...common('document'),
        ...needFrames,
        joins: { ocr: Empty, faces: Empty, embedding: Empty, audio: Empty },
      },
      create,
    ),
  ] as unknown as AnyStage[];
}

export interface Servers {
  brokers: string;
  redis: string;
}

interface Opened {
  app: App;
  close(): Promise<void>;
}

/**
 * @param servers addresses as in the configuration
 * @param name beginning of all its keys
 */
export async function openEmptyPipeline(
  servers: Servers,
  name: string,
  folder: string,
  stages: AnyStage[],
  onDone: (job: JobReport) => void,
): Promise<Opened> {
  const config = loadConfig(
    {},
    {},
    {
      core: { mode: 'cluster', dataDir: folder, logLevel: 'silent' },
      kafka: { brokers: servers.brokers },
      redis: { url: servers.redis, prefix: name },
      runtime: { maxQueueDepth: 1_000_000 },
    },
  );
  const bus = await openKafkaEventBus(config.kafka, { logger });
  const { prefix } = config.redis;
  const queue = new BullmqJobQueue(redisBackend(await openRedis(config.redis, 'queue', logger), prefix));
  const ledger = new RedisLedger(await openRedis(config.redis, 'store', logger), prefix);
  const identities = new RedisIdentityStore(await openRedis(config.redis, 'store', logger), prefix);
  const artifacts = new FolderArtifactStore(path.join(folder, 'artifacts'));
  const app = await createApp(config, {
    stages,
    logger,
    stores: {
      bus,
      queue,
      ledger,
      identities,
      artifacts,
      index: new MemoryIndex(),
      close: async () => undefined,
    },
    onJob: (job) => {
      if (job.outcome !== 'done') throw new Error(`a job of ${job.stage} ended as ${job.outcome}`);
      onDone(job);
    },
  });
  return {
    app,
    async close() {
      await app.stop();
      for (const store of [bus, queue, ledger, identities, artifacts]) await store.close();
    },
  };
}

/** Events of videos `v<from>` … `v<to - 1>`. */
export function uploads(from: number, to: number) {
  return Array.from({ length: to - from }, (_, i) => upload(`v${from + i}`));
}

/** To two digits. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
