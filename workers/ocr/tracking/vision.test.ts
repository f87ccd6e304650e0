import { describe, expect, it } from 'vitest';
import { pyramidOf } from '../engine/crop.ts';
import type { Bounds } from '../engine/geometry.ts';
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

describe('what is looked at in a new shot', () => {
  const eye = visionEye({} as TextDetector, {} as TextRecogniser);
  const first = (now: Survey): Situation<Survey> => ({
    ...cameAndStays(now, shown()),
    ...{ newShot: true, emptyInARow: 0, secondsSinceGlance: 9, secondsSinceWhole: 9 },
  });

  it('is where strokes are, if they are in a few places, and all of the picture if not', () => {
    const sign = shown({ left: 10, top: 4, columns: 6, rows: 2 });
    expect(eye.inspect(sign, first(sign))).toMatchObject({
      ...{ kind: 'whole', places: [{ left: expect.closeTo(0.2, 2), top: expect.closeTo(2 / ROWS, 2) }] },
    });
    const leaves = shown({ left: 2, top: 2, columns: 34, rows: 16 });
    expect(eye.inspect(leaves, first(leaves))).toEqual({ kind: 'whole' });
  });

  it('is large letters only where there are no strokes, now and then', () => {
    expect(eye.inspect(shown(), first(shown()))).toEqual({ kind: 'whole', places: [] });
    expect(eye.inspect(shown(), cameAndStays(shown(), shown()))).toEqual({ kind: 'none' });
  });
});

describe('looking closely where strokes are', () => {
  const asked: (readonly Bounds[] | undefined)[] = [];
  const looking = (large: Bounds[]): TextDetector => ({
    async detect(_, places) {
      asked.push(places);
      return [];
    },
    glance: async (_, letters) => (letters === 'large' ? large : []),
    close: async () => undefined,
  });
  const picture = pyramidOf({ data: new Uint8Array(3 * 100 * 50), width: 100, height: 50 });
  const place = { left: 0.1, right: 0.2, top: 0.2, bottom: 0.4 };
  const title = { left: 30, right: 90, top: 5, bottom: 45 };

  it('takes in letters that are too large to be strokes, and asks for nothing where there is nothing', async () => {
    await visionEye(looking([title]), {} as TextRecogniser).detect(picture, {
      kind: 'whole',
      places: [place],
    });
    await visionEye(looking([]), {} as TextRecogniser).detect(picture, { kind: 'whole', places: [] });
    expect(asked).toEqual([[{ left: 10, right: 20, top: 10, bottom: 20 }, title]]);
  });
});
