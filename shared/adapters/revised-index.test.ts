import { describe, expect, it } from 'vitest';
import { MemoryIndex } from '../../test/fixtures/memory-index.ts';
import { collectionSchemas } from '../index/schema.ts';
import { ProcessRevisions, revised } from './revised-index.ts';

const dimensions = { id: 'm', dimensions: 2 };
const SCHEMAS = collectionSchemas({
  text: dimensions,
  multimodal: dimensions,
  face: dimensions,
  audio: dimensions,
});

function point(tenant: string, video: string) {
  return { id: video, vectors: {}, lexical: {}, payload: { tenant, video } };
}

describe('an index that counts its changes', () => {
  it('tells another revision after every change that concerns a tenant, and the same after others', async () => {
    const index = revised(new MemoryIndex(), new ProcessRevisions());
    await index.ensureGeneration('g', SCHEMAS);
    let before = await index.revision!('a');
    const moved = async () => {
      const now = await index.revision!('a');
      const isOther = now !== before;
      before = now;
      return isOther;
    };
    await index.upsert('g', 'videos', [point('a', '1')]);
    expect(await moved()).toBe(true);
    await index.upsert('g', 'videos', [point('b', '2')]);
    expect(await moved()).toBe(false);
    await index.delete('g', 'videos', [{ field: 'tenant', equals: 'b' }]);
    expect(await moved()).toBe(false);
    await index.delete('g', 'videos', [{ field: 'tenant', equals: 'a' }]);
    expect(await moved()).toBe(true);
    await index.delete('g', 'videos', [{ field: 'video', equals: '1' }]);
    expect(await moved()).toBe(true);
    await index.activate('g');
    expect(await moved()).toBe(true);
    await index.query('g', 'videos', [{ kind: 'scan', limit: 1 }]);
    expect(await moved()).toBe(false);
  });

  it('counts a write that failed, for a part of it may be there', async () => {
    const index = revised(new MemoryIndex(), new ProcessRevisions());
    const before = await index.revision!('a');
    await expect(index.upsert('missing', 'videos', [point('a', '1')])).rejects.toThrow();
    expect(await index.revision!('a')).not.toBe(before);
  });
});
