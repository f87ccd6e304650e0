/** The tracker's eye on real pictures: a stroke survey, colour signatures, and one of the engines. */
import type { Pyramid } from '../engine/crop.ts';
import { quadBounds } from '../engine/geometry.ts';
import type { Point, Quad, TextDetector, TextRecogniser } from '../engine/types.ts';
import { type Signature, signatureOf, stillThere } from './signature.ts';
import { cellsOutside, changedCells, longestRow, type Survey, survey, textCells } from './survey.ts';
import type { Eye } from './tracker.ts';

export interface DetectionPace {
  /** Detection runs at least this often while there are strokes that belong to no known line, seconds. */
  idleSec: number;
  /** ... and not more often than this for strokes that came and stay, seconds. */
  busySec: number;
}

export const PACE_DEFAULTS: DetectionPace = { idleSec: 2, busySec: 0.5 };

/** A word covers at least two cells; fewer that changed are flicker. */
const MIN_CELLS = 2;
/** A short word at caption size, in neighbouring cells; smaller text waits for `idleSec`. */
const STEADY_CELLS = 3;
const ROUNDING = 1e-3;

export function visionEye(
  detector: TextDetector,
  recogniser: TextRecogniser,
  pace: DetectionPace = PACE_DEFAULTS,
): Eye<Pyramid, Signature, Survey> {
  return {
    look: (pyramid) => survey(pyramid.picture),
    worthDetecting(now, { atLastDetection, onPictureBefore }, known, secondsSince) {
      const boxes = known.map(quadBounds);
      const unexplained = cellsOutside(now, textCells(now), boxes);
      if (unexplained.length < MIN_CELLS) return false;
      if (atLastDetection === null || secondsSince >= pace.idleSec - ROUNDING) return true;
      if (secondsSince < pace.busySec - ROUNDING || onPictureBefore === null) return false;
      // A caption comes and stays; leaves, water and a moving camera change again with every picture.
      const fresh = changedCells(now, atLastDetection, unexplained);
      const moving = new Set(changedCells(now, onPictureBefore, fresh));
      const steady = fresh.filter((cell) => !moving.has(cell));
      return longestRow(steady, now.columns) >= STEADY_CELLS;
    },
    async detect({ picture }) {
      const found = await detector.detect(picture);
      return found.map(({ quad }) => scaled(quad, 1 / picture.width, 1 / picture.height));
    },
    read: ({ picture }, quads) =>
      recogniser.recognise(
        picture,
        quads.map((quad) => scaled(quad, picture.width, picture.height)),
      ),
    sign: (pyramid, quad) =>
      signatureOf(pyramid, scaled(quad, pyramid.picture.width, pyramid.picture.height)),
    stillThere,
  };
}

export function scaled(quad: Quad, x: number, y: number): Quad {
  return quad.map((point): Point => [point[0] * x, point[1] * y]) as Quad;
}
