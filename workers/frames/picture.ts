/** Measures on the small grey pictures (320 × 180) that come with each candidate. */

import { SMALL_GREY } from '../../shared/media/samples.ts';

export const GREY_WIDTH = 320;
export const GREY_HEIGHT = 180;

export interface PictureMeasures {
  /** Variance of the Laplacian (Pech-Pacheco et al., 2000), over the size above. */
  sharpness: number;
  mean: number;
  deviation: number;
  /** 64-bit difference hash (Krawetz, 2013), 16 hexadecimal digits. */
  dhash: string;
}

export function measure(grey: Uint8Array): PictureMeasures {
  const { mean, deviation } = moments(grey);
  return { sharpness: laplacianVariance(grey), mean, deviation, dhash: differenceHash(grey) };
}

function moments(grey: Uint8Array): { mean: number; deviation: number } {
  let sum = 0;
  let squares = 0;
  // By index: an iterator over bytes costs four times as much.
  for (let i = 0; i < grey.length; i += 1) {
    sum += grey[i]!;
    squares += grey[i]! * grey[i]!;
  }
  const mean = sum / grey.length;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / grey.length - mean * mean)) };
}

function laplacianVariance(grey: Uint8Array): number {
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < GREY_HEIGHT - 1; y += 1) {
    for (let i = y * GREY_WIDTH + 1; i < (y + 1) * GREY_WIDTH - 1; i += 1) {
      const value =
        4 * grey[i]! - grey[i - 1]! - grey[i + 1]! - grey[i - GREY_WIDTH]! - grey[i + GREY_WIDTH]!;
      sum += value;
      squares += value * value;
    }
  }
  const count = (GREY_WIDTH - 2) * (GREY_HEIGHT - 2);
  return squares / count - (sum / count) ** 2;
}

function differenceHash(grey: Uint8Array): string {
  const [columns, rows] = [9, 8];
  const means = new Float64Array(columns * rows);
  for (let row = 0; row < rows; row += 1) {
    const [top, bottom] = [
      Math.floor((row * GREY_HEIGHT) / rows),
      Math.floor(((row + 1) * GREY_HEIGHT) / rows),
    ];
    for (let column = 0; column < columns; column += 1) {
      const left = Math.floor((column * GREY_WIDTH) / columns);
      const right = Math.floor(((column + 1) * GREY_WIDTH) / columns);
      let sum = 0;
      for (let y = top; y < bottom; y += 1)
        for (let x = left; x < right; x += 1) sum += grey[y * GREY_WIDTH + x]!;
      means[row * columns + column] = sum / ((bottom - top) * (right - left));
    }
  }
  let hash = 0n;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns - 1; column += 1) {
      const i = row * columns + column;
      hash = (hash << 1n) | (means[i]! < means[i + 1]! ? 1n : 0n);
    }
  }
  return hash.toString(16).padStart(16, '0');
}

/** The same picture at the size of `SMALL_GREY`, each pixel the mean of those it covers. */
export function smallGrey(grey: Uint8Array): Uint8Array {
  const { width, height } = SMALL_GREY;
  const small = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const top = Math.floor((row * GREY_HEIGHT) / height);
    const bottom = Math.ceil(((row + 1) * GREY_HEIGHT) / height);
    for (let column = 0; column < width; column++) {
      const left = Math.floor((column * GREY_WIDTH) / width);
      const right = Math.ceil(((column + 1) * GREY_WIDTH) / width);
      let sum = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += grey[y * GREY_WIDTH + x]!;
      small[row * width + column] = sum / ((bottom - top) * (right - left)) + 0.5;
    }
  }
  return small;
}

/** Bits in which two difference hashes differ, 0..64. */
export function hashDistance(a: string, b: string): number {
  let bits = BigInt(`0x${a}`) ^ BigInt(`0x${b}`);
  let count = 0;
  while (bits > 0n) {
    bits &= bits - 1n;
    count += 1;
  }
  return count;
}

const BLOCK_WIDTH = 8;
const BLOCK_HEIGHT = 6;
/** Mean absolute difference of a block above which something changed: compression noise stays below, one digit does not. */
const STILL_BLOCK = 4;

/** Whether two pictures show the same to the letter: no block of 8 × 6 pixels changed more than compression changes it. */
export function isStill(a: Uint8Array, b: Uint8Array): boolean {
  const limit = STILL_BLOCK * BLOCK_WIDTH * BLOCK_HEIGHT;
  for (let top = 0; top < GREY_HEIGHT; top += BLOCK_HEIGHT) {
    for (let left = 0; left < GREY_WIDTH; left += BLOCK_WIDTH) {
      let sum = 0;
      for (let y = top; y < top + BLOCK_HEIGHT; y += 1) {
        const row = y * GREY_WIDTH + left;
        for (let x = row; x < row + BLOCK_WIDTH; x += 1) sum += Math.abs(a[x]! - b[x]!);
      }
      if (sum > limit) return false;
    }
  }
  return true;
}
