/** Measures on the tiny frames (64 × 36, planar YUV 4:2:0) in which shots are found. */

export const TINY_WIDTH = 64;
export const TINY_HEIGHT = 36;
const LUMA = TINY_WIDTH * TINY_HEIGHT;
const CHROMA_WIDTH = TINY_WIDTH / 2;
const CHROMA = LUMA / 4;
export const TINY_BYTES = LUMA + 2 * CHROMA;
/** A value of chroma stands for four pixels, so that the three planes count alike. */
const CHROMA_WEIGHT = LUMA / CHROMA;
const WEIGHT = 3 * LUMA;

/** Mean absolute difference over the three planes, 0..255. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  let luma = 0;
  for (let i = 0; i < LUMA; i += 1) luma += Math.abs(a[i]! - b[i]!);
  let chroma = 0;
  for (let i = LUMA; i < TINY_BYTES; i += 1) chroma += Math.abs(a[i]! - b[i]!);
  return (luma + CHROMA_WEIGHT * chroma) / WEIGHT;
}

/** Pearson correlation of the lumas, -1..1: near 1 when only exposure changed or a fade dimmed the picture. */
export function lumaCorrelation(a: Uint8Array, b: Uint8Array): number {
  const [ofA, ofB] = [brightness(a), brightness(b)];
  let sum = 0;
  for (let i = 0; i < LUMA; i += 1) sum += (a[i]! - ofA.mean) * (b[i]! - ofB.mean);
  const spread = ofA.deviation * ofB.deviation;
  return spread === 0 ? 1 : sum / LUMA / spread;
}

const VISIBLE_CHANGE = 8;

/**
 * What changed beside one step of brightness or tint over the whole picture: the mean absolute difference that is left, and
 * the share of the picture (0..1) where the luma visibly changed. A dissolve changes most of it, a car driving by does not.
 */
export function structuralChange(a: Uint8Array, b: Uint8Array): { mean: number; share: number } {
  let sum = 0;
  let visible = 0;
  for (const { from, to, weight } of PLANES) {
    const step = meanOf(b, from, to) - meanOf(a, from, to);
    for (let i = from; i < to; i += 1) {
      const change = Math.abs(a[i]! + step - b[i]!);
      sum += change * weight;
      if (from === 0 && change > VISIBLE_CHANGE) visible += 1;
    }
  }
  return { mean: sum / WEIGHT, share: visible / LUMA };
}

const PLANES = [
  { from: 0, to: LUMA, weight: 1 },
  { from: LUMA, to: LUMA + CHROMA, weight: CHROMA_WEIGHT },
  { from: LUMA + CHROMA, to: TINY_BYTES, weight: CHROMA_WEIGHT },
] as const;

function meanOf(frame: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i += 1) sum += frame[i]!;
  return sum / (to - from);
}

/** Mean and standard deviation of the luma, 0..255. */
export function brightness(frame: Uint8Array): { mean: number; deviation: number } {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < LUMA; i += 1) {
    sum += frame[i]!;
    squares += frame[i]! * frame[i]!;
  }
  const mean = sum / LUMA;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / LUMA - mean * mean)) };
}

const GRID = 2;
const LUMA_BINS = 16;
const CHROMA_BINS = 8;

/**
 * Half the L1 distance of normalised colour histograms in 2 × 2 blocks, 0 (same colours in the same quarters) to 1. It
 * hardly sees motion, which the difference of pixels does.
 */
export function histogramDistance(a: Uint8Array, b: Uint8Array): number {
  const size = GRID * GRID * (LUMA_BINS + 2 * CHROMA_BINS);
  const counts = new Int32Array(size);
  for (let y = 0; y < TINY_HEIGHT; y += 1) {
    const row = Math.floor((y * GRID) / TINY_HEIGHT) * GRID;
    for (let x = 0; x < TINY_WIDTH; x += 1) {
      const block = (row + Math.floor((x * GRID) / TINY_WIDTH)) * (LUMA_BINS + 2 * CHROMA_BINS);
      const i = y * TINY_WIDTH + x;
      const chroma = LUMA + (y >> 1) * CHROMA_WIDTH + (x >> 1);
      for (const [frame, sign] of [
        [a, 1],
        [b, -1],
      ] as const) {
        counts[block + (frame[i]! >> 4)]! += sign;
        counts[block + LUMA_BINS + (frame[chroma]! >> 5)]! += sign;
        counts[block + LUMA_BINS + CHROMA_BINS + (frame[chroma + CHROMA]! >> 5)]! += sign;
      }
    }
  }
  let sum = 0;
  for (let i = 0; i < size; i += 1) sum += Math.abs(counts[i]!);
  return sum / (2 * WEIGHT);
}

/**
 * How well `between` is a blend of `from` and `to`: the share of `to` that fits best (least squares), and the mean
 * absolute difference that remains. In a dissolve little remains; in a pan or a zoom much does.
 */
export function blendFit(
  from: Uint8Array,
  to: Uint8Array,
  between: Uint8Array,
): { share: number; rest: number } {
  let over = 0;
  let under = 0;
  for (const { from: first, to: end, weight } of PLANES) {
    for (let i = first; i < end; i += 1) {
      const step = (to[i]! - from[i]!) * weight;
      over += (between[i]! - from[i]!) * step;
      under += (to[i]! - from[i]!) * step;
    }
  }
  const share = under === 0 ? 0 : Math.min(1, Math.max(0, over / under));
  let rest = 0;
  for (const { from: first, to: end, weight } of PLANES) {
    for (let i = first; i < end; i += 1) {
      rest += weight * Math.abs(between[i]! - from[i]! - share * (to[i]! - from[i]!));
    }
  }
  return { share, rest: rest / WEIGHT };
}
