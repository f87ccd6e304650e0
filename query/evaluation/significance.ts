/** Whether a difference between two configurations on the same queries is more than chance. */
import { mean } from './metrics.ts';

export interface Significance {
  /** Mean of the differences, second minus first. */
  difference: number;
  /** Two-sided: how often as large a difference arises when each query's two values are swapped at random. */
  p: number;
  queries: number;
  /** Queries on which the second is better, equal, worse. */
  better: number;
  equal: number;
  worse: number;
}

const ROUNDS = 10_000;
/** Up to so many differing queries all ways to swap are tried, which is exact. */
const EXACT_UP_TO = 14;

/**
 * Fisher's paired randomisation test, as recommended for retrieval experiments by Smucker, Allan & Carterette (CIKM 2007).
 * @param first values of the queries with one configuration
 * @param second … with the other, in the same order
 * @throws RangeError for lists of different lengths
 */
export function randomisationTest(
  first: readonly number[],
  second: readonly number[],
  seed = 1,
): Significance {
  if (first.length !== second.length) throw new RangeError('Both configurations need the same queries.');
  const differences = second.map((value, i) => value - first[i]!);
  const moved = differences.filter((difference) => Math.abs(difference) > 1e-12);
  const observed = Math.abs(sum(moved));
  const counts = {
    better: moved.filter((each) => each > 0).length,
    worse: moved.filter((each) => each < 0).length,
    equal: differences.length - moved.length,
  };
  const exact = moved.length <= EXACT_UP_TO;
  const rounds = exact ? 2 ** moved.length : ROUNDS;
  const random = seeded(seed);
  let asLarge = 0;
  for (let round = 0; round < rounds; round++) {
    let swapped = 0;
    for (let i = 0; i < moved.length; i++) {
      const swap = exact ? (round >> i) & 1 : random() < 0.5;
      swapped += swap ? -moved[i]! : moved[i]!;
    }
    if (Math.abs(swapped) >= observed - 1e-12) asLarge += 1;
  }
  // The observed order is one of the possible ones, so that p is never 0.
  const p = exact ? asLarge / rounds : (asLarge + 1) / (rounds + 1);
  return { difference: mean(differences), p, queries: differences.length, ...counts };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Mulberry32: small, and the same everywhere. @returns 0..1, 1 excluded */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
