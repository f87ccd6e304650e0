/**
 * A cheap look at a picture before any net runs: where are there strokes? Letters, of whatever writing, are strong edges
 * that change direction every few pixels; sky, skin and walls are not.
 */

import { findComponents } from '../engine/components.ts';
import { type Bounds, joinOverlapping } from '../engine/geometry.ts';
import type { Pixels } from '../engine/types.ts';

/** Stroke counts on a grid over the picture. */
export interface Survey {
  columns: number;
  rows: number;
  /** Fraction of the picture's width and height that a cell covers. */
  cellWidth: number;
  cellHeight: number;
  /** Edge reversals a scanned row of the cell, times 16. */
  strokes: Uint8Array;
}

/** Every picture is looked at as if it were this wide. */
const LOOK_WIDTH = 640;
const CELL = 16;
/** Least difference of brightness that counts as an edge, of 255. */
const EDGE = 20;
/** Two edges of opposite direction further apart are no stroke, pixels. */
const STROKE_WIDTH = 12;
const ROW_STEP = 2;

/** Strokes per scanned row (times 16) from which a cell may hold letters. */
const TEXT_CELL = 12;
/** A cell has changed when its strokes differ by more than this share of the greater count, and by a text cell's worth. */
const CHANGE = 0.5;

export function survey({ data, width, height }: Pixels): Survey {
  const step = Math.max(1, Math.round(width / LOOK_WIDTH));
  const lookWidth = Math.floor(width / step);
  const lookHeight = Math.floor(height / step);
  const columns = Math.max(1, Math.ceil(lookWidth / CELL));
  const rows = Math.max(1, Math.ceil(lookHeight / CELL));
  const counts = new Uint16Array(columns * rows);
  for (let y = 0; y < lookHeight; y += ROW_STEP) {
    const base = ((y / CELL) | 0) * columns;
    let at = y * step * width * 3 + 1; // green carries most of the brightness
    let before = data[at]!;
    let beforeThat = before;
    let lastSign = 0;
    let lastEdge = -STROKE_WIDTH;
    for (let x = 1; x < lookWidth; x++) {
      at += step * 3;
      const value = data[at]!;
      // Over two pixels, so that soft edges count.
      const difference = value - beforeThat;
      beforeThat = before;
      before = value;
      if (difference > -EDGE && difference < EDGE) continue;
      const sign = difference > 0 ? 1 : -1;
      if (sign !== lastSign && x - lastEdge <= STROKE_WIDTH) counts[base + ((x / CELL) | 0)]! += 1;
      lastSign = sign;
      lastEdge = x;
    }
  }
  const strokes = new Uint8Array(counts.length);
  const scanned = CELL / ROW_STEP;
  for (let i = 0; i < counts.length; i++) strokes[i] = Math.min(255, (counts[i]! * 16) / scanned);
  return {
    columns,
    rows,
    cellWidth: (CELL * step) / width,
    cellHeight: (CELL * step) / height,
    strokes,
  };
}

/** Cells that may hold letters: many strokes there, and in the cell beside it. */
export function textCells({ columns, strokes }: Survey): number[] {
  const cells: number[] = [];
  for (let i = 0; i < strokes.length; i++) {
    if (strokes[i]! < TEXT_CELL) continue;
    const column = i % columns;
    const beside =
      (column > 0 && strokes[i - 1]! >= TEXT_CELL) || (column < columns - 1 && strokes[i + 1]! >= TEXT_CELL);
    const below = (strokes[i - columns] ?? 0) >= TEXT_CELL || (strokes[i + columns] ?? 0) >= TEXT_CELL;
    if (beside || below) cells.push(i);
  }
  return cells;
}

/** Of these cells, those with their centre in none of the boxes (fractions of the picture). */
export function cellsOutside(look: Survey, cells: readonly number[], boxes: readonly Bounds[]): number[] {
  return cells.filter((cell) => {
    const x = ((cell % look.columns) + 0.5) * look.cellWidth;
    const y = (((cell / look.columns) | 0) + 0.5) * look.cellHeight;
    return !boxes.some(
      ({ left, right, top, bottom }) =>
        x > left - look.cellWidth &&
        x < right + look.cellWidth &&
        y > top - look.cellHeight &&
        y < bottom + look.cellHeight,
    );
  });
}

/** Those of these cells that look different from an earlier survey of the same grid. */
export function changedCells(now: Survey, before: Survey, cells: readonly number[]): number[] {
  if (now.strokes.length !== before.strokes.length) return [...cells];
  return cells.filter((cell) => {
    const a = now.strokes[cell]!;
    const b = before.strokes[cell]!;
    return Math.abs(a - b) > Math.max(TEXT_CELL / 2, CHANGE * Math.max(a, b));
  });
}

/** Length of the longest row of neighbours among these cells, given in order. */
export function longestRow(cells: readonly number[], columns: number): number {
  let longest = 0;
  let length = 0;
  cells.forEach((cell, i) => {
    length = i > 0 && cells[i - 1] === cell - 1 && cell % columns !== 0 ? length + 1 : 1;
    longest = Math.max(longest, length);
  });
  return longest;
}

/** A detector needs some surrounding to tell letters from texture, cells. */
const SURROUNDING = 2;
/** What comes in a line's place may be taller, longer, or of two lines: its box grows by so many of its heights. */
const PLACE_GROWTH = 1.5;

/** Boxes (fractions of the picture) around these cells and these boxes, with some surrounding; none overlaps another. */
export function placesAround(look: Survey, cells: readonly number[], boxes: readonly Bounds[]): Bounds[] {
  const { columns, rows, cellWidth, cellHeight } = look;
  const mask = new Uint8Array(columns * rows);
  for (const cell of cells) mask[cell] = 1;
  const marginX = SURROUNDING * cellWidth;
  const marginY = SURROUNDING * cellHeight;
  const around = findComponents(mask, columns, rows).components.map(({ left, right, top, bottom }) => ({
    left: left * cellWidth - marginX,
    right: (right + 1) * cellWidth + marginX,
    top: top * cellHeight - marginY,
    bottom: (bottom + 1) * cellHeight + marginY,
  }));
  const grown = boxes.map(({ left, right, top, bottom }) => {
    const reachY = (bottom - top) * PLACE_GROWTH + marginY;
    // Cells are square, so this is the same length in both directions.
    const reachX = (reachY * cellWidth) / cellHeight;
    return { left: left - reachX, right: right + reachX, top: top - reachY, bottom: bottom + reachY };
  });
  return joinOverlapping([...around, ...grown]);
}
