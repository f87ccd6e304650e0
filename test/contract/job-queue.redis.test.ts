import { describe } from 'vitest';
import { BullmqJobQueue } from '../../shared/adapters/bullmq-job-queue.ts';
import { redisBackend } from '../../shared/adapters/cluster/redis-bullmq.ts';
import { redisUrl } from '../servers/index.ts';
import { jobQueueContract } from './job-queue.contract.ts';
import { openOnRedis } from './redis-fixture.ts';

const url = await redisUrl();
const OPTIONS = { lockMs: 1_000, redeliverMs: 50, abortGraceMs: 200 };

describe.skipIf(!url)('on Redis', () => {
  jobQueueContract('BullMQ on Redis', () =>
    openOnRedis(
      url!,
      'queue',
      async (client, prefix) => new BullmqJobQueue(redisBackend(client, prefix), OPTIONS),
    ),
  );
});
