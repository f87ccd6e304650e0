/** Tells captions, title cards and text in the scene apart, by where and how they stand. */
import { quadBounds } from '../engine/geometry.ts';
import type { Quad } from '../engine/types.ts';

export type Role = 'caption' | 'title' | 'scene';

export interface RoleInput {
  /** Fractions of the picture. */
  quad: Quad;
  startSec: number;
  endSec: number;
  /** How far its centre moved, fractions of the picture. */
  drift: number;
}

/** Width over height of the pictures: angles are measured in pixels, not in fractions. */
export interface RoleFrame {
  aspect: number;
}

const MAX_TILT_DEGREES = 3;
const MAX_DRIFT = 0.02;
/** Captions stand in the lower part of the picture (or at its very top, above other text), about the middle. */
const CAPTION_TOP = 0.7;
const CAPTION_OFF_CENTRE = 0.12;
const CAPTION_HEIGHT = [0.02, 0.14] as const;
const CAPTION_MAX_SEC = 12;
const TITLE_HEIGHT = 0.055;
const LOWER_THIRD_TOP = 0.6;

/** @param line where it stood longest. Rules of broadcast practice (EBU R 95 safe areas), not a model */
export function roleOf({ quad, startSec, endSec, drift }: RoleInput, { aspect }: RoleFrame): Role {
  const [a, b] = quad;
  const tilt = Math.abs((Math.atan2(b[1] - a[1], (b[0] - a[0]) * aspect) * 180) / Math.PI);
  const { left, right, top, bottom } = quadBounds(quad);
  const height = bottom - top;
  const column = height > (right - left) * aspect * 1.5;
  if (tilt > MAX_TILT_DEGREES || drift > MAX_DRIFT || column) return 'scene';
  const middle = (top + bottom) / 2;
  const offCentre = Math.abs((left + right) / 2 - 0.5);
  const captionSized = height >= CAPTION_HEIGHT[0] && height <= CAPTION_HEIGHT[1];
  if (
    middle >= CAPTION_TOP &&
    offCentre <= CAPTION_OFF_CENTRE &&
    captionSized &&
    endSec - startSec <= CAPTION_MAX_SEC
  ) {
    return 'caption';
  }
  if (height >= TITLE_HEIGHT && (offCentre <= 0.15 || middle >= LOWER_THIRD_TOP)) return 'title';
  return middle >= LOWER_THIRD_TOP && captionSized && right - left > 0.12 ? 'title' : 'scene';
}
