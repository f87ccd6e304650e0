import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuse, RRF_K, total } from './fusion.ts';

const hits = (...keys: string[]) => keys.map((key, i) => ({ key, score: 10 - i }));

describe('fuse', () => {
  it('adds weight / (k + rank) over the channels', () => {
    const fused = fuse([
      { name: 'a', weight: 1, hits: hits('x', 'y') },
      { name: 'b', weight: 2, hits: hits('y') },
    ]);
    expect(total(fused.get('x')!)).toBeCloseTo(1 / (RRF_K + 1));
    expect(total(fused.get('y')!)).toBeCloseTo(1 / (RRF_K + 2) + 2 / (RRF_K + 1));
    expect(fused.get('y')!.map(({ channel, rank }) => [channel, rank])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('counts the best hit of a key, and ranks distinct keys', () => {
    const fused = fuse([{ name: 'a', weight: 1, hits: hits('x', 'x', 'x', 'y') }]);
    expect(fused.get('x')).toHaveLength(1);
    expect(fused.get('y')![0]!.rank).toBe(2);
  });

  it('gives equal scores equal ranks, so that the order of a scan means nothing', () => {
    const scanned = ['x', 'y', 'z'].map((key) => ({ key, score: 0 }));
    const fused = fuse([{ name: 'a', weight: 1, hits: scanned }]);
    expect(new Set([...fused.values()].map((each) => total(each))).size).toBe(1);
  });

  it('never puts a key lower for a better rank', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 20 }), (keys) => {
        const scores = [...fuse([{ name: 'a', weight: 1, hits: hits(...keys) }]).values()].map((each) =>
          total(each),
        );
        return scores.every((score, i) => i === 0 || score < scores[i - 1]!);
      }),
    );
  });
});
