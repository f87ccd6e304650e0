import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RedisClient } from '../../shared/adapters/cluster/redis-connection.ts';
import { RedisIdentityStore } from '../../shared/adapters/cluster/redis-identity-store.ts';
import { RedisLedger } from '../../shared/adapters/cluster/redis-ledger.ts';
import { videoRecord } from '../../workers/runtime/testing.ts';
import { canStartRedis, redisUrl } from '../servers/index.ts';
import { identityStoreContract } from './identity-store.contract.ts';
import { ledgerContract } from './ledger.contract.ts';
import { type RedisClusterServers, startRedisCluster } from './redis-cluster-fixture.ts';
import { openOnRedis, type RedisAddress } from './redis-fixture.ts';

function suites(name: string, at: () => RedisAddress): void {
  ledgerContract(name, () =>
    openOnRedis(at(), 'store', async (client, prefix) => new RedisLedger(client, prefix)),
  );
  identityStoreContract(name, () =>
    openOnRedis(at(), 'store', async (client, prefix) => new RedisIdentityStore(client, prefix)),
  );
}

const url = await redisUrl();

describe.skipIf(!url)('on Redis', () => suites('Redis', () => ({ url: url! })));

describe.skipIf(!url)('a ledger on Redis that remembers what it wrote', () => {
  const video = videoRecord();
  let reads = 0;
  function counting(client: RedisClient): RedisClient {
    const hmget = client.hmget.bind(client) as (...args: unknown[]) => Promise<(string | null)[]>;
    client.hmget = ((...args: unknown[]) => {
      reads += 1;
      return hmget(...args);
    }) as typeof client.hmget;
    return client;
  }

  it('never takes it for what is there, when another process has written since', async () => {
    let shared: string | undefined;
    const open = () =>
      openOnRedis({ url: url! }, 'store', async (client, prefix) => {
        shared ??= prefix;
        return new RedisLedger(client, shared);
      });
    const [one, other] = [await open(), await open()];
    try {
      await one.store.update(video, () => video);
      await other.store.update(video, (current) => ({ ...current!, revision: 2 }));
      // A change that finds nothing to do must have looked at the newest.
      const seen: (number | undefined)[] = [];
      const left = await one.store.update(video, (current) => {
        seen.push(current?.revision);
        return undefined;
      });
      expect(seen.at(-1)).toBe(2);
      expect(left?.revision).toBe(2);
      await one.store.update(video, (current) => ({ ...current!, revision: current!.revision + 10 }));
      await other.store.update(video, (current) => ({ ...current!, revision: current!.revision + 100 }));
      await one.store.update(video, (current) => ({ ...current!, revision: current!.revision + 1_000 }));
      expect((await other.store.get(video))?.revision).toBe(1_112);
    } finally {
      await other.dispose();
      await one.dispose();
    }
  });

  it('reads nothing again that only itself has written', async () => {
    const { store, dispose } = await openOnRedis(
      { url: url! },
      'store',
      async (client, prefix) => new RedisLedger(counting(client), prefix),
    );
    try {
      await store.update(video, () => video);
      for (let i = 0; i < 5; i++) {
        await store.update(video, (current) => ({ ...current!, revision: current!.revision + 1 }));
      }
      expect((await store.get(video))?.revision).toBe(video.revision + 5);
      expect(reads).toBe(1);
    } finally {
      await dispose();
    }
  });
});

describe.skipIf(!canStartRedis())('on a Redis Cluster', () => {
  let cluster: RedisClusterServers;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.dispose());
  suites('Redis Cluster', () => ({ clusterNodes: cluster.nodes }));
});
