/** The tracker's eye on real pictures: a stroke survey, colour signatures, and one of the engines. */
import type { Pyramid } from '../engine/crop.ts';
import { quadBounds } from '../engine/geometry.ts';
import type { Point, Quad, TextDetector, TextRecogniser } from '../engine/types.ts';
import { type Signature, signatureOf, stillThere } from './signature.ts';
import { cellsOutside, changedCells, type Survey, survey, textCells } from './survey.ts';
import type { Eye } from './tracker.ts';

export interface DetectionPace {
  /** Detection runs at least this often while there are strokes that belong to no known line, seconds. */
  idleSec: number;
  /** ... and not more often than this for strokes that come and go, seconds. */
  busySec: number;
}

export const PACE_DEFAULTS: DetectionPace = { idleSec: 2, busySec: 1 };

/** A word covers at least two cells; fewer that changed are flicker. */
const MIN_CELLS = 2;
const ROUNDING = 1e-3;

export function visionEye(
  detector: TextDetector,
  recogniser: TextRecogniser,
  pace: DetectionPace = PACE_DEFAULTS,
): Eye<Pyramid, Signature, Survey> {
  return {
    look: (pyramid) => survey(pyramid.picture),
    worthDetecting(now, before, known, secondsSince) {
      const boxes = known.map(quadBounds);
      const unexplained = cellsOutside(now, textCells(now), boxes);
      if (unexplained.length < MIN_CELLS) return false;
      if (before === null || secondsSince >= pace.idleSec - ROUNDING) return true;
      if (secondsSince < pace.busySec - ROUNDING) return false;
      return changedCells(now, before, unexplained) >= MIN_CELLS;
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
