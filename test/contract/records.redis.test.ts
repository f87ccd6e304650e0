import { afterAll, beforeAll, describe } from 'vitest';
import { RedisIdentityStore } from '../../shared/adapters/cluster/redis-identity-store.ts';
import { RedisLedger } from '../../shared/adapters/cluster/redis-ledger.ts';
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

describe.skipIf(!canStartRedis())('on a Redis Cluster', () => {
  let cluster: RedisClusterServers;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.dispose());
  suites('Redis Cluster', () => ({ clusterNodes: cluster.nodes }));
});
