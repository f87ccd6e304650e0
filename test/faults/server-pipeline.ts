/**
 * A pipeline on the servers of a cluster that a test takes away: queue and ledger on Redis, the log on Kafka where a broker
 * is given. Artifacts lie in a folder, points in memory or where the test wants them.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { openKafkaEventBus } from '../../shared/adapters/cluster/kafka-event-bus.ts';
import { prefixedBus } from '../../shared/adapters/cluster/prefixed-bus.ts';
import { openRedisStores } from '../../shared/adapters/cluster/redis-stores.ts';
import { FolderArtifactStore } from '../../shared/adapters/embedded/folder-artifact-store.ts';
import { openEmbedded } from '../../shared/adapters/embedded/index.ts';
import { SqliteEventBus } from '../../shared/adapters/embedded/sqlite-event-bus.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import type { Stores } from '../../shared/ports/stores.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { type App, type AppOptions, createApp } from '../../workers/app.ts';
import type { AnyStage } from '../../workers/runtime/stage.ts';
import { MemoryIndex } from '../fixtures/memory-index.ts';
import { pipelineConfig, withStartedQueue } from '../fixtures/pipeline.ts';
import { kafkaBrokers, redisUrl } from '../servers/index.ts';

export interface ServerPipeline extends App {
  /** Ends the app and its connections. */
  close(): Promise<void>;
}

export interface Servers {
  redis: string;
  /** Missing: the log is in the folder. */
  brokers?: string;
  /** Of keys, topics and groups on servers that are not the test's own. */
  prefix?: string;
}

type Options = Omit<AppOptions, 'stages' | 'stores'> & {
  /** Kept by the test where several apps write to it. */
  index?: VideoIndex;
  /** Puts something before the artifacts, such as a slow disk. */
  artifacts?: (store: ArtifactStore) => ArtifactStore;
  /** How long a silent worker keeps a step. */
  leaseMs?: number;
};

const QUIET = { warn: () => undefined, error: () => undefined };

export async function openServerPipeline(
  folder: string,
  servers: Servers,
  stages: AnyStage[],
  options: Options = {},
): Promise<ServerPipeline> {
  const { index = new MemoryIndex(), artifacts = (store) => store, leaseMs = 1_500, ...appOptions } = options;
  const { redis: url, brokers, prefix = 'cinedex' } = servers;
  const config = pipelineConfig(folder, {
    core: { mode: 'cluster' },
    runtime: { leaseMs },
    redis: { url, prefix, timeoutMs: 3_000 },
    // A broker may take long to come back on a busy machine.
    ...(brokers && { kafka: { brokers, publishTimeoutMs: 120_000 } }),
  });
  mkdirSync(folder, { recursive: true });
  const queue = { lockMs: 1_000, redeliverMs: 50, abortGraceMs: 200, onError: () => undefined };
  const onRedis = await openRedisStores(config.redis, { log: QUIET, queue });
  const openBus = async (): Promise<EventBus> => {
    if (!brokers) return new SqliteEventBus(path.join(folder, 'events.db'));
    const times = { sessionMs: 3_000, heartbeatMs: 200, fetchWaitMs: 50 };
    return prefixedBus(await openKafkaEventBus(config.kafka, { times }), `${prefix}-`);
  };
  const stores: Stores = {
    ...onRedis,
    bus: await openBus(),
    artifacts: artifacts(new FolderArtifactStore(path.join(folder, 'artifacts'))),
    index,
    close: async () => {
      await onRedis.close();
      await stores.bus.close();
    },
  };
  const app = await createApp(config, {
    stages,
    stores,
    logger: createLogger({ level: 'silent' }),
    ...appOptions,
  });
  return {
    ...app,
    close: async () => {
      await app.stop();
      await stores.close();
    },
  };
}

let made = 0;

/** Names of one test's own, on servers that others use too. */
export const ownPrefix = () => `fault-${process.pid}-${Date.now().toString(36)}-${made++}`;

type Open = (folder: string, stages: AnyStage[], options?: Options) => Promise<ServerPipeline>;

const [brokers, redis] = [kafkaBrokers(), await redisUrl()];

/** Where a fault is tried: on the stores in a folder, and on Kafka and Redis; `open` is null where those are missing. */
export const PLACES: { place: string; open: Open | null }[] = [
  {
    place: 'embedded',
    open: async (folder, stages, options = {}) => {
      const { index, artifacts = (store) => store, leaseMs = 1_500, ...appOptions } = options;
      await withStartedQueue(folder);
      const embedded = await openEmbedded(folder);
      const stores = {
        ...embedded,
        artifacts: artifacts(embedded.artifacts),
        index: index ?? embedded.index,
      };
      const app = await createApp(pipelineConfig(folder, { runtime: { leaseMs } }), {
        ...{ stages, stores, logger: createLogger({ level: 'silent' }) },
        ...appOptions,
      });
      return {
        ...app,
        close: async () => {
          await app.stop();
          await embedded.close();
        },
      };
    },
  },
  {
    place: 'Kafka and Redis',
    open:
      brokers && redis
        ? (folder, stages, options) =>
            openServerPipeline(folder, { redis, brokers, prefix: ownPrefix() }, stages, options)
        : null,
  },
];
