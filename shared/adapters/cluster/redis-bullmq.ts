/** BullMQ on Redis. */
import type { BullmqBackend } from '../bullmq-job-queue.ts';
import { closeRedis, type RedisClient } from './redis-connection.ts';

/**
 * Forgets the finished among the named jobs. `finishedOn` is what BullMQ sets when a job has failed or completed and
 * removes when it is tried again, so a job that waits or runs is left alone.
 * KEYS: failed, completed, then the jobs. ARGV: their ids.
 */
const FREE_IDS = `
  for i = 3, #KEYS do
    if redis.call('HEXISTS', KEYS[i], 'finishedOn') == 1 then
      redis.call('ZREM', KEYS[1], ARGV[i - 2])
      redis.call('ZREM', KEYS[2], ARGV[i - 2])
      redis.call('DEL', KEYS[i], KEYS[i] .. ':logs')
    end
  end`;

/** Jobs of one script call, so that a long one does not hold the server up. */
const IDS_AT_ONCE = 500;

/**
 * Beginning of the keys of one queue: BullMQ's `prefix` option, which anything else that opens the queue needs too. The
 * braces put all keys of a queue into one slot of a Redis Cluster, and different queues into different ones.
 */
export function queuePrefix(prefix: string, queue: string): string {
  return `{${prefix}:${queue}}`;
}

/** @param client opened for the purpose `queue`; closed with the backend */
export function redisBackend(client: RedisClient, prefix: string): BullmqBackend {
  return {
    connection: client as never,
    prefixOf: (queue) => queuePrefix(prefix, queue),
    bulkFrom: 2,
    freeIds: async (queue, ids) => {
      const key = (name: string) => `${queuePrefix(prefix, queue)}:${queue}:${name}`;
      const calls: Promise<unknown>[] = [];
      for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
        const some = ids.slice(at, at + IDS_AT_ONCE);
        const keys = [key('failed'), key('completed'), ...some.map(key)];
        // Sent whole: a script that the server does not know by its hash would be sent again, behind the jobs' adding.
        calls.push(client.eval(FREE_IDS, keys.length, ...keys, ...some));
      }
      await Promise.all(calls);
    },
    close: () => closeRedis(client),
  };
}
