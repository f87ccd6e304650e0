import { describe, expect, it } from 'vitest';
import { documentWeights, meanLength, queryWeights, tokenDimension } from './qdrant-bm25.ts';

describe('tokenDimension', () => {
  it('is MurmurHash3 as published: known values of seed 0', () => {
    expect(tokenDimension('')).toBe(0);
    expect(tokenDimension('test')).toBe(0xba6bd213);
    expect(tokenDimension('Hello, world!')).toBe(0xc0363e43);
    expect(tokenDimension('The quick brown fox jumps over the lazy dog')).toBe(0x2e4ff723);
  });

  it('lets about V² / 2³³ pairs of V tokens share a dimension', () => {
    const tokens = 200_000;
    const seen = new Set<number>();
    for (let i = 0; i < tokens; i++) seen.add(tokenDimension(`token${i}`));
    const expected = tokens ** 2 / 2 ** 33; // 4.7
    expect(tokens - seen.size).toBeLessThan(expected + 4 * Math.sqrt(expected));
  });
});

describe('documentWeights', () => {
  it('is the document’s part of BM25, by hand', () => {
    const weights = documentWeights(['a', 'b', 'a'], 6)!;
    const weightOf = (token: string) => weights.values[weights.indices.indexOf(tokenDimension(token))]!;
    const saturation = 1.2 * (0.25 + (0.75 * 3) / 6);
    expect(weightOf('a')).toBeCloseTo((2 * 2.2) / (2 + saturation), 10);
    expect(weightOf('b')).toBeCloseTo((1 * 2.2) / (1 + saturation), 10);
    expect(weights.indices).toHaveLength(2);
  });

  it('makes no vector of nothing', () => {
    expect(documentWeights([], 10)).toBeNull();
    expect(queryWeights([])).toBeNull();
  });

  it('asks for a repeated word once', () => {
    expect(queryWeights(['a', 'a', 'b'])).toEqual({
      indices: [tokenDimension('a'), tokenDimension('b')],
      values: [1, 1],
    });
  });
});

describe('a constant mean length', () => {
  const random = ((seed: number) => () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  })(11);
  /** Words as often as in texts (Zipf), lengths from a fifth to five times the mean. */
  const word = () => `w${Math.floor(2_000 ** random())}`;
  const documents = Array.from({ length: 600 }, () =>
    Array.from({ length: Math.round(10 * 25 ** random()) }, word),
  );
  const mean = documents.reduce((sum, { length }) => sum + length, 0) / documents.length;

  const postings = (assumed: number) => documents.map((tokens) => weightsByDimension(tokens, assumed));
  const right = postings(mean);

  function best(query: string[], weights: Map<number, number>[]): number[] {
    const asked = queryWeights(query)!.indices.map((dimension) => {
      const holders = weights.filter((each) => each.has(dimension)).length;
      return { dimension, idf: Math.log(1 + (documents.length - holders + 0.5) / (holders + 0.5)) };
    });
    return weights
      .map((each, i) => ({
        i,
        score: asked.reduce((sum, { dimension, idf }) => sum + idf * (each.get(dimension) ?? 0), 0),
      }))
      .sort((a, b) => b.score - a.score || a.i - b.i)
      .slice(0, 10)
      .map(({ i }) => i);
  }

  it.each([
    [1 / 3, 0.7],
    [1 / 2, 0.8],
    [2, 0.8],
    [3, 0.7],
  ])('when it is wrong by a factor of %s, leaves at least %s of the best ten', (factor, least) => {
    const wrong = postings(mean * factor);
    const queries = Array.from({ length: 60 }, () => [word(), word(), word()]);
    const kept = queries.map((query) => {
      const among = best(query, right);
      return best(query, wrong).filter((i) => among.includes(i)).length / 10;
    });
    const share = kept.reduce((sum, each) => sum + each, 0) / kept.length;
    expect(share).toBeGreaterThan(least);
    expect(share).toBeLessThan(1);
  });

  it('is said for every token field of the index', () => {
    expect(meanLength('videos', 'speech')).toBeGreaterThan(meanLength('videos', 'title'));
    expect(meanLength('videos', 'something new')).toBeGreaterThan(0);
  });
});

function weightsByDimension(tokens: string[], mean: number): Map<number, number> {
  const { indices, values } = documentWeights(tokens, mean)!;
  return new Map(indices.map((dimension, i) => [dimension, values[i]!]));
}
