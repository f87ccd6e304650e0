import { describe, expect, it } from 'vitest';
import type { TextDetector, TextRecogniser } from '../engine/types.ts';
import type { Survey } from './survey.ts';
import type { Situation } from './tracker.ts';
import { visionEye } from './vision.ts';

const COLUMNS = 40;
const ROWS = 22;
const STROKES = 40;

/** A picture with strokes in a block of cells. */
function shown(block?: { left: number; top: number; columns: number; rows: number }): Survey {
  const strokes = new Uint8Array(COLUMNS * ROWS);
  if (block) {
    for (let row = block.top; row < block.top + block.rows; row++) {
      const from = row * COLUMNS + block.left;
      strokes.fill(STROKES, from, from + block.columns);
    }
  }
  return { columns: COLUMNS, rows: ROWS, cellWidth: 1 / COLUMNS, cellHeight: 1 / ROWS, strokes };
}

/** What came and stays, seen a second time, in a shot in which nothing was found half a second ago. */
function cameAndStays(now: Survey, before: Survey): Situation<Survey> {
  return {
    ...{ atLastDetection: before, atLastGlance: before, onPictureBefore: now },
    ...{ known: [], lost: [], newShot: false, emptyInARow: 1, lastsSec: 0.5 },
    ...{ secondsSince: 1, secondsSinceGlance: 1, secondsSinceWhole: 1 },
  };
}

describe('where text is looked for when strokes came and stay', () => {
  const eye = visionEye({} as TextDetector, {} as TextRecogniser);
  const inspect = (now: Survey, before = shown()) => eye.inspect(now, cameAndStays(now, before));

  it('is their place, closely, when it is small', () => {
    const caption = shown({ left: 10, top: 18, columns: 20, rows: 2 });
    expect(inspect(caption)).toMatchObject({ kind: 'places', places: [{ left: expect.closeTo(0.2, 2) }] });
  });

  it('is all of the picture, at a glance, when a close look at their places costs more', () => {
    expect(inspect(shown({ left: 2, top: 2, columns: 34, rows: 16 }))).toEqual({ kind: 'glance' });
  });

  it('is nowhere when they only move, or were there', () => {
    const caption = shown({ left: 10, top: 18, columns: 20, rows: 2 });
    const moved = { ...cameAndStays(caption, shown()), onPictureBefore: shown() };
    expect(eye.inspect(caption, moved)).toEqual({ kind: 'none', watch: true });
    expect(inspect(caption, caption)).toEqual({ kind: 'none', watch: false });
  });
});
