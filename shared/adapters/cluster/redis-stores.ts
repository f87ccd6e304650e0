/** All that a cluster keeps on Redis: the queue, the ledger and the gallery, each on a connection of its own. */
import { BullmqJobQueue, type BullmqOptions } from '../bullmq-job-queue.ts';
import { redisBackend } from './redis-bullmq.ts';
import {
  closeRedis,
  openRedis,
  type RedisClient,
  type RedisConfig,
  type RedisLog,
} from './redis-connection.ts';
import { RedisIdentityStore } from './redis-identity-store.ts';
import { RedisLedger } from './redis-ledger.ts';

export interface RedisStores {
  queue: BullmqJobQueue;
  ledger: RedisLedger;
  identities: RedisIdentityStore;
  close(): Promise<void>;
}

/** @throws CinedexError STORE_UNAVAILABLE, CONFIG_INVALID */
export async function openRedisStores(
  config: RedisConfig,
  options: { log?: RedisLog; queue?: BullmqOptions } = {},
): Promise<RedisStores> {
  const { log } = options;
  const opened: RedisClient[] = [];
  const open = async (purpose: 'queue' | 'store') => {
    const client = await openRedis(config, purpose, log);
    opened.push(client);
    return client;
  };
  try {
    const queue = new BullmqJobQueue(redisBackend(await open('queue'), config.prefix), options.queue);
    const ledger = new RedisLedger(await open('store'), config.prefix, { clock: { ...(log && { log }) } });
    const identities = new RedisIdentityStore(await open('store'), config.prefix);
    const close = async () => {
      const closed = await Promise.allSettled([queue.close(), ledger.close(), identities.close()]);
      const failed = closed.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    };
    return { queue, ledger, identities, close };
  } catch (error) {
    await Promise.all(opened.map(closeRedis));
    throw error;
  }
}
