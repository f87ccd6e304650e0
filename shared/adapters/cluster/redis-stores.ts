/** All that a cluster keeps on Redis: the queue, the ledger, the gallery, and the time that leases go by. */
import type { IdentityStore } from '../../ports/identity-store.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { BullmqJobQueue, type BullmqOptions } from '../bullmq-job-queue.ts';
import { redisBackend } from './redis-bullmq.ts';
import { RedisClock } from './redis-clock.ts';
import { openRedis, type RedisConfig, type RedisLog } from './redis-connection.ts';
import { RedisIdentityStore } from './redis-identity-store.ts';
import { RedisLedger } from './redis-ledger.ts';

export interface RedisStores {
  queue: JobQueue & BullmqJobQueue;
  ledger: Ledger;
  identities: IdentityStore;
  /** Milliseconds since the epoch, the same in every process: the `now` of the runtime. */
  now: () => number;
  close(): Promise<void>;
}

/** @throws CinedexError STORE_UNAVAILABLE, CONFIG_INVALID */
export async function openRedisStores(
  config: RedisConfig,
  options: { log?: RedisLog; queue?: BullmqOptions } = {},
): Promise<RedisStores> {
  const { log } = options;
  const opened: (() => Promise<void> | void)[] = [];
  const close = async () => {
    const closed = await Promise.allSettled(opened.splice(0).map(async (end) => end()));
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  };
  try {
    const [forJobs, forRecords, forPeople] = await Promise.all([
      openRedis(config, 'queue', log),
      openRedis(config, 'store', log),
      openRedis(config, 'store', log),
    ]);
    const queue = new BullmqJobQueue(redisBackend(forJobs, config.prefix), options.queue);
    opened.push(() => queue.close());
    const ledger = new RedisLedger(forRecords, config.prefix);
    opened.push(() => ledger.close());
    const identities = new RedisIdentityStore(forPeople, config.prefix);
    opened.push(() => identities.close());
    const clock = await RedisClock.start(forRecords, log ?? { warn: warn, error: warn });
    opened.unshift(() => clock.stop());
    return { queue, ledger, identities, now: clock.now, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function warn(fields: object, message: string): void {
  process.emitWarning(`${message}: ${JSON.stringify(fields)}`);
}
