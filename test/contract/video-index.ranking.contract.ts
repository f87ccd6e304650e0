/** The part of a VideoIndex's contract that is about answers: what is found, in what order, with what score. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Condition, Filter, Payload, PayloadValue } from '../../shared/ports/video-index.ts';
import { point, type Trial } from './video-index.trial.ts';

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

export function rankingContract(trial: Trial): void {
  const { put, dense, lexical, scan } = trial;

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
        await trial.index.delete(trial.generation, 'videos', []);
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
          const [hits] = await trial.index.query(trial.generation, 'videos', [
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
        await trial.index.delete(trial.generation, 'videos', []);
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
    const answers = await trial.index.query(trial.generation, 'videos', [
      { kind: 'lexical', field: 'title', tokens: ['x'], limit: 5 },
      { kind: 'dense', vector: 'face', values: [1, 1, 1], limit: 5 },
      { kind: 'scan', limit: 5 },
      { kind: 'dense', vector: 'text', values: Float32Array.from([1, 0, 0, 0]), limit: 5 },
    ]);
    expect(answers.map((hits) => hits.length)).toEqual([1, 1, 2, 1]);
    expect(answers[2]!.every(({ score }) => score === 0)).toBe(true);
  });

  it.each<Filter>([
    [
      { field: 'tenant', equals: 'a' },
      { field: 'tenant', notEquals: 'a' },
    ],
    [
      { field: 'people', anyOf: ['Ann'] },
      { field: 'people', notEquals: 'Ann' },
    ],
    [
      { field: 'live', notEquals: true },
      { field: 'live', equals: true },
    ],
    [
      { field: 'score', gte: 1, lte: 1 },
      { field: 'score', notEquals: 1 },
    ],
  ])('finds nothing by what contradicts itself: %o and %o', async (...filter) => {
    await put(point({ payload: { tenant: 'a', people: ['Ann'], live: true, score: 1 } }));
    expect(await scan(filter)).toEqual([]);
    expect(await trial.index.count(trial.generation, 'videos', filter)).toBe(0);
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
        await trial.index.delete(trial.generation, 'videos', []);
        await put(...all.map((one) => point({ payload: one })));
        for (const filter of asked) {
          const expected = all.filter((one) => holds(filter, one)).map((one) => JSON.stringify(one));
          const found = (await scan(filter)).map((hit) => JSON.stringify(hit.payload));
          expect(found.length, JSON.stringify(filter)).toBe(expected.length);
          expect(await trial.index.count(trial.generation, 'videos', filter)).toBe(expected.length);
        }
      }),
      { numRuns: 8 },
    );
  });
}
