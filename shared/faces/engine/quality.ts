/** How good a view of a face is, and how far its descriptor may be trusted. */
import type { DescriptorStrength } from '../descriptor.ts';
import { luma, type RgbPicture } from './pixels.ts';
import type { HeadPose } from './pose.ts';

export interface FaceView {
  /** Width of the detected box in pixels of the picture. */
  widthPx: number;
  pose: HeadPose | null;
  /** See {@link chipSharpness}. */
  sharpness: number;
}

/** Limits of a view, in pixels and degrees. */
const SMALL_PX = 40;
const TURNED_DEG = 40;
const TILTED_DEG = 35;
const PROFILE_DEG = 65;
/** Below this a chip shows no more than a smear. */
const BLURRED = 8;
/** Sizes and sharpness from which more brings nothing. */
const LARGE_PX = 120;
const SHARP = 120;

/**
 * Variance of the Laplacian of an aligned chip's inner part. All chips have one size, so a small face that was enlarged
 * and one that is out of focus both come out low.
 */
export function chipSharpness(chip: RgbPicture): number {
  const grey = luma(chip);
  const { width, height } = chip;
  const margin = Math.floor(width / 5);
  let sum = 0;
  let squares = 0;
  let count = 0;
  for (let row = margin; row < height - margin; row++) {
    for (let column = margin; column < width - margin; column++) {
      const at = row * width + column;
      const laplacian = grey[at - 1]! + grey[at + 1]! + grey[at - width]! + grey[at + width]! - 4 * grey[at]!;
      sum += laplacian;
      squares += laplacian * laplacian;
      count += 1;
    }
  }
  const mean = sum / count;
  return squares / count - mean * mean;
}

const share = (value: number, full: number) => Math.max(0, Math.min(1, value / full));

/** 0..1: the product of what size, sharpness and pose leave. */
export function viewQuality({ widthPx, pose, sharpness }: FaceView): number {
  const size = share(widthPx, LARGE_PX);
  const focus = Math.sqrt(share(sharpness, SHARP));
  const facing = pose
    ? Math.max(0, Math.cos((pose.yaw * Math.PI) / 180)) * Math.max(0, Math.cos((pose.pitch * Math.PI) / 180))
    : 0.1;
  return size * (0.3 + 0.7 * focus) * facing;
}

export function viewStrength({ widthPx, pose, sharpness }: FaceView): DescriptorStrength {
  if (!pose || Math.abs(pose.yaw) > PROFILE_DEG) return 'none';
  const weak =
    widthPx < SMALL_PX ||
    Math.abs(pose.yaw) > TURNED_DEG ||
    Math.abs(pose.pitch) > TILTED_DEG ||
    sharpness < BLURRED;
  return weak ? 'weak' : 'strong';
}
