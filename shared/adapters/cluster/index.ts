/** Everything a process needs to keep, on servers that many processes share. */
import path from 'node:path';
import type { Config } from '../../config.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { EventBus } from '../../ports/event-bus.ts';
import type { Stores } from '../../ports/stores.ts';
import type { VideoIndex } from '../../ports/video-index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { BullmqJobQueue } from '../bullmq-job-queue.ts';
import { openDataFolder } from '../embedded/data-folder.ts';
import { FolderArtifactStore } from '../embedded/folder-artifact-store.ts';
import { revised } from '../revised-index.ts';
import type { SearchStores } from '../stores.ts';
import { openKafkaEventBus } from './kafka-event-bus.ts';
import { prefixedBus } from './prefixed-bus.ts';
import { redisBackend } from './redis-bullmq.ts';
import { openRedis } from './redis-connection.ts';
import { RedisIdentityStore } from './redis-identity-store.ts';
import { RedisLedger } from './redis-ledger.ts';
import { RedisRevisions } from './redis-revisions.ts';

type Closable = { close(): Promise<void> };

/** Closes what was opened, the last first, all of it even when one fails. */
class Opened {
  readonly #stores: Closable[] = [];

  async keep<T extends Closable>(opening: Promise<T> | T): Promise<T> {
    const store = await opening;
    this.#stores.unshift(store);
    return store;
  }

  async close(): Promise<void> {
    const closed: PromiseSettledResult<void>[] = [];
    for (const store of this.#stores.splice(0)) closed.push(...(await Promise.allSettled([store.close()])));
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

/** Calls `open` with a list of its own; what was opened is closed again when it fails. */
async function opening<T extends object>(open: (opened: Opened) => Promise<T>): Promise<T & Closable> {
  const opened = new Opened();
  try {
    const stores = await open(opened);
    return { ...stores, close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/**
 * @throws CinedexError STORE_UNAVAILABLE naming the server that cannot be reached; CONFIG_INVALID; DATA_LOCKED when the
 * index is embedded and another process has it
 */
export function openCluster(config: Config, logger?: Logger): Promise<Stores> {
  return opening(async (opened) => {
    const { redis } = config;
    const ledger = await opened.keep(new RedisLedger(await openRedis(redis, 'store', logger), redis.prefix));
    const identities = await opened.keep(
      new RedisIdentityStore(await openRedis(redis, 'store', logger), redis.prefix),
    );
    const backend = redisBackend(await openRedis(redis, 'queue', logger), redis.prefix);
    const queue = await opened.keep(
      new BullmqJobQueue(backend, { onError: (error) => logger?.error({ err: error }, 'queue') }),
    );
    const artifacts = await opened.keep(openArtifacts(config, logger));
    const index = await opened.keep(openRevisedIndex(config, logger));
    const bus = await opened.keep(openBus(config, logger));
    return { bus, queue, ledger, artifacts, identities, index };
  });
}

/** What answering searches needs; the broker is asked only when something is to be published. @throws as {@link openCluster} */
export function openClusterForSearch(config: Config, logger?: Logger): Promise<SearchStores> {
  return opening(async (opened) => {
    const { redis } = config;
    const ledger = await opened.keep(new RedisLedger(await openRedis(redis, 'store', logger), redis.prefix));
    const identities = await opened.keep(
      new RedisIdentityStore(await openRedis(redis, 'store', logger), redis.prefix),
    );
    const artifacts = await opened.keep(openArtifacts(config, logger));
    const index = await opened.keep(openRevisedIndex(config, logger));
    let connecting: Promise<EventBus> | undefined;
    const bus = () => {
      connecting ??= opened.keep(openBus(config, logger)).catch((error: unknown) => {
        // The next one who publishes tries again.
        connecting = undefined;
        throw error;
      });
      return connecting;
    };
    return { ledger, identities, artifacts, index, bus };
  });
}

async function openBus(config: Config, logger?: Logger): Promise<EventBus> {
  const { topicPrefix } = config.kafka;
  const bus = await openKafkaEventBus(config.kafka, { logger });
  return topicPrefix === '' ? bus : prefixedBus(bus, topicPrefix);
}

async function openArtifacts(config: Config, logger?: Logger): Promise<ArtifactStore> {
  const { artifacts, dataDir } = config.core;
  if (artifacts === 'folder') return new FolderArtifactStore(path.join(dataDir, 'artifacts'));
  const { openS3ArtifactStore } = await import('./s3-artifact-store.ts');
  return openS3ArtifactStore(config.s3, { logger });
}

async function openRevisedIndex(config: Config, logger?: Logger): Promise<VideoIndex> {
  const { redis } = config;
  const revisions = new RedisRevisions(await openRedis(redis, 'store', logger), redis.prefix);
  try {
    return revised(await openIndex(config, logger), revisions);
  } catch (error) {
    await revisions.close();
    throw error;
  }
}

async function openIndex(config: Config, logger?: Logger): Promise<VideoIndex> {
  const { index, dataDir } = config.core;
  if (index !== 'embedded') {
    const { QdrantVideoIndex } = await import('./qdrant-video-index.ts');
    return QdrantVideoIndex.open(config.qdrant, { logger });
  }
  // It has one writer: whoever has this folder. That need not be the one who has the data folder.
  const lock = openDataFolder(path.join(dataDir, 'index-owner'));
  try {
    const { LanceVideoIndex } = await import('../embedded/lance-video-index.ts');
    const opened = await LanceVideoIndex.open(path.join(dataDir, 'index'));
    const close = opened.close.bind(opened);
    opened.close = async () => {
      await close();
      lock.release();
    };
    return opened;
  } catch (error) {
    lock.release();
    throw error;
  }
}
