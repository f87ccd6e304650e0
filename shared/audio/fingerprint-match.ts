/** Compares fingerprints: the bit error rate where two of them fit each other best. */
import { FINGERPRINT_FRAME_SEC } from './fingerprint.ts';

export interface FingerprintMatch {
  /** Share of differing bits at the best alignment, 0..1; about 0.5 for unrelated sound, 1 when nothing overlaps. */
  bitErrorRate: number;
  /** Second of `b` that sounds at the start of `a` (negative: `a` begins before `b`). */
  offsetSec: number;
  /** Seconds of `b` that pass in one second of `a`: 1, or about 0.95 … 1.05 for a changed tempo. */
  rate: number;
  /** Seconds compared, without those silent on either side. */
  overlapSec: number;
}

export interface CompareOptions {
  /** Fewest seconds that must overlap. @default 5 */
  minOverlapSec?: number;
  /** Share of the shorter one that must overlap, 0..1. @default 0.5 */
  minOverlapShare?: number;
  /** Whether changed tempo is looked for where the plain comparison finds nothing. @default true */
  tempo?: boolean;
}

/** Up to this bit error rate two pieces of at least 5 s are taken for the same recording. */
export const SAME_RECORDING_BER = 0.33;

const RATES = [0.99, 1.01, 0.98, 1.02, 0.97, 1.03, 0.96, 1.04, 0.95, 1.05, 0.94, 1.06];
/** Word pairs up to which all alignments are tried; beyond, those that equal half words vote for. */
const EXHAUSTIVE_PAIRS = 4_000_000;
const CANDIDATES = 24;

/** @returns the best alignment; `bitErrorRate` 1 where the overlap asked for cannot be reached */
export function compareFingerprints(
  a: Uint32Array,
  b: Uint32Array,
  options: CompareOptions = {},
): FingerprintMatch {
  const { minOverlapSec = 5, minOverlapShare = 0.5, tempo = true } = options;
  const needed = Math.max(
    Math.ceil(minOverlapSec / FINGERPRINT_FRAME_SEC),
    Math.ceil(Math.min(audible(a), audible(b)) * minOverlapShare),
    1,
  );
  let best = align(a, b, 1, needed);
  if (tempo && best.bitErrorRate > SAME_RECORDING_BER * 0.75) {
    for (const rate of RATES) {
      const match = align(a, stretch(b, rate), rate, needed);
      if (match.bitErrorRate < best.bitErrorRate) best = match;
    }
  }
  return best;
}

/** Whether both hold the same recording (at the default overlap: the shorter one's half, at least 5 s). */
export function isSameRecording(a: Uint32Array, b: Uint32Array, options?: CompareOptions): boolean {
  return compareFingerprints(a, b, options).bitErrorRate <= SAME_RECORDING_BER;
}

export function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

function audible(words: Uint32Array): number {
  let count = 0;
  for (const word of words) if (word !== 0) count += 1;
  return count;
}

/** Every `rate`-th word: what `words` would be, were it played at the other tempo. */
function stretch(words: Uint32Array, rate: number): Uint32Array {
  return Uint32Array.from(
    { length: Math.floor(words.length / rate) },
    (_, index) => words[Math.min(words.length - 1, Math.round(index * rate))]!,
  );
}

function align(a: Uint32Array, b: Uint32Array, rate: number, needed: number): FingerprintMatch {
  const best = { bitErrorRate: 1, shift: 0, overlap: 0 };
  const attempt = (shift: number): void => {
    const from = Math.max(0, -shift);
    const to = Math.min(a.length, b.length - shift);
    if (to - from < needed) return;
    let compared = 0;
    let errors = 0;
    for (let i = from; i < to; i++) {
      const left = a[i]!;
      const right = b[i + shift]!;
      if (left === 0 || right === 0) continue;
      compared += 1;
      errors += popcount((left ^ right) >>> 0);
    }
    if (compared < needed) return;
    const bitErrorRate = errors / (32 * compared);
    if (bitErrorRate < best.bitErrorRate) Object.assign(best, { bitErrorRate, shift, overlap: compared });
  };
  if (a.length * b.length <= EXHAUSTIVE_PAIRS) {
    for (let shift = needed - a.length; shift <= b.length - needed; shift++) attempt(shift);
  } else {
    for (const shift of votedShifts(a, b)) attempt(shift);
  }
  return {
    bitErrorRate: best.bitErrorRate,
    offsetSec: best.shift * rate * FINGERPRINT_FRAME_SEC,
    rate,
    overlapSec: best.overlap * FINGERPRINT_FRAME_SEC,
  };
}

/** Alignments at which most half words are equal. At a bit error rate of 0.25 one in a hundred half words still is. */
function votedShifts(a: Uint32Array, b: Uint32Array): number[] {
  const votes = new Uint32Array(a.length + b.length);
  for (const half of [0, 16]) {
    const first = new Int32Array(1 << 16).fill(-1);
    const next = new Int32Array(b.length).fill(-1);
    for (let j = b.length - 1; j >= 0; j--) {
      if (b[j] === 0) continue;
      const key = (b[j]! >>> half) & 0xffff;
      next[j] = first[key]!;
      first[key] = j;
    }
    for (let i = 0; i < a.length; i++) {
      if (a[i] === 0) continue;
      for (let j = first[(a[i]! >>> half) & 0xffff]!; j >= 0; j = next[j]!) votes[j - i + a.length]! += 1;
    }
  }
  const shifts = Array.from({ length: votes.length }, (_, index) => index)
    .filter((index) => votes[index]! > 0)
    .sort((left, right) => votes[right]! - votes[left]!)
    .slice(0, CANDIDATES);
  return [...new Set(shifts.flatMap((index) => [index - 1, index, index + 1]))].map(
    (index) => index - a.length,
  );
}
