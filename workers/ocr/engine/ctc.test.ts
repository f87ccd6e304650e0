import { describe, expect, it } from 'vitest';
import { decodeCtc } from './ctc.ts';

const VOCABULARY = ['', 'a', 'b', '你', ' '];

/** One row a step, each `[class, probability]`; what is left over goes to the blank, or to the space where given. */
function steps(...rows: [index: number, probability: number, space?: number][]): Float32Array {
  return Float32Array.from(
    rows.flatMap(([index, probability, space = 0]) => {
      const row = new Array<number>(VOCABULARY.length).fill(0);
      row[index] = probability;
      row[4] = Math.max(row[4]!, space);
      return row;
    }),
  );
}
const decode = (rows: Float32Array) =>
  decodeCtc(rows, rows.length / VOCABULARY.length, VOCABULARY.length, VOCABULARY);

describe('decodeCtc', () => {
  it('joins repeats and drops blanks', () => {
    expect(decode(steps([1, 0.8], [1, 0.9], [0, 0.9], [1, 0.6], [2, 1])).text).toBe('aab');
  });

  it('means the probability of each letter where it first shows', () => {
    expect(decode(steps([1, 0.8], [1, 0.9], [2, 0.6])).confidence).toBeCloseTo(0.7);
    expect(decode(steps([0, 1]))).toEqual({ text: '', confidence: 0 });
  });

  it('puts a space that was nearly certain enough between Latin letters only', () => {
    expect(decode(steps([1, 1], [0, 0.9, 0.05], [2, 1])).text).toBe('a b');
    expect(decode(steps([1, 1], [0, 0.9, 0.01], [2, 1])).text).toBe('ab');
    expect(decode(steps([3, 1], [0, 0.9, 0.3], [3, 1])).text).toBe('你你');
  });

  it('does not double a space that was read as such, nor keep one at the end', () => {
    expect(decode(steps([1, 1], [4, 0.9], [0, 0.9, 0.4], [2, 1], [4, 1])).text).toBe('a b');
  });
});
