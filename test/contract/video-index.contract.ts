/** What every VideoIndex must do, whatever store is behind it. Scores are held against a plain reckoning of them. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CollectionSchema, Payload, VideoIndex } from '../../shared/ports/video-index.ts';
import { rankingContract } from './video-index.ranking.contract.ts';
import { eachInItsGeneration, MOMENTS, point, VIDEOS } from './video-index.trial.ts';
import type { Opened } from './waiting.ts';

export function videoIndexContract(name: string, open: () => Promise<Opened<VideoIndex>>): void {
  describe(`VideoIndex: ${name}`, () => {
    const trial = eachInItsGeneration(open);
    const { put, dense, lexical, scan } = trial;

    rankingContract(trial);

    it('gives points back whole, the absent parts absent', async () => {
      const payload: Payload = {
        tenant: 'a',
        people: ['Ann', '李雷'],
        year: 2024,
        score: 0.25,
        live: false,
        title: 'It\'s "quoted" \\ \n 中文 🎬',
        nested: { list: [1, null, { deep: true }], empty: [] },
        nothing: null,
      };
      const whole = point({
        vectors: { text: [0.6, 0.8, 0, 0], face: [1, 2, 3] },
        multivectors: {
          parts: [
            [0, 1, 0],
            [0.6, 0, 0.8],
          ],
        },
        lexical: { title: ['movie', '电影'], speech: ['a', 'a'] },
        payload,
      });
      const bare = point({ payload: { tenant: 'b' } });
      await put(whole, bare);
      const found = await trial.index.get(trial.generation, 'videos', [whole.id, bare.id, randomUUID()]);
      expect(found).toHaveLength(2);
      const one = found.find(({ id }) => id === whole.id)!;
      expect(one.payload).toEqual(payload);
      expect(one.lexical).toEqual(whole.lexical);
      expect(Array.from(one.vectors.face!)).toEqual([1, 2, 3]);
      expect(Array.from(one.vectors.text!)[1]).toBeCloseTo(0.8, 5);
      expect(one.multivectors!.parts!.map((vector) => Array.from(vector))).toEqual([
        [0, 1, 0],
        [expect.closeTo(0.6, 5), 0, expect.closeTo(0.8, 5)],
      ]);
      const other = found.find(({ id }) => id === bare.id)!;
      expect(other.vectors).toEqual({});
      expect(other.multivectors).toBeUndefined();
      expect(other.lexical).toEqual({});
      expect(other.payload).toEqual({ tenant: 'b' });
    });

    it('replaces a point that is written again, whole', async () => {
      const first = point({
        vectors: { text: [1, 0, 0, 0] },
        lexical: { title: ['before'] },
        payload: { tenant: 'a', year: 1 },
      });
      await put(first);
      await put({ ...first, vectors: {}, lexical: { title: ['after'] }, payload: { tenant: 'a' } });
      expect(await trial.index.count(trial.generation, 'videos')).toBe(1);
      expect(await dense('text', [1, 0, 0, 0])).toEqual([]);
      expect(await lexical('title', ['before'])).toEqual([]);
      expect((await lexical('title', ['after']))[0]).toMatchObject({
        id: first.id,
        payload: { tenant: 'a' },
      });
      expect(await trial.index.count(trial.generation, 'videos', [{ field: 'year', equals: 1 }])).toBe(0);
    });

    it('takes one id twice in a write: the last wins', async () => {
      const id = randomUUID();
      await put(point({ id, payload: { year: 1 } }), point({ id, payload: { year: 2 } }));
      expect((await scan([])).map(({ payload }) => payload)).toEqual([{ year: 2 }]);
    });

    it('gives hits the fields asked for, and only those', async () => {
      const payload = { tenant: 'a', year: 1_999, people: ['x', 'y'], live: true, other: { deep: [1] } };
      await put(point({ vectors: { text: [1, 0, 0, 0] }, lexical: { title: ['word'] }, payload }));
      for (const query of [
        { kind: 'scan' },
        { kind: 'lexical', field: 'title', tokens: ['word'] },
        { kind: 'dense', vector: 'text', values: [1, 0, 0, 0] },
      ] as const) {
        const answers = await trial.index.query(trial.generation, 'videos', [
          { ...query, limit: 5, fields: ['people', 'year', 'live', 'score'] },
          { ...query, limit: 5, fields: ['other', 'tenant'] },
          { ...query, limit: 5, fields: [] },
          { ...query, limit: 5 },
        ]);
        expect(answers.map((hits) => hits.map((hit) => hit.payload))).toEqual([
          [{ people: ['x', 'y'], year: 1_999, live: true }],
          [{ other: { deep: [1] }, tenant: 'a' }],
          [{}],
          [payload],
        ]);
      }
    });

    it('shows each write to the next query, from several writers', async () => {
      await Promise.all(
        Array.from({ length: 12 }, async (_, i) => {
          const mine = point({ vectors: { text: [1, i, 0, 0] }, lexical: { title: [`w${i}`] } });
          await put(mine);
          expect((await lexical('title', [`w${i}`])).map(({ id }) => id)).toEqual([mine.id]);
        }),
      );
      expect(await trial.index.count(trial.generation, 'videos')).toBe(12);
    });

    it('deletes what the filter names and nothing else', async () => {
      const points = Array.from({ length: 10 }, (_, i) =>
        point({ payload: { tenant: i % 2 ? 'a' : "b' or true --", year: i } }),
      );
      await put(...points);
      await trial.index.delete(trial.generation, 'videos', [{ field: 'tenant', equals: "' or 1=1 or '" }]);
      expect(await trial.index.count(trial.generation, 'videos')).toBe(10);
      await trial.index.delete(trial.generation, 'videos', [
        { field: 'tenant', equals: "b' or true --" },
        { field: 'year', lte: 4 },
      ]);
      const left = (await scan([])).map(({ payload }) => payload.year as number);
      expect(left.sort((a, b) => a - b)).toEqual([1, 3, 5, 6, 7, 8, 9]);
      await trial.index.delete(trial.generation, 'videos', []);
      expect(await trial.index.count(trial.generation, 'videos')).toBe(0);
    });

    it('keeps collections apart, and generations', async () => {
      const other = `${trial.generation}x`;
      await trial.index.ensureGeneration(other, [VIDEOS]);
      await put(point());
      expect(await trial.index.count(trial.generation, 'moments')).toBe(0);
      expect(await trial.index.count(other, 'videos')).toBe(0);
      await trial.index.dropGeneration(other);
      expect(await trial.index.generations()).toContain(trial.generation);
      expect(await trial.index.generations()).not.toContain(other);
      expect(await trial.index.count(trial.generation, 'videos')).toBe(1);
      await expect(trial.index.count(other, 'videos')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('switches the active generation in one step', async () => {
      const other = `${trial.generation}-next`;
      await trial.index.ensureGeneration(other, [VIDEOS]);
      await trial.index.activate(trial.generation);
      expect(await trial.index.active()).toBe(trial.generation);
      await trial.index.activate(other);
      expect(await trial.index.active()).toBe(other);
      await expect(trial.index.activate('never-made')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await trial.index.active()).toBe(other);
    });

    it('takes an existing generation as it is, and refuses it with other dimensions', async () => {
      await put(point({ vectors: { text: [1, 0, 0, 0] } }));
      await trial.index.ensureGeneration(trial.generation, [VIDEOS, MOMENTS]);
      expect(await trial.index.count(trial.generation, 'videos')).toBe(1);
      const other: CollectionSchema = {
        ...VIDEOS,
        vectors: { ...VIDEOS.vectors, text: { dimensions: 5, distance: 'cosine' } },
      };
      await expect(trial.index.ensureGeneration(trial.generation, [other])).rejects.toMatchObject({
        code: 'INDEX_MISMATCH',
      });
      await expect(put(point({ vectors: { text: [1, 2] } }))).rejects.toMatchObject({
        code: 'INDEX_MISMATCH',
      });
      await expect(dense('text', [1, 2])).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      expect((await dense('text', [1, 0, 0, 0])).length).toBe(1);
    });

    it('refuses what the schema does not have, and writes nothing of such a write', async () => {
      const good = point({ payload: { tenant: 'a' } });
      for (const bad of [
        point({ vectors: { other: [1, 2, 3] } }),
        point({ multivectors: { other: [[1, 2, 3]] } }),
        point({ multivectors: { parts: [[1, 2]] } }),
        point({ lexical: { other: ['x'] } }),
        point({ payload: { year: 'nineteen' } }),
        point({ payload: { year: 1.5 } }),
        point({ payload: { people: [1] } }),
        point({ payload: { live: 'yes' } }),
        point({ payload: { tenant: ['a'] } }),
      ]) {
        await expect(put(good, bad), JSON.stringify(bad)).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      }
      expect(await trial.index.count(trial.generation, 'videos')).toBe(0);
      const mismatch = { code: 'INDEX_MISMATCH' };
      await expect(dense('other', [1])).rejects.toMatchObject(mismatch);
      const parts = { kind: 'multi', vector: 'parts', values: [[1, 2]], limit: 1 } as const;
      await expect(trial.index.query(trial.generation, 'videos', [parts])).rejects.toMatchObject(mismatch);
      await expect(lexical('other', ['x'])).rejects.toMatchObject(mismatch);
      await expect(scan([{ field: 'other', equals: 1 }])).rejects.toMatchObject(mismatch);
      await expect(
        trial.index.delete(trial.generation, 'videos', [{ field: 'other', notEquals: 1 }]),
      ).rejects.toMatchObject(mismatch);
    });

    it('answers the same after it was optimised, and goes on taking writes', async () => {
      const points = Array.from({ length: 30 }, (_, i) =>
        point({
          vectors: { text: [1, i / 10, 0, 0] },
          lexical: { title: ['word', `n${i}`] },
          payload: { year: i },
        }),
      );
      for (const one of points) await put(one);
      await trial.index.delete(trial.generation, 'videos', [{ field: 'year', lte: 9 }]);
      const ask = async () => [
        (await dense('text', [1, 0, 0, 0], 4)).map(({ id }) => id),
        (await lexical('title', ['n17'])).map(({ id }) => id),
        (await lexical('title', ['n3'])).map(({ id }) => id),
      ];
      const before = await ask();
      await trial.index.optimize(trial.generation);
      expect(await ask()).toEqual(before);
      expect(before[2]).toEqual([]);
      await put(point({ lexical: { title: ['n3'] }, payload: { year: 99 } }));
      expect((await lexical('title', ['n3'])).map(({ payload }) => payload.year)).toEqual([99]);
      await trial.index.optimize(trial.generation);
      expect(await trial.index.count(trial.generation, 'videos')).toBe(21);
    });

    it('has everything after it was opened again', async (context) => {
      if (!trial.reopen) return context.skip();
      const one = point({
        vectors: { text: [1, 0, 0, 0] },
        lexical: { title: ['kept'] },
        payload: { year: 7 },
      });
      await put(one);
      await trial.index.activate(trial.generation);
      await trial.reopen();
      expect(await trial.index.active()).toBe(trial.generation);
      expect((await lexical('title', ['kept'])).map(({ id }) => id)).toEqual([one.id]);
      expect((await dense('text', [1, 0, 0, 0])).map(({ id }) => id)).toEqual([one.id]);
      await put({ ...one, payload: { year: 8 } });
      expect((await scan([])).map(({ payload }) => payload)).toEqual([{ year: 8 }]);
    });
  });
}
