/** Lua scripts, which Redis runs whole: nothing comes between their reads and their writes. */
import { createHash } from 'node:crypto';
import type { RedisClient } from './redis-connection.ts';

export type RedisScript = (
  client: RedisClient,
  keys: string[],
  args: (string | number | Buffer)[],
) => Promise<unknown>;

/** A script that is sent by its hash, and whole where the server does not know it (after its restart). */
export function redisScript(body: string): RedisScript {
  const hash = createHash('sha1').update(body).digest('hex');
  return async (client, keys, args) => {
    try {
      return await client.evalsha(hash, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return client.eval(body, keys.length, ...keys, ...args);
    }
  };
}
