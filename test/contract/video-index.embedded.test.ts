import { describe, expect, it } from 'vitest';
import { LanceVideoIndex } from '../../shared/adapters/embedded/lance-video-index.ts';
import type { CollectionSchema, Point, Query } from '../../shared/ports/video-index.ts';
import { videoIndexContract } from './video-index.contract.ts';
import { openInFolder } from './waiting.ts';

videoIndexContract('LanceDB', () => openInFolder((folder) => LanceVideoIndex.open(folder)));

describe('LanceVideoIndex', () => {
  // Vectors of few dimensions are indexed otherwise.
  it.each([24, 256])(
    'finds nearly all of the nearest by its index, once a collection has outgrown exact search: %i dimensions',
    async (dimensions) => {
      const schema: CollectionSchema = {
        name: 'moments',
        vectors: { picture: { dimensions, distance: 'cosine' } },
        multivectors: { parts: { dimensions } },
        lexical: [],
        filterable: { half: 'integer' },
      };
      const { store, dispose } = await openInFolder((folder) =>
        LanceVideoIndex.open(folder, { exactUpTo: 500 }),
      );
      await store.ensureGeneration('g', [schema]);
      let seed = 7;
      const random = () => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed / 2_147_483_647 - 0.5;
      };
      const vector = () => Array.from({ length: dimensions }, random);
      const points = Array.from(
        { length: 1_500 },
        (_, i): Point => ({
          id: `${i}`,
          vectors: i % 3 === 2 ? {} : { picture: vector() },
          ...(i % 3 === 1 && { multivectors: { parts: [vector(), vector()] } }),
          lexical: {},
          payload: { half: i % 2 },
        }),
      );
      await store.upsert('g', 'moments', points);
      const asked = Array.from({ length: 20 }, vector);
      const choice = { limit: 10, filter: [{ field: 'half', equals: 1 }] };
      const ask = async () => {
        const queries = asked.flatMap((values, i): Query[] => [
          { kind: 'dense', vector: 'picture', values, ...choice },
          { kind: 'multi', vector: 'parts', values: [values, asked[(i + 1) % asked.length]!], ...choice },
        ]);
        return (await store.query('g', 'moments', queries)).map((hits) => hits.map(({ id }) => id));
      };
      const exact = await ask();
      await store.optimize('g');
      const found = await ask();
      for (const k of [0, 1]) {
        const e = exact.filter((_, i) => i % 2 === k);
        const f = found.filter((_, i) => i % 2 === k);
        console.log(
          'RECALL',
          dimensions,
          k,
          e.flatMap((ids, i) => ids.filter((id) => f[i]!.includes(id))).length / e.flat().length,
        );
      }
      const kept = exact.flatMap((ids, i) => ids.filter((id) => found[i]!.includes(id)));
      expect(kept.length / exact.flat().length).toBeGreaterThan(0.95);
      await dispose();
    },
  );
});
