/** Turns the probability map of a text detector into boxes, without OpenCV. */
import {
  convexHull,
  quadBounds,
  rectangleCorners,
  smallestRectangle,
  type TiltedRectangle,
} from './geometry.ts';
import type { DetectedText, Point } from './types.ts';

export interface BoxOptions {
  /** A pixel is text above this probability. */
  threshold: number;
  /** A box stays when the mean probability inside it is at least this. */
  boxThreshold: number;
  /** How far boxes grow back: the net learns text that was shrunk by area × ratio / perimeter. */
  unclip: number;
  /** Shortest side of a box before it grows, pixels of the map. */
  minSide: number;
}

export const BOX_DEFAULTS: BoxOptions = { threshold: 0.3, boxThreshold: 0.6, unclip: 1.7, minSide: 3 };
const MIN_PIXELS = 9;

/**
 * Boxes of connected text pixels (differentiable binarisation, Liao et al. 2020, arXiv:1911.08947, section 3.5; the
 * rectangle of least area stands for the polygon).
 *
 * @param map height × width probabilities, row after row
 * @returns quads in pixels of the map, not clipped to it
 */
export function boxesFromMap(
  map: Float32Array,
  width: number,
  height: number,
  options: Partial<BoxOptions> = {},
): DetectedText[] {
  const settings = { ...BOX_DEFAULTS, ...options };
  const found: DetectedText[] = [];
  for (const outline of componentOutlines(map, width, height, settings.threshold)) {
    const rectangle = smallestRectangle(convexHull(outline));
    if (!rectangle) continue;
    const across = rectangle.uMax - rectangle.uMin;
    const down = rectangle.vMax - rectangle.vMin;
    if (Math.min(across, down) < settings.minSide) continue;
    const score = meanInside(map, width, height, rectangle);
    if (score < settings.boxThreshold) continue;
    const growth = (across * down * settings.unclip) / (2 * (across + down));
    if (Math.min(across, down) + 2 * growth < settings.minSide + 2) continue;
    const grown = {
      axis: rectangle.axis,
      uMin: rectangle.uMin - growth,
      uMax: rectangle.uMax + growth,
      vMin: rectangle.vMin - growth,
      vMax: rectangle.vMax + growth,
    };
    found.push({ quad: rectangleCorners(grown), score });
  }
  return found;
}

/** For each 8-connected component above the threshold, the outer pixel corners of each of its rows. */
function* componentOutlines(
  map: Float32Array,
  width: number,
  height: number,
  threshold: number,
): Generator<Point[]> {
  const seen = new Uint8Array(map.length);
  const stack: number[] = [];
  for (let seed = 0; seed < map.length; seed++) {
    if (seen[seed] || map[seed]! <= threshold) continue;
    seen[seed] = 1;
    stack.push(seed);
    let pixels = 0;
    const rows = new Map<number, [left: number, right: number]>();
    while (stack.length > 0) {
      const index = stack.pop()!;
      const y = (index / width) | 0;
      const x = index - y * width;
      pixels += 1;
      const row = rows.get(y);
      if (!row) rows.set(y, [x, x]);
      else if (x < row[0]) row[0] = x;
      else if (x > row[1]) row[1] = x;
      for (let nextY = Math.max(0, y - 1); nextY <= Math.min(height - 1, y + 1); nextY++) {
        for (let nextX = Math.max(0, x - 1); nextX <= Math.min(width - 1, x + 1); nextX++) {
          const next = nextY * width + nextX;
          if (!seen[next] && map[next]! > threshold) {
            seen[next] = 1;
            stack.push(next);
          }
        }
      }
    }
    if (pixels < MIN_PIXELS) continue;
    yield [...rows].flatMap(([y, [left, right]]): Point[] => [
      [left, y],
      [right + 1, y],
      [left, y + 1],
      [right + 1, y + 1],
    ]);
  }
}

function meanInside(map: Float32Array, width: number, height: number, rectangle: TiltedRectangle): number {
  const { axis, uMin, uMax, vMin, vMax } = rectangle;
  const bounds = quadBounds(rectangleCorners(rectangle));
  let sum = 0;
  let count = 0;
  for (let y = Math.max(0, Math.floor(bounds.top)); y < Math.min(height, Math.ceil(bounds.bottom)); y++) {
    for (let x = Math.max(0, Math.floor(bounds.left)); x < Math.min(width, Math.ceil(bounds.right)); x++) {
      const u = (x + 0.5) * axis[0] + (y + 0.5) * axis[1];
      const v = (y + 0.5) * axis[0] - (x + 0.5) * axis[1];
      if (u < uMin || u > uMax || v < vMin || v > vMax) continue;
      sum += map[y * width + x]!;
      count += 1;
    }
  }
  return count === 0 ? 0 : sum / count;
}
