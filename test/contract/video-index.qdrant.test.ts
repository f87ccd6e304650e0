/** The VideoIndex contract on a real Qdrant, and what only a real one can show. */
import { randomUUID } from 'node:crypto';
import type { Schemas } from '@qdrant/js-client-rest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QdrantVideoIndex } from '../../shared/adapters/cluster/qdrant-video-index.ts';
import { loadConfig } from '../../shared/config.ts';
import type { CollectionSchema, Filter, Point } from '../../shared/ports/video-index.ts';
import { MemoryIndex } from '../fixtures/memory-index.ts';
import { qdrantUrl } from '../servers/index.ts';
import { videoIndexContract } from './video-index.contract.ts';

const url = await qdrantUrl();
let prefixes = 0;

function settings(over: Record<string, unknown> = {}) {
  const prefix = `test-${process.pid}-${Date.now().toString(36)}-${prefixes++}`;
  return loadConfig({}, {}, { qdrant: { url: url ?? undefined, prefix, ...over } }).qdrant;
}

async function openAlone(over: Record<string, unknown> = {}) {
  const config = settings(over);
  let store = await QdrantVideoIndex.open(config);
  return {
    config,
    store,
    reopen: async () => {
      await store.close();
      store = await QdrantVideoIndex.open(config);
      return store;
    },
    dispose: async () => {
      for (const generation of await store.generations()) await store.dropGeneration(generation);
      await store.close();
    },
  };
}

/** Numbers that look random and are the same each time, between -0.5 and 0.5. */
function randomNumbers(seed: number): () => number {
  return () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647 - 0.5;
  };
}

