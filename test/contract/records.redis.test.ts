import { describe } from 'vitest';
import { RedisIdentityStore } from '../../shared/adapters/cluster/redis-identity-store.ts';
import { RedisLedger } from '../../shared/adapters/cluster/redis-ledger.ts';
import { redisUrl } from '../servers/index.ts';
import { identityStoreContract } from './identity-store.contract.ts';
import { ledgerContract } from './ledger.contract.ts';
import { openOnRedis } from './redis-fixture.ts';

const url = await redisUrl();

describe.skipIf(!url)('on Redis', () => {
  ledgerContract('Redis', () =>
    openOnRedis(url!, 'store', async (client, prefix) => new RedisLedger(client, prefix)),
  );
  identityStoreContract('Redis', () =>
    openOnRedis(url!, 'store', async (client, prefix) => new RedisIdentityStore(client, prefix)),
  );
});
