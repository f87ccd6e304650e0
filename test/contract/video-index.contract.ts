/** What every VideoIndex must do, whatever store is behind it. Scores are held against a plain reckoning of them. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  CollectionSchema,
  Condition,
  Filter,
  Payload,
  PayloadValue,
  Point,
  VideoIndex,
} from '../../shared/ports/video-index.ts';
import type { Opened } from './waiting.ts';

const VIDEOS: CollectionSchema = {
  name: 'videos',
  vectors: {
    text: { dimensions: 4, distance: 'cosine' },
    face: { dimensions: 3, distance: 'euclid' },
  },
  multivectors: { parts: { dimensions: 3 } },
  lexical: ['title', 'speech'],
  filterable: {
    tenant: 'keyword',
    people: 'keyword[]',
    year: 'integer',
    score: 'float',
    live: 'bool',
  },
};
const MOMENTS: CollectionSchema = { ...VIDEOS, name: 'moments' };

let made = 0;
const point = (over: Partial<Point> & { payload?: Payload } = {}): Point => ({
  id: randomUUID(),
  vectors: {},
  lexical: {},
  payload: {},
  ...over,
});
/** What the filter means, told without any store. */
function holds(filter: Filter, payload: Payload): boolean {
  const among = (field: string, wanted: readonly PayloadValue[]) => {
    const value = payload[field];
    return Array.isArray(value)
      ? value.some((one) => wanted.includes(one))
      : value !== undefined && wanted.includes(value);
  };
  return filter.every((condition) => {
    if ('equals' in condition) return among(condition.field, [condition.equals]);
    if ('notEquals' in condition) return !among(condition.field, [condition.notEquals]);
    if ('anyOf' in condition) return among(condition.field, condition.anyOf);
    const value = payload[condition.field];
    if (typeof value !== 'number') return false;
    return value >= (condition.gte ?? -Infinity) && value <= (condition.lte ?? Infinity);
  });
}

