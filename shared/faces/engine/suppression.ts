import type { PixelBox } from './pixels.ts';

export interface Scored {
  box: PixelBox;
  /** 0..1 */
  score: number;
}

function overlapArea(a: PixelBox, b: PixelBox): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/** Intersection over union, 0..1. */
export function intersectionOverUnion(a: PixelBox, b: PixelBox): number {
  const shared = overlapArea(a, b);
  const union = a.width * a.height + b.width * b.height - shared;
  return union > 0 ? shared / union : 0;
}

/** Shared area over the smaller box's area, 0..1: near 1 when one lies within the other. */
export function intersectionOverSmaller(a: PixelBox, b: PixelBox): number {
  const smaller = Math.min(a.width * a.height, b.width * b.height);
  return smaller > 0 ? overlapArea(a, b) / smaller : 0;
}

/**
 * Non-maximum suppression for windows that overlap: a face may be found by several windows, and cut off by the edge of
 * one. Keeps the best of each group; a box is dropped when it overlaps a better one by `iou` or lies in it by `inside`.
 */
export function suppressNonMaximal<T extends Scored>(found: T[], { iou = 0.3, inside = 0.6 } = {}): T[] {
  const kept: T[] = [];
  for (const candidate of [...found].sort((a, b) => b.score - a.score)) {
    const covered = kept.some(
      ({ box }) =>
        intersectionOverUnion(box, candidate.box) > iou ||
        intersectionOverSmaller(box, candidate.box) > inside,
    );
    if (!covered) kept.push(candidate);
  }
  return kept;
}
