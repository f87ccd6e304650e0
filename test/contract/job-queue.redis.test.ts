import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BullmqJobQueue } from '../../shared/adapters/bullmq-job-queue.ts';
import { redisBackend } from '../../shared/adapters/cluster/redis-bullmq.ts';
import { canStartRedis, redisUrl } from '../servers/index.ts';
import { jobQueueContract } from './job-queue.contract.ts';
import { type RedisClusterServers, startRedisCluster } from './redis-cluster-fixture.ts';
import { openOnRedis, type RedisAddress } from './redis-fixture.ts';
import { eventually } from './waiting.ts';

const url = await redisUrl();
const OPTIONS = { lockMs: 1_000, redeliverMs: 50, abortGraceMs: 200 };

const open = (at: RedisAddress) =>
  openOnRedis(
    at,
    'queue',
    async (client, prefix) => new BullmqJobQueue(redisBackend(client, prefix), OPTIONS),
  );

describe.skipIf(!url)('on Redis', () => {
  jobQueueContract('BullMQ on Redis', () => open({ url: url! }));

  it('lets no more jobs begin within a time than its limit says, whoever takes them', async () => {
    const { store, dispose } = await open({ url: url! });
    const begun: number[] = [];
    for (let worker = 0; worker < 2; worker++) {
      await store.process('limited', {
        concurrency: 4,
        rateLimit: { max: 5, durationMs: 400 },
        handler: async () => {
          begun.push(performance.now());
          return { kind: 'done' };
        },
      });
    }
    const jobs = Array.from({ length: 18 }, (_, i) => ({ id: `job-${i}`, data: i, lane: 'ugc' as const }));
    await store.add('limited', jobs);
    await eventually('all have run', () => begun.length === jobs.length);
    // The sixth after any five of one window begins in the next one; the windows are the server's.
    for (let i = 0; i + 10 < begun.length; i++) expect(begun[i + 10]! - begun[i]!).toBeGreaterThan(350);
    expect(begun.at(-1)! - begun[0]!).toBeGreaterThan(3 * 350);
    await dispose();
  });

  it('adds a thousand jobs, some of which had failed, and each is delivered', async () => {
    const { store, dispose } = await open({ url: url! });
    const failing = new Set(['job-3', 'job-700']);
    const delivered: string[] = [];
    await store.process('many', {
      concurrency: 20,
      handler: async ({ id }) => {
        delivered.push(id);
        return failing.delete(id) ? { kind: 'failed', reason: 'once' } : { kind: 'done' };
      },
    });
    await store.add(
      'many',
      [...failing].map((id) => ({ id, data: 0, lane: 'ogc' as const })),
    );
    await eventually('two have failed', async () => (await store.counts('many')).failed === 2);
    delivered.length = 0;
    const jobs = Array.from({ length: 1_000 }, (_, i) => ({ id: `job-${i}`, data: i, lane: 'ugc' as const }));
    await store.add('many', jobs);
    await eventually('all are delivered', () => delivered.length === jobs.length);
    expect(new Set(delivered).size).toBe(jobs.length);
    expect((await store.counts('many')).failed).toBe(0);
    await dispose();
  });
});

describe.skipIf(!canStartRedis())('on a Redis Cluster', () => {
  let cluster: RedisClusterServers;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.dispose());
  jobQueueContract('BullMQ on a Redis Cluster', () => open({ clusterNodes: cluster.nodes }));
});