export function videoIndexContract(name: string, open: () => Promise<Opened<VideoIndex>>): void {
  describe(`VideoIndex: ${name}`, () => {
    let opened: Opened<VideoIndex>;
    let index: VideoIndex;
    let generation: string;
    beforeEach(async () => {
      opened = await open();
      index = opened.store;
      generation = `g${process.pid}-${made++}`;
      await index.ensureGeneration(generation, [VIDEOS, MOMENTS]);
    });
    afterEach(async () => {
      await opened.dispose();
    });
    const put = (...points: Point[]) => index.upsert(generation, 'videos', points);
    const dense = async (vector: string, values: number[], limit = 10, filter: Filter = []) =>
      (await index.query(generation, 'videos', [{ kind: 'dense', vector, values, limit, filter }]))[0]!;
    const lexical = async (field: string, tokens: string[], filter: Filter = [], limit = 10) =>
      (await index.query(generation, 'videos', [{ kind: 'lexical', field, tokens, limit, filter }]))[0]!;
    const scan = async (filter: Filter, limit = 1_000) =>
      (await index.query(generation, 'videos', [{ kind: 'scan', limit, filter }]))[0]!;

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
      const found = await index.get(generation, 'videos', [whole.id, bare.id, randomUUID()]);
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
      expect(await index.count(generation, 'videos')).toBe(1);
      expect(await dense('text', [1, 0, 0, 0])).toEqual([]);
      expect(await lexical('title', ['before'])).toEqual([]);
      expect((await lexical('title', ['after']))[0]).toMatchObject({
        id: first.id,
        payload: { tenant: 'a' },
      });
      expect(await index.count(generation, 'videos', [{ field: 'year', equals: 1 }])).toBe(0);
    });

    it('takes one id twice in a write: the last wins', async () => {
      const id = randomUUID();
      await put(point({ id, payload: { year: 1 } }), point({ id, payload: { year: 2 } }));
      expect((await scan([])).map(({ payload }) => payload)).toEqual([{ year: 2 }]);
    });

    it('shows each write to the next query, from several writers', async () => {
      await Promise.all(
        Array.from({ length: 12 }, async (_, i) => {
          const mine = point({ vectors: { text: [1, i, 0, 0] }, lexical: { title: [`w${i}`] } });
          await put(mine);
          expect((await lexical('title', [`w${i}`])).map(({ id }) => id)).toEqual([mine.id]);
        }),
      );
      expect(await index.count(generation, 'videos')).toBe(12);
    });

    it('ranks by cosine similarity, whatever the length of the vectors', async () => {
      const vectors = [
        [1, 0, 0, 0],
        [2, 2, 0, 0],
        [0, 0, 5, 0],
        [-1, 0, 0, 0],
      ];
      const points = vectors.map((text, i) => point({ vectors: { text }, payload: { year: i } }));
      await put(...points, point());
      const hits = await dense('text', [3, 0, 0, 0]);
      expect(hits.map(({ payload }) => payload.year)).toEqual([0, 1, 2, 3]);
      [1, Math.SQRT1_2, 0, -1].forEach((score, i) => {
        expect(hits[i]!.score).toBeCloseTo(score, 5);
      });
    });

    it('ranks by Euclidean distance', async () => {
      await put(
        point({ vectors: { face: [0, 0, 0] }, payload: { year: 0 } }),
        point({ vectors: { face: [3, 4, 0] }, payload: { year: 1 } }),
      );
      const hits = await dense('face', [0, 0, 0]);
      expect(hits.map(({ payload, score }) => [payload.year, score])).toEqual([
        [0, expect.closeTo(0, 5)],
        [1, expect.closeTo(-5, 5)],
      ]);
    });

    it('ranks sets of vectors by the sum of the best similarities, as a plain reckoning does', async () => {
      const cosine = (a: number[], b: number[]) =>
        a.reduce((sum, value, i) => sum + value * b[i]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
      const number = fc.integer({ min: -9, max: 9 });
      const vector = fc.array(number, { minLength: 3, maxLength: 3 }).filter((all) => all.some(Boolean));
      const set = fc.array(vector, { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(fc.array(set, { minLength: 10, maxLength: 60 }), set, async (all, asked) => {
          await index.delete(generation, 'videos', []);
          await put(
            ...all.map((parts, i) => point({ multivectors: { parts }, payload: { year: i } })),
            point({ multivectors: { parts: [] }, payload: { year: 500 } }),
            point({ payload: { year: 1_000 } }),
          );
          const reckoned = all.map((parts, year) => ({
            year,
            score: asked.reduce((sum, each) => sum + Math.max(...parts.map((part) => cosine(each, part))), 0),
          }));
          const later = reckoned.filter(({ year }) => year >= 5);
          for (const [filter, expected] of [
            [[], reckoned],
            [[{ field: 'year', gte: 5 }], later],
          ] as [Filter, typeof reckoned][]) {
            const [hits] = await index.query(generation, 'videos', [
              { kind: 'multi', vector: 'parts', values: asked, limit: 4, filter },
            ]);
            const best = expected.map(({ score }) => score).sort((a, b) => b - a);
            expect(hits!.map(({ score }) => score)).toEqual(
              best.slice(0, 4).map((score) => expect.closeTo(score, 4)),
            );
            for (const { score, payload } of hits!) {
              expect(score).toBeCloseTo(reckoned[payload.year as number]!.score, 4);
            }
          }
        }),
        { numRuns: 8 },
      );
    });

    it('finds all nearest among those that pass the filter', async () => {
      const points = Array.from({ length: 120 }, (_, i) =>
        point({
          vectors: { text: [Math.cos(i / 50), Math.sin(i / 50), 0, 0] },
          payload: { year: i, tenant: i % 10 === 9 ? 'rare' : 'common' },
        }),
      );
      await put(...points);
      const hits = await dense('text', [1, 0, 0, 0], 5, [{ field: 'tenant', equals: 'rare' }]);
      expect(hits.map(({ payload }) => payload.year)).toEqual([9, 19, 29, 39, 49]);
      expect(await dense('text', [1, 0, 0, 0], 3)).toHaveLength(3);
    });

    it('agrees with a plain reckoning of the nearest, on random vectors', async () => {
      const number = fc.float({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true });
      const vector = fc.array(number, { minLength: 3, maxLength: 3 });
      await fc.assert(
        fc.asyncProperty(fc.array(vector, { minLength: 1, maxLength: 30 }), vector, async (all, asked) => {
          await index.delete(generation, 'videos', []);
          await put(...all.map((face, i) => point({ vectors: { face }, payload: { year: i } })));
          const distances = all
            .map((face) => Math.hypot(...face.map((value, i) => value - asked[i]!)))
            .sort((a, b) => a - b);
          const hits = await dense('face', asked, 7);
          expect(hits).toHaveLength(Math.min(7, all.length));
          hits.forEach(({ score }, i) => {
            expect(-score).toBeCloseTo(distances[i]!, 3);
          });
        }),
        { numRuns: 8 },
      );
    });

    it('counts tokens as they are: other scripts, capitals, punctuation, stop words, endings', async () => {
      const tokens = ['电影', '的', 'the', 'Running', 'c++', 'n°5', "o'brien", '2024-01', 'AND', '*', 'café'];
      await put(...tokens.map((token, i) => point({ lexical: { title: [token] }, payload: { year: i } })));
      for (const [i, token] of tokens.entries()) {
        expect((await lexical('title', [token])).map(({ payload }) => payload.year)).toEqual([i]);
      }
      for (const absent of ['running', 'run', 'cafe', '电', 'c', 'brien', '2024']) {
        expect(await lexical('title', [absent])).toEqual([]);
      }
      expect(await lexical('speech', ['电影'])).toEqual([]);
      expect(await lexical('title', [])).toEqual([]);
    });

    it('ranks by BM25: rare words, repeated words and short fields count more', async () => {
      const add = async (year: number, words: string) =>
        put(point({ lexical: { title: words.split(' ') }, payload: { year } }));
      await add(0, 'common rare filler filler');
      await add(1, 'common common filler filler');
      await add(2, 'common filler filler filler filler filler filler filler');
      await add(3, 'common filler filler filler');
      await add(4, 'other filler filler filler');
      const hits = await lexical('title', ['common', 'rare']);
      expect(hits.map(({ payload }) => payload.year)).toEqual([0, 1, 3, 2]);
      const scores = hits.map(({ score }) => score);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(scores.at(-1)!).toBeGreaterThan(0);
      expect(await lexical('title', ['common'], [{ field: 'year', gte: 2 }], 1)).toHaveLength(1);
      expect(
        (await lexical('title', ['common'], [{ field: 'year', gte: 2 }])).map(({ payload }) => payload.year),
      ).toEqual([3, 2]);
    });

    it('answers all queries of a request in their order', async () => {
      const one = point({ vectors: { text: [1, 0, 0, 0] }, lexical: { title: ['x'] } });
      await put(one, point({ vectors: { face: [1, 1, 1] } }));
      const answers = await index.query(generation, 'videos', [
        { kind: 'lexical', field: 'title', tokens: ['x'], limit: 5 },
        { kind: 'dense', vector: 'face', values: [1, 1, 1], limit: 5 },
        { kind: 'scan', limit: 5 },
        { kind: 'dense', vector: 'text', values: Float32Array.from([1, 0, 0, 0]), limit: 5 },
      ]);
      expect(answers.map((hits) => hits.length)).toEqual([1, 1, 2, 1]);
      expect(answers[2]!.every(({ score }) => score === 0)).toBe(true);
    });

    it('filters as the conditions say, on random payloads', async () => {
      const word = fc.constantFrom('a', 'b', 'ä', '视', "'", "x' or 'x'='x", '\\', '%', '', '`;--');
      const payload = fc.record(
        {
          tenant: word,
          people: fc.array(word, { maxLength: 3 }),
          year: fc.integer({ min: -3, max: 3 }),
          score: fc.constantFrom(-0.5, 0, 0.25, 1),
          live: fc.boolean(),
        },
        { requiredKeys: [] },
      );
      const condition: fc.Arbitrary<Condition> = fc.oneof(
        fc.record({ field: fc.constantFrom('tenant', 'people'), equals: word }),
        fc.record({ field: fc.constantFrom('tenant', 'people'), notEquals: word }),
        fc.record({ field: fc.constantFrom('tenant', 'people'), anyOf: fc.array(word, { maxLength: 3 }) }),
        fc.record({ field: fc.constant('live'), equals: fc.boolean() }),
        fc.record({ field: fc.constant('live'), notEquals: fc.boolean() }),
        fc.record({ field: fc.constant('year'), anyOf: fc.array(fc.integer({ min: -3, max: 3 })) }),
        fc.record({ field: fc.constant('year'), equals: fc.integer({ min: -3, max: 3 }) }),
        fc.record({ field: fc.constant('score'), equals: fc.constantFrom(0, 0.25, 0.3) }),
        fc.record({
          field: fc.constant('score'),
          anyOf: fc.array(fc.constantFrom(-0.5, 1, 2), { maxLength: 2 }),
        }),
        fc.record({ field: fc.constantFrom('year', 'score'), notEquals: fc.constantFrom(0, 1) }),
        fc.record(
          {
            field: fc.constantFrom('year', 'score'),
            gte: fc.constantFrom(-2, -1.5, -1, 0, 0.25, 1, 2),
            lte: fc.constantFrom(-1, 0, 0.25, 2),
          },
          { requiredKeys: ['field', 'gte'] },
        ),
      );
      const filters = fc.array(fc.array(condition, { minLength: 1, maxLength: 3 }), {
        minLength: 12,
        maxLength: 12,
      });
      await fc.assert(
        fc.asyncProperty(fc.array(payload, { minLength: 10, maxLength: 30 }), filters, async (all, asked) => {
          await index.delete(generation, 'videos', []);
          await put(...all.map((one) => point({ payload: one })));
          for (const filter of asked) {
            const expected = all.filter((one) => holds(filter, one)).map((one) => JSON.stringify(one));
            const found = (await scan(filter)).map((hit) => JSON.stringify(hit.payload));
            expect(found.length, JSON.stringify(filter)).toBe(expected.length);
            expect(await index.count(generation, 'videos', filter)).toBe(expected.length);
          }
        }),
        { numRuns: 8 },
      );
    });

    it('deletes what the filter names and nothing else', async () => {
      const points = Array.from({ length: 10 }, (_, i) =>
        point({ payload: { tenant: i % 2 ? 'a' : "b' or true --", year: i } }),
      );
      await put(...points);
      await index.delete(generation, 'videos', [{ field: 'tenant', equals: "' or 1=1 or '" }]);
      expect(await index.count(generation, 'videos')).toBe(10);
      await index.delete(generation, 'videos', [
        { field: 'tenant', equals: "b' or true --" },
        { field: 'year', lte: 4 },
      ]);
      const left = (await scan([])).map(({ payload }) => payload.year as number);
      expect(left.sort((a, b) => a - b)).toEqual([1, 3, 5, 6, 7, 8, 9]);
      await index.delete(generation, 'videos', []);
      expect(await index.count(generation, 'videos')).toBe(0);
    });

    it('keeps collections apart, and generations', async () => {
      const other = `${generation}x`;
      await index.ensureGeneration(other, [VIDEOS]);
      await put(point());
      expect(await index.count(generation, 'moments')).toBe(0);
      expect(await index.count(other, 'videos')).toBe(0);
      await index.dropGeneration(other);
      expect(await index.generations()).toContain(generation);
      expect(await index.generations()).not.toContain(other);
      expect(await index.count(generation, 'videos')).toBe(1);
      await expect(index.count(other, 'videos')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('switches the active generation in one step', async () => {
      const other = `${generation}-next`;
      await index.ensureGeneration(other, [VIDEOS]);
      await index.activate(generation);
      expect(await index.active()).toBe(generation);
      await index.activate(other);
      expect(await index.active()).toBe(other);
      await expect(index.activate('never-made')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await index.active()).toBe(other);
    });

    it('takes an existing generation as it is, and refuses it with other dimensions', async () => {
      await put(point({ vectors: { text: [1, 0, 0, 0] } }));
      await index.ensureGeneration(generation, [VIDEOS, MOMENTS]);
      expect(await index.count(generation, 'videos')).toBe(1);
      const other: CollectionSchema = {
        ...VIDEOS,
        vectors: { ...VIDEOS.vectors, text: { dimensions: 5, distance: 'cosine' } },
      };
      await expect(index.ensureGeneration(generation, [other])).rejects.toMatchObject({
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
      expect(await index.count(generation, 'videos')).toBe(0);
      const mismatch = { code: 'INDEX_MISMATCH' };
      await expect(dense('other', [1])).rejects.toMatchObject(mismatch);
      const parts = { kind: 'multi', vector: 'parts', values: [[1, 2]], limit: 1 } as const;
      await expect(index.query(generation, 'videos', [parts])).rejects.toMatchObject(mismatch);
      await expect(lexical('other', ['x'])).rejects.toMatchObject(mismatch);
      await expect(scan([{ field: 'other', equals: 1 }])).rejects.toMatchObject(mismatch);
      await expect(
        index.delete(generation, 'videos', [{ field: 'other', notEquals: 1 }]),
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
      await index.delete(generation, 'videos', [{ field: 'year', lte: 9 }]);
      const ask = async () => [
        (await dense('text', [1, 0, 0, 0], 4)).map(({ id }) => id),
        (await lexical('title', ['n17'])).map(({ id }) => id),
        (await lexical('title', ['n3'])).map(({ id }) => id),
      ];
      const before = await ask();
      await index.optimize(generation);
      expect(await ask()).toEqual(before);
      expect(before[2]).toEqual([]);
      await put(point({ lexical: { title: ['n3'] }, payload: { year: 99 } }));
      expect((await lexical('title', ['n3'])).map(({ payload }) => payload.year)).toEqual([99]);
      await index.optimize(generation);
      expect(await index.count(generation, 'videos')).toBe(21);
    });

    it('has everything after it was opened again', async (context) => {
      if (!opened.reopen) return context.skip();
      const one = point({
        vectors: { text: [1, 0, 0, 0] },
        lexical: { title: ['kept'] },
        payload: { year: 7 },
      });
      await put(one);
      await index.activate(generation);
      index = await opened.reopen();
      expect(await index.active()).toBe(generation);
      expect((await lexical('title', ['kept'])).map(({ id }) => id)).toEqual([one.id]);
      expect((await dense('text', [1, 0, 0, 0])).map(({ id }) => id)).toEqual([one.id]);
      await put({ ...one, payload: { year: 8 } });
      expect((await scan([])).map(({ payload }) => payload)).toEqual([{ year: 8 }]);
    });
  });
}
