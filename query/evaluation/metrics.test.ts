import { describe, expect, it } from 'vitest';
import { hitsMoment, mean, ndcg, recallAt, reciprocalRank } from './metrics.ts';
import { randomisationTest, seeded } from './significance.ts';

const grades = new Map([
  ['a', 3],
  ['b', 1],
]);

describe('ndcg', () => {
  it('is what the formula gives by hand', () => {
    // gains: a 7, b 1; b at rank 1, a at rank 3
    const dcg = 1 / Math.log2(2) + 7 / Math.log2(4);
    const ideal = 7 / Math.log2(2) + 1 / Math.log2(3);
    expect(ndcg(['b', 'x', 'a'], grades, 10)).toBeCloseTo(dcg / ideal, 12);
    expect(dcg / ideal).toBeCloseTo(0.5897, 4);
  });

  it('is 1 for the ideal order, 0 for none of it, and looks at k places only', () => {
    expect(ndcg(['a', 'b'], grades, 10)).toBe(1);
    expect(ndcg(['x', 'y'], grades, 10)).toBe(0);
    expect(ndcg(['x', 'a'], grades, 1)).toBe(0);
    expect(ndcg(['a'], new Map(), 10)).toBe(0);
  });
});

describe('the other measures', () => {
  it('are what they are by hand', () => {
    expect(reciprocalRank(['x', 'y', 'b'], grades)).toBeCloseTo(1 / 3);
    expect(reciprocalRank(['x'], grades)).toBe(0);
    expect(recallAt(['a', 'x', 'b'], grades, 2)).toBe(0.5);
    expect(recallAt(['a', 'x', 'b'], grades, 1)).toBe(1);
    expect(recallAt([], grades, 10)).toBe(0);
    expect(mean([1, 2, 6])).toBe(3);
    expect(mean([])).toBe(0);
  });

  it('count a moment within two seconds of the span, of that video only', () => {
    const spans = [{ video: 'v', startSec: 10, endSec: 12 }];
    const at = (atSec: number, video = 'v') => hitsMoment([{ video, atSec }], spans);
    expect([7.9, 8, 11, 14, 14.1].map((sec) => at(sec))).toEqual([false, true, true, true, false]);
    expect(at(11, 'w')).toBe(false);
  });
});

describe('the randomisation test', () => {
  it('counts all swaps of few queries', () => {
    // Three differences of one sign: 2 of the 8 ways to swap are as extreme.
    const result = randomisationTest([0, 0, 0, 0.5], [0.1, 0.2, 0.3, 0.5]);
    expect(result).toMatchObject({ p: 0.25, better: 3, worse: 0, equal: 1, queries: 4 });
    expect(result.difference).toBeCloseTo(0.15);
  });

  it('finds nothing between equals, and much between many clear differences', () => {
    const first = Array.from({ length: 40 }, (_, i) => i / 40);
    expect(randomisationTest(first, first).p).toBe(1);
    expect(
      randomisationTest(
        first,
        first.map((value) => value + 0.1),
      ).p,
    ).toBeLessThan(0.001);
  });

  it('rejects about one in twenty of differences that are chance', () => {
    const random = seeded(7);
    const trials = 200;
    let rejected = 0;
    for (let trial = 0; trial < trials; trial++) {
      const draw = () => Array.from({ length: 10 }, () => random());
      if (randomisationTest(draw(), draw()).p < 0.05) rejected += 1;
    }
    expect(rejected / trials).toBeLessThan(0.1);
    expect(rejected).toBeGreaterThan(1);
  });

  it('refuses lists of different lengths', () => {
    expect(() => randomisationTest([1], [1, 2])).toThrow(RangeError);
  });
});
