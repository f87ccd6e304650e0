import { describe, expect, it } from 'vitest';
import { LanceVideoIndex } from '../../shared/adapters/embedded/lance-video-index.ts';
import type { CollectionSchema, Point } from '../../shared/ports/video-index.ts';
import { videoIndexContract } from './video-index.contract.ts';
import { openInFolder } from './waiting.ts';

videoIndexContract('LanceDB', () => openInFolder((folder) => LanceVideoIndex.open(folder)));

describe('LanceVideoIndex', () => {
  it('finds nearly all of the nearest by its index, once a collection has outgrown exact search', async () => {
    const dimensions = 24;
    const schema: CollectionSchema = {
      name: 'moments',
      vectors: { picture: { dimensions, distance: 'cosine' } },
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
        lexical: {},
        payload: { half: i % 2 },
      }),
    );
    await store.upsert('g', 'moments', points);
    const asked = Array.from({ length: 20 }, vector);
    const ask = async () =>
      (
        await store.query(
          'g',
          'moments',
          asked.map((values) => ({
            kind: 'dense' as const,
            vector: 'picture',
            values,
            limit: 10,
            filter: [{ field: 'half', equals: 1 }],
          })),
        )
      ).map((hits) => hits.map(({ id }) => id));
    const exact = await ask();
    await store.optimize('g');
    const found = await ask();
    const kept = exact.flatMap((ids, i) => ids.filter((id) => found[i]!.includes(id)));
    expect(kept.length / exact.flat().length).toBeGreaterThan(0.95);
    await dispose();
  });
});
