/** Redis for the contract suites: one server, and keys of one's own in it. */
import {
  openRedis,
  type RedisClient,
  type RedisPurpose,
} from '../../shared/adapters/cluster/redis-connection.ts';
import { loadConfig } from '../../shared/config.ts';
import type { Opened } from './waiting.ts';

let made = 0;

/** The configuration's `redis` section for a server that a test found. */
export function redisConfig(url: string, over: Record<string, unknown> = {}) {
  const prefix = `contract-${process.pid}-${made++}`;
  return loadConfig({}, {}, { redis: { url, prefix, ...over } }).redis;
}

/** A store on connections of its own; its keys are dropped at the end. */
export async function openOnRedis<T extends { close(): Promise<void> }>(
  url: string,
  purpose: RedisPurpose,
  open: (client: RedisClient, prefix: string) => Promise<T>,
): Promise<Opened<T>> {
  const config = redisConfig(url);
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
      const keys = await sweeper.keys(`*${config.prefix}*`);
      if (keys.length > 0) await sweeper.del(...keys);
      await sweeper.quit();
    },
  };
}
