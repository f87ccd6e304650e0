/** Changes that other processes make are seen: the counts lie on Redis. */
import { describe, expect, it } from 'vitest';
import { openRedis } from '../../shared/adapters/cluster/redis-connection.ts';
import { RedisRevisions } from '../../shared/adapters/cluster/redis-revisions.ts';
import { revised } from '../../shared/adapters/revised-index.ts';
import { collectionSchemas } from '../../shared/index/schema.ts';
import { MemoryIndex } from '../fixtures/memory-index.ts';
import { redisUrl } from '../servers/index.ts';
import { redisConfig } from './redis-fixture.ts';

const url = await redisUrl();
const model = { id: 'm', dimensions: 2 };

describe.skipIf(!url)('revisions of the index on Redis', () => {
  it('are the same for all processes, by tenant', async () => {
    const config = redisConfig({ url: url! });
    const open = async () => new RedisRevisions(await openRedis(config, 'store'), config.prefix);
    const memory = new MemoryIndex();
    await memory.ensureGeneration(
      'g',
      collectionSchemas({ text: model, multimodal: model, face: model, audio: model }),
    );
    const worker = revised(memory, await open());
    const query = await open();
    try {
      const [a, b] = [await query.of('a'), await query.of('b')];
      const payload = { tenant: 'a', video: 'v' };
      await worker.upsert('g', 'videos', [{ id: 'v', vectors: {}, lexical: {}, payload }]);
      const afterWrite = await query.of('a');
      expect(afterWrite).not.toBe(a);
      expect(await query.of('b')).toBe(b);
      await worker.activate('g');
      expect(await query.of('a')).not.toBe(afterWrite);
      expect(await query.of('b')).not.toBe(b);
    } finally {
      await worker.close();
      await query.close();
    }
  });
});
