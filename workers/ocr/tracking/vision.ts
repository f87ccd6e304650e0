/** The tracker's eye on real pictures: a stroke survey, colour signatures, and one of the engines. */
import type { Pyramid } from '../engine/crop.ts';
import { type Bounds, joinOverlapping, quadBounds } from '../engine/geometry.ts';
import type { Point, Quad, TextDetector, TextRecogniser } from '../engine/types.ts';
import { type Signature, signatureOf, stillThere } from './signature.ts';
import {
  cellsOutside,
  changedCells,
  longestRow,
  placesAround,
  type Survey,
  survey,
  textCells,
} from './survey.ts';
import type { Eye, Inspection } from './tracker.ts';

export interface DetectionPace {
  /** Detection runs at least this often while there are strokes that belong to no known line, seconds. */
  idleSec: number;
  /** ... and not more often than this for strokes that came and stay, seconds. */
  busySec: number;
  /** A glance misses the smallest letters, so the whole picture is looked at closely this often, seconds. */
  wholeSec: number;
  /** Strokes that did not change since the last look are looked at again this much later, seconds. */
  stillSec: number;
}

export const PACE_DEFAULTS: DetectionPace = { idleSec: 2, busySec: 0.5, wholeSec: 4, stillSec: 8 };

/** A word covers at least two cells; fewer that changed are flicker. */
const MIN_CELLS = 2;
/** A short word at caption size, in neighbouring cells; smaller text waits for `idleSec`. */
const STEADY_CELLS = 3;
/** Share of the picture that costs as much to look at closely as a glance at all of it ... */
const GLANCE_COSTS = 0.4;
/** ... and, with a glance for large letters, as a close look at all of it. */
const PLACES_COST = 0.5;
const ROUNDING = 1e-3;

export function visionEye(
  detector: TextDetector,
  recogniser: TextRecogniser,
  pace: DetectionPace = PACE_DEFAULTS,
): Eye<Pyramid, Signature, Survey> {
  return {
    look: ({ picture }) => survey(picture),
    inspect(now, { atLastDetection, atLastGlance, onPictureBefore, known, lost, ...when }) {
      const unexplained = cellsOutside(now, textCells(now), known.map(quadBounds));
      const closely = (): Inspection => {
        const places = placesAround(now, unexplained, lost.map(quadBounds));
        return shareOf(places) > PLACES_COST ? { kind: 'whole' } : { kind: 'whole', places };
      };
      // Where nothing was read so far, strokes are leaves and water more and more surely.
      const patience = 2 ** Math.max(0, when.emptyInARow - 1);
      const isDue = (seconds: number) => when.newShot || when.secondsSinceGlance >= seconds - ROUNDING;
      const idleSec = Math.min(pace.stillSec, pace.idleSec * patience);
      if (unexplained.length < MIN_CELLS && lost.length === 0)
        return isDue(known.length > 0 ? pace.stillSec : idleSec)
          ? { kind: 'whole', places: [] }
          : { kind: 'none' };
      // This picture stands for a long time: worth the closest look.
      if (when.lastsSec >= pace.idleSec - ROUNDING) return { kind: 'whole' };
      if (atLastDetection === null) return closely();
      const isStill = atLastGlance && changedCells(now, atLastGlance, unexplained).length < MIN_CELLS;
      if (unexplained.length >= MIN_CELLS && isDue(isStill ? pace.stillSec : idleSec)) {
        const wholeSec = Math.min(2 * pace.stillSec, pace.wholeSec * patience);
        return when.secondsSinceWhole >= wholeSec - ROUNDING ? closely() : { kind: 'glance' };
      }
      const fresh = changedCells(now, atLastDetection, unexplained);
      if (lost.length > 0) return { kind: 'places', places: placesAround(now, fresh, lost.map(quadBounds)) };
      const watch = longestRow(fresh, now.columns) >= STEADY_CELLS;
      if (when.secondsSince < pace.busySec - ROUNDING || onPictureBefore === null)
        return { kind: 'none', watch };
      // A caption comes and stays; leaves, water and a moving camera change again with every picture.
      const moving = new Set(changedCells(now, onPictureBefore, fresh));
      const steady = fresh.filter((cell) => !moving.has(cell));
      if (longestRow(steady, now.columns) < STEADY_CELLS) return { kind: 'none', watch };
      const places = placesAround(now, fresh, []);
      return shareOf(places) > GLANCE_COSTS ? { kind: 'glance' } : { kind: 'places', places };
    },
    async detect({ picture }, inspection) {
      const { width, height } = picture;
      const within =
        'places' in inspection
          ? inspection.places?.map(({ left, right, top, bottom }) => ({
              ...{ left: left * width, right: right * width },
              ...{ top: top * height, bottom: bottom * height },
            }))
          : undefined;
      let places = within;
      if (inspection.kind === 'glance') places = await detector.glance?.(picture);
      if (inspection.kind === 'whole' && within)
        places = joinOverlapping([...within, ...((await detector.glance?.(picture, 'large')) ?? [])]);
      if (places?.length === 0) return [];
      const found = await detector.detect(picture, places);
      return found.map(({ quad }) => scaled(quad, 1 / width, 1 / height));
    },
    read: ({ picture }, quads) =>
      recogniser.recognise(
        picture,
        quads.map((quad) => scaled(quad, picture.width, picture.height)),
      ),
    sign: (pyramid, quad) =>
      signatureOf(pyramid, scaled(quad, pyramid.picture.width, pyramid.picture.height)),
    stillThere,
    letGo: (pyramid) => pyramid.release(),
  };
}

/** Share of the picture that boxes cover which do not overlap; they may reach over its edge. */
function shareOf(places: readonly Bounds[]): number {
  const within = (value: number) => Math.min(1, Math.max(0, value));
  return places.reduce(
    (sum, { left, right, top, bottom }) =>
      sum + (within(right) - within(left)) * (within(bottom) - within(top)),
    0,
  );
}

export function scaled(quad: Quad, x: number, y: number): Quad {
  return quad.map((point): Point => [point[0] * x, point[1] * y]) as Quad;
}
