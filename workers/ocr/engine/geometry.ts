/** Plane geometry of text lines: hulls, rectangles around points, and quads. */
import type { Point, Quad } from './types.ts';

export interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A rectangle at any angle: `u` runs along `axis`, `v` at a right angle to it. */
export interface TiltedRectangle {
  axis: Point;
  uMin: number;
  uMax: number;
  vMin: number;
  vMax: number;
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function turn(origin: Point, a: Point, b: Point): number {
  return (a[0] - origin[0]) * (b[1] - origin[1]) - (a[1] - origin[1]) * (b[0] - origin[0]);
}

/** Convex hull by the monotone chain (Andrew 1979). */
export function convexHull(points: readonly Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  if (sorted.length < 3) return sorted;
  const half = (ordered: Point[]) => {
    const chain: Point[] = [];
    for (const point of ordered) {
      while (chain.length > 1 && turn(chain.at(-2)!, chain.at(-1)!, point) <= 0) chain.pop();
      chain.push(point);
    }
    chain.pop();
    return chain;
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

/** Smallest rectangle around a convex hull; one of its sides lies on a side of the hull (Freeman & Shapira 1975). */
export function smallestRectangle(hull: readonly Point[]): TiltedRectangle | null {
  let best: TiltedRectangle | null = null;
  let bestArea = Number.POSITIVE_INFINITY;
  for (const [index, from] of hull.entries()) {
    const to = hull[(index + 1) % hull.length]!;
    const length = distance(from, to);
    if (length === 0) continue;
    const axis: Point = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
    let [uMin, uMax, vMin, vMax] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const [x, y] of hull) {
      const u = x * axis[0] + y * axis[1];
      const v = y * axis[0] - x * axis[1];
      uMin = Math.min(uMin, u);
      uMax = Math.max(uMax, u);
      vMin = Math.min(vMin, v);
      vMax = Math.max(vMax, v);
    }
    const area = (uMax - uMin) * (vMax - vMin);
    if (area < bestArea) {
      bestArea = area;
      best = { axis, uMin, uMax, vMin, vMax };
    }
  }
  return best;
}

/** Corners of a tilted rectangle, clockwise from the one that is top left on the screen. */
export function rectangleCorners({ axis, uMin, uMax, vMin, vMax }: TiltedRectangle): Quad {
  const at = (u: number, v: number): Point => [u * axis[0] - v * axis[1], u * axis[1] + v * axis[0]];
  const corners = [at(uMin, vMin), at(uMax, vMin), at(uMax, vMax), at(uMin, vMax)].sort(
    (a, b) => a[0] - b[0],
  );
  const [topLeft, bottomLeft] = corners.slice(0, 2).sort((a, b) => a[1] - b[1]) as [Point, Point];
  const [topRight, bottomRight] = corners.slice(2).sort((a, b) => a[1] - b[1]) as [Point, Point];
  return [topLeft, topRight, bottomRight, bottomLeft];
}

export function quadBounds(quad: Quad): Bounds {
  const xs = quad.map(([x]) => x);
  const ys = quad.map(([, y]) => y);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

export function boundsQuad({ left, top, right, bottom }: Bounds): Quad {
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}

/** Mean length of the sides along and across the text. */
export function quadSize([a, b, c, d]: Quad): { width: number; height: number } {
  return {
    width: Math.max(distance(a, b), distance(d, c)),
    height: Math.max(distance(a, d), distance(b, c)),
  };
}

/** Intersection over union of the upright boxes around two quads, 0..1. */
export function overlap(a: Quad, b: Quad): number {
  const one = quadBounds(a);
  const two = quadBounds(b);
  const width = Math.min(one.right, two.right) - Math.max(one.left, two.left);
  const height = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
  if (width <= 0 || height <= 0) return 0;
  const area = ({ left, top, right, bottom }: Bounds) => (right - left) * (bottom - top);
  return (width * height) / (area(one) + area(two) - width * height);
}

/** Grows a quad by `across` of its height above and below, and by `along` of its height at either end. */
export function expandQuad(quad: Quad, across: number, along: number): Quad {
  const [a, b, , d] = quad;
  const right: Point = [b[0] - a[0], b[1] - a[1]];
  const down: Point = [d[0] - a[0], d[1] - a[1]];
  const width = Math.hypot(...right) || 1;
  const height = Math.hypot(...down) || 1;
  const reach = (along * Math.min(height, width)) / width;
  const move = (point: Point, x: number, y: number): Point => [
    point[0] + right[0] * reach * x + down[0] * across * y,
    point[1] + right[1] * reach * x + down[1] * across * y,
  ];
  return [move(a, -1, -1), move(b, 1, -1), move(quad[2], 1, 1), move(d, -1, 1)];
}

/** From top to bottom; boxes whose tops differ by less than `sameRow` pixels from left to right. */
export function readingOrder<T extends { quad: Quad }>(found: readonly T[], sameRow: number): T[] {
  const sorted = [...found].sort((a, b) => a.quad[0][1] - b.quad[0][1]);
  const rows: T[][] = [];
  for (const item of sorted) {
    const row = rows.at(-1);
    if (row && item.quad[0][1] - row[0]!.quad[0][1] < sameRow) row.push(item);
    else rows.push([item]);
  }
  return rows.flatMap((row) => row.sort((a, b) => a.quad[0][0] - b.quad[0][0]));
}

/** Boxes that share a point become one box around them, until none do. */
export function joinOverlapping(boxes: readonly Bounds[]): Bounds[] {
  const joined: Bounds[] = [];
  for (const box of boxes) {
    let grown = box;
    for (let i = 0; i < joined.length; ) {
      const other = joined[i]!;
      const apart =
        other.right < grown.left ||
        grown.right < other.left ||
        other.bottom < grown.top ||
        grown.bottom < other.top;
      if (apart) i += 1;
      else {
        joined.splice(i, 1);
        grown = boundsAround(grown, other);
        i = 0;
      }
    }
    joined.push(grown);
  }
  return joined;
}

function boundsAround(a: Bounds, b: Bounds): Bounds {
  return {
    left: Math.min(a.left, b.left),
    right: Math.max(a.right, b.right),
    top: Math.min(a.top, b.top),
    bottom: Math.max(a.bottom, b.bottom),
  };
}
