/** Redis for the contract suites: one server, and keys of one's own in it. */
import { Cluster } from 'ioredis';
import {
  closeRedis,
  openRedis,
  type RedisClient,
  type RedisPurpose,
} from '../../shared/adapters/cluster/redis-connection.ts';
import { loadConfig } from '../../shared/config.ts';
import type { Opened } from './waiting.ts';

export type RedisAddress = { url: string } | { clusterNodes: string[] };

let made = 0;

/** The configuration's `redis` section for a server that a test found. */
export function redisConfig(redis: Record<string, unknown>) {
  const prefix = `contract-${process.pid}-${made++}`;
  return loadConfig({}, {}, { redis: { prefix, ...redis } }).redis;
}

/** A store on connections of its own; its keys are dropped at the end. */
export async function openOnRedis<T extends { close(): Promise<void> }>(
  at: RedisAddress,
  purpose: RedisPurpose,
  open: (client: RedisClient, prefix: string) => Promise<T>,
): Promise<Opened<T>> {
  const config = redisConfig(at);
  const make = async () => open(await openRedis(config, purpose), config.prefix);
  let store = await make();
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await make();
      return store;
    },
    dispose: async () => {
      await store.close();
      const sweeper = await openRedis(config, 'store');
      for (const node of sweeper instanceof Cluster ? sweeper.nodes('master') : [sweeper]) {
        // A key at a time: in a cluster, two of them need not lie in one slot.
        for (const key of await node.keys(`*${config.prefix}*`)) await node.del(key);
      }
      await closeRedis(sweeper);
    },
  };
}