describe.skipIf(!url)('on a Qdrant server', () => {
  videoIndexContract('Qdrant', () => openAlone());
  videoIndexContract('Qdrant, on disk, without int8', () => openAlone({ onDisk: true, int8: false }));

  describe('QdrantVideoIndex', () => {
    const dimensions = 32;
    const schema: CollectionSchema = {
      name: 'moments',
      vectors: { picture: { dimensions, distance: 'cosine' }, face: { dimensions, distance: 'euclid' } },
      lexical: ['speech'],
      filterable: { tenant: 'keyword', half: 'integer' },
    };
    const random = randomNumbers(7);
    const vector = () => Array.from({ length: dimensions }, random);
    const word = () => `w${Math.floor(300 ** (random() + 0.5))}`;
    const points = Array.from(
      { length: 1_500 },
      (_, i): Point => ({
        id: randomUUID(),
        vectors: { ...(i % 3 !== 2 && { picture: vector() }), face: vector() },
        lexical: { speech: Array.from({ length: 5 + (i % 30) }, word) },
        payload: { tenant: i % 5 ? 'a' : 'b', half: i % 2 },
      }),
    );
    const exact = new MemoryIndex();
    let opened: Awaited<ReturnType<typeof openAlone>>;

    beforeAll(async () => {
      opened = await openAlone();
      for (const index of [exact, opened.store]) {
        await index.ensureGeneration('g', [schema]);
        await index.upsert('g', 'moments', points);
      }
    });
    afterAll(async () => {
      await opened.dispose();
    });

    it.each(['picture', 'face'])(
      'finds nearly all of the nearest with int8 vectors rescored, under filters: %s',
      async (name) => {
        await opened.store.optimize('g');
        const filter: Filter = [
          { field: 'tenant', equals: 'a' },
          { field: 'half', equals: 1 },
        ];
        const queries = Array.from({ length: 20 }, () => ({
          ...{ kind: 'dense' as const, vector: name, values: vector(), limit: 10, filter },
        }));
        const wanted = await exact.query('g', 'moments', queries);
        const found = await opened.store.query('g', 'moments', queries);
        const kept = wanted.flatMap((hits, i) =>
          hits.filter(({ id }) => found[i]!.some((hit) => hit.id === id)),
        );
        expect(kept.length / wanted.flat().length).toBeGreaterThan(0.95);
        for (const [i, hits] of found.entries()) {
          expect(hits[0]!.score).toBeCloseTo(wanted[i]![0]!.score, 4);
        }
      },
    );

    it('ranks by BM25 nearly as with the true mean length, which its constant stands for', async () => {
      const queries = Array.from({ length: 40 }, () => ({
        ...{ kind: 'lexical' as const, field: 'speech', tokens: [word(), word(), word()], limit: 10 },
      }));
      const wanted = await exact.query('g', 'moments', queries);
      const found = await opened.store.query('g', 'moments', queries);
      const kept = wanted.flatMap((hits, i) =>
        hits.filter(({ id }) => found[i]!.some((hit) => hit.id === id)),
      );
      expect(kept.length / wanted.flat().length).toBeGreaterThan(0.9);
      // The same weights, but for the mean: 20 assumed, 19.5 there.
      expect(found[0]![0]!.score / wanted[0]![0]!.score).toBeGreaterThan(0.95);
      expect(found[0]![0]!.score / wanted[0]![0]!.score).toBeLessThan(1.05);
    });

    it('gives points back so that they can be written again: tokens too, cosine vectors at unit length', async () => {
      const [point] = points;
      const [found] = await opened.store.get('g', 'moments', [point!.id]);
      expect(found!.lexical).toEqual(point!.lexical);
      expect(found!.payload).toEqual(point!.payload);
      expect(Math.hypot(...found!.vectors.picture!)).toBeCloseTo(1, 5);
      expect(Array.from(found!.vectors.face!)).toEqual(Array.from(Float32Array.from(point!.vectors.face!)));
      await opened.store.upsert('g', 'moments', [found!]);
      expect((await opened.store.get('g', 'moments', [point!.id]))[0]).toEqual(found);
    });

    it('scans more points than a page has', async () => {
      const [hits] = await opened.store.query('g', 'moments', [{ kind: 'scan', limit: 1_400 }]);
      expect(new Set(hits!.map(({ id }) => id)).size).toBe(1_400);
      expect(Object.keys(hits![0]!.payload).sort()).toEqual(['half', 'tenant']);
    });

    it('is laid out on the server as configured: read back from it', async () => {
      const { config, store, dispose } = await openAlone({ onDisk: true });
      await store.ensureGeneration('g', [{ ...schema, multivectors: { parts: { dimensions: 3 } } }]);
      const read = async ({ prefix }: typeof config) => {
        const response = await fetch(`${url}/collections/${prefix}.g.moments`);
        return ((await response.json()) as { result: Schemas['CollectionInfo'] }).result;
      };
      const there = await read(config);
      expect(there.config.params).toMatchObject({
        vectors: {
          picture: { size: dimensions, distance: 'Cosine', on_disk: true },
          face: { size: dimensions, distance: 'Euclid', on_disk: true },
          parts: { size: 3, distance: 'Cosine', multivector_config: { comparator: 'max_sim' } },
        },
        sparse_vectors: { bm25_speech: { modifier: 'idf', index: { on_disk: true } } },
        on_disk_payload: true,
      });
      expect(there.config.quantization_config).toMatchObject({
        scalar: { type: 'int8', quantile: 0.99, always_ram: true },
      });
      expect(there.payload_schema).toMatchObject({
        tenant: { data_type: 'keyword', params: { is_tenant: true, on_disk: true } },
        half: { data_type: 'integer', params: { on_disk: true } },
      });
      const inMemory = await read(opened.config);
      expect(inMemory.config.params).toMatchObject({
        vectors: { picture: { on_disk: false } },
        on_disk_payload: false,
      });
      await dispose();
    });

    it('comes back from its snapshot as it was', async () => {
      const { store, reopen, dispose } = await openAlone();
      await store.ensureGeneration('g', [schema]);
      await store.upsert('g', 'moments', points.slice(0, 100));
      await store.activate('g');
      const query = { kind: 'dense' as const, vector: 'face', values: points[0]!.vectors.face!, limit: 10 };
      const before = await store.query('g', 'moments', [query]);
      const [snapshot] = await store.snapshot('g');
      const address = `${url}/collections/${snapshot!.collection}/snapshots`;
      const bytes = await (await fetch(`${address}/${snapshot!.name}`)).blob();
      expect(bytes.size).toBe(snapshot!.bytes);
      await store.dropGeneration('g');
      await expect(store.count('g', 'moments')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const form = new FormData();
      form.set('snapshot', bytes, snapshot!.name);
      const restored = await fetch(`${address}/upload?wait=true&priority=snapshot`, {
        ...{ method: 'POST', body: form },
      });
      expect(restored.status, await restored.text()).toBe(200);
      const again = await reopen();
      expect(await again.generations()).toEqual(['g']);
      await again.ensureGeneration('g', [schema]);
      await again.activate('g');
      expect(await again.active()).toBe('g');
      expect(await again.count('g', 'moments')).toBe(100);
      expect(await again.query('g', 'moments', [query])).toEqual(before);
      await dispose();
    });

    it('makes a snapshot of each collection of a generation', async () => {
      const snapshots = await opened.store.snapshot('g');
      expect(snapshots).toEqual([
        {
          collection: `${opened.config.prefix}.g.moments`,
          name: expect.stringContaining('moments'),
          bytes: expect.any(Number),
          checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      ]);
      await expect(opened.store.snapshot('never-made')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('finds in several shards what it finds in one', async () => {
      const { store, dispose } = await openAlone({ shards: 3 });
      await store.ensureGeneration('g', [schema]);
      await store.upsert('g', 'moments', points);
      expect(await store.count('g', 'moments', [{ field: 'tenant', equals: 'b' }])).toBe(300);
      const queries = Array.from({ length: 20 }, () => [
        { kind: 'dense' as const, vector: 'picture', values: vector(), limit: 10 },
        { kind: 'lexical' as const, field: 'speech', tokens: [word(), word()], limit: 10 },
      ]).flat();
      const wanted = await opened.store.query('g', 'moments', queries);
      const found = await store.query('g', 'moments', queries);
      const kept = (kind: 'dense' | 'lexical') => {
        const asked = queries.flatMap((query, i) => (query.kind === kind ? [i] : []));
        const same = asked.flatMap((i) =>
          wanted[i]!.filter(({ id }) => found[i]!.some((hit) => hit.id === id)),
        );
        return same.length / asked.flatMap((i) => wanted[i]!).length;
      };
      expect(kept('dense')).toBeGreaterThan(0.95);
      // Each shard weighs words by how rare they are in it, and few points make that uneven.
      expect(kept('lexical')).toBeGreaterThan(0.7);
      await dispose();
    });

    it('lets several processes start on an empty server at once', async () => {
      const config = settings();
      const stores = await Promise.all(Array.from({ length: 4 }, () => QdrantVideoIndex.open(config)));
      await Promise.all(stores.map((store) => store.ensureGeneration('g', [schema])));
      await Promise.all(
        stores.map((store, i) => store.upsert('g', 'moments', points.slice(i * 10, i * 10 + 10))),
      );
      await Promise.all(stores.map((store) => store.activate('g')));
      expect(await stores[0]!.count('g', 'moments')).toBe(40);
      expect(await stores[1]!.active()).toBe('g');
      await stores[0]!.dropGeneration('g');
      expect(await stores[1]!.active()).toBeNull();
      await expect(stores[1]!.count('g', 'moments')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('shows searches either the old generation or the new, never neither', async () => {
      const { store, dispose } = await openAlone();
      for (const generation of ['one', 'two']) {
        await store.ensureGeneration(generation, [schema, { ...schema, name: 'videos' }]);
      }
      await store.activate('one');
      let switching = true;
      const seen = new Set<string | null>();
      const watch = (async () => {
        while (switching) seen.add(await store.active());
      })();
      for (let i = 0; i < 20; i++) await store.activate(i % 2 ? 'one' : 'two');
      switching = false;
      await watch;
      expect([...seen].every((generation) => generation === 'one' || generation === 'two')).toBe(true);
      await dispose();
    });
  });
});
