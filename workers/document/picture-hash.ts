/** Difference hashes of small grey pictures, with black bars left out so that letterboxed copies are still alike. */

import { SMALL_GREY } from '../../shared/media/samples.ts';

/** Big enough to see bars, small enough to cost nothing. */
const { width: GREY_WIDTH, height: GREY_HEIGHT } = SMALL_GREY;
const BAR_LUMA = 24;
/** Bars take away at most this share of each side; what is darker all over is a dark picture. */
const MAX_BAR = 0.3;

export interface Area {
  left: number;
  top: number;
  /** Exclusive. */
  right: number;
  bottom: number;
}

/** What is inside the bars that all pictures of a video have. */
export function pictureArea(pictures: readonly Uint8Array[]): Area {
  const rows = new Uint8Array(GREY_HEIGHT);
  const columns = new Uint8Array(GREY_WIDTH);
  for (const picture of pictures) {
    for (let y = 0; y < GREY_HEIGHT; y++) {
      for (let x = 0; x < GREY_WIDTH; x++) {
        const luma = picture[y * GREY_WIDTH + x]!;
        if (luma > rows[y]!) rows[y] = luma;
        if (luma > columns[x]!) columns[x] = luma;
      }
    }
  }
  const [top, bottom] = inside(rows);
  const [left, right] = inside(columns);
  return { left, top, right, bottom };
}

function inside(brightest: Uint8Array): [number, number] {
  const most = Math.floor(brightest.length * MAX_BAR);
  let from = 0;
  while (from < brightest.length && brightest[from]! <= BAR_LUMA) from += 1;
  let to = brightest.length;
  while (to > from && brightest[to - 1]! <= BAR_LUMA) to -= 1;
  return from > most || brightest.length - to > most ? [0, brightest.length] : [from, to];
}

/**
 * 64 bits: whether the mean luma grows from each of 9 × 8 fields to its right neighbour. Differences below one step of luma
 * count as none, or the noise of a flat picture would be its hash.
 * @returns the two halves, the high one first
 */
export function differenceHash(picture: Uint8Array, area: Area): { high: number; low: number } {
  const fields = new Float64Array(9 * 8);
  for (let row = 0; row < 8; row++) {
    for (let column = 0; column < 9; column++)
      fields[row * 9 + column] = fieldMean(picture, area, column, row);
  }
  const halves = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const at = Math.floor(bit / 8) * 9 + (bit % 8);
    const half = bit >> 5;
    const set = fields[at + 1]! - fields[at]! > 1 ? 1 : 0;
    halves[half] = ((halves[half]! << 1) | set) >>> 0;
  }
  return { high: halves[0]!, low: halves[1]! };
}

function fieldMean(picture: Uint8Array, area: Area, column: number, row: number): number {
  const x0 = area.left + ((area.right - area.left) * column) / 9;
  const x1 = area.left + ((area.right - area.left) * (column + 1)) / 9;
  const y0 = area.top + ((area.bottom - area.top) * row) / 8;
  const y1 = area.top + ((area.bottom - area.top) * (row + 1)) / 8;
  let sum = 0;
  let weight = 0;
  for (let y = Math.floor(y0); y < y1; y++) {
    const height = Math.min(y + 1, y1) - Math.max(y, y0);
    for (let x = Math.floor(x0); x < x1; x++) {
      const share = height * (Math.min(x + 1, x1) - Math.max(x, x0));
      sum += picture[y * GREY_WIDTH + x]! * share;
      weight += share;
    }
  }
  return sum / weight;
}
