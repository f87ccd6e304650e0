/** Brings a face into the pose in which the descriptor network has learnt faces. */
import type { Point } from './detector.ts';
import type { FaceCut, Landmark } from './landmarks.ts';
import type { RgbPicture } from './pixels.ts';

export const CHIP = 150;

/** Indices in MediaPipe's face mesh. Right and left are the subject's. */
const RIGHT_EYE = [33, 133, 159, 145];
const LEFT_EYE = [362, 263, 386, 374];
const RIGHT_MOUTH_CORNER = 61;
const LEFT_MOUTH_CORNER = 291;

/** Share of the chip's side between the eyes and the mouth, and height of their common centre in the chip. */
const EYES_TO_MOUTH = 0.45;
const CENTRE_HEIGHT = 0.43;

export interface FacePoints {
  rightEye: Point;
  leftEye: Point;
  mouth: Point;
}

function centre(points: readonly Point[]): Point {
  const sum = points.reduce((total, { x, y }) => ({ x: total.x + x, y: total.y + y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}

export function facePoints(landmarks: readonly Landmark[]): FacePoints {
  const pick = (indices: number[]) => centre(indices.map((index) => landmarks[index]!));
  return {
    rightEye: pick(RIGHT_EYE),
    leftEye: pick(LEFT_EYE),
    mouth: pick([RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER]),
  };
}

/** Maps the cut onto the chip: x' = a·x − b·y + tx, y' = b·x + a·y + ty. */
export interface Similarity {
  a: number;
  b: number;
  tx: number;
  ty: number;
}

/**
 * The similarity that puts the eyes level and eyes and mouth at fixed places of the chip.
 * @param points in pixels of the source
 */
export function chipAlignment({ rightEye, leftEye, mouth }: FacePoints): Similarity {
  const distance = (from: Point) => Math.hypot(from.x - mouth.x, from.y - mouth.y);
  const eyesToMouth = Math.max(1e-6, (distance(rightEye) + distance(leftEye)) / 2);
  const scale = (CHIP * EYES_TO_MOUTH) / eyesToMouth;
  const turn = -Math.atan2(leftEye.y - rightEye.y, leftEye.x - rightEye.x);
  const a = scale * Math.cos(turn);
  const b = scale * Math.sin(turn);
  const middle = centre([rightEye, leftEye, mouth]);
  return {
    a,
    b,
    tx: CHIP / 2 - (a * middle.x - b * middle.y),
    ty: CHIP * CENTRE_HEIGHT - (b * middle.x + a * middle.y),
  };
}

/** The aligned face, 150 × 150 RGB. */
export function alignedChip(cut: FaceCut, points: FacePoints): RgbPicture {
  const toCut = ({ x, y }: Point): Point => ({ x: (x - cut.left) * cut.scale, y: (y - cut.top) * cut.scale });
  return warp(
    cut.pixels,
    chipAlignment({
      rightEye: toCut(points.rightEye),
      leftEye: toCut(points.leftEye),
      mouth: toCut(points.mouth),
    }),
  );
}

/** Bilinear sampling along the inverse of the map, with several samples a pixel where it shrinks. */
function warp({ data, width, height }: RgbPicture, { a, b, tx, ty }: Similarity): RgbPicture {
  const determinant = a * a + b * b;
  const samples = Math.min(3, Math.max(1, Math.round(1 / Math.sqrt(determinant))));
  const output = new Uint8Array(CHIP * CHIP * 3);
  const sums = [0, 0, 0];
  for (let row = 0; row < CHIP; row++) {
    for (let column = 0; column < CHIP; column++) {
      sums.fill(0);
      for (let sample = 0; sample < samples * samples; sample++) {
        const u = column + ((sample % samples) + 0.5) / samples - 0.5 - tx;
        const v = row + (Math.floor(sample / samples) + 0.5) / samples - 0.5 - ty;
        const x = Math.min(width - 1, Math.max(0, (a * u + b * v) / determinant));
        const y = Math.min(height - 1, Math.max(0, (a * v - b * u) / determinant));
        const left = Math.floor(x);
        const top = Math.floor(y);
        const right = Math.min(width - 1, left + 1);
        const bottom = Math.min(height - 1, top + 1);
        const fx = x - left;
        const fy = y - top;
        for (let channel = 0; channel < 3; channel++) {
          const upper =
            data[(top * width + left) * 3 + channel]! * (1 - fx) +
            data[(top * width + right) * 3 + channel]! * fx;
          const lower =
            data[(bottom * width + left) * 3 + channel]! * (1 - fx) +
            data[(bottom * width + right) * 3 + channel]! * fx;
          sums[channel]! += upper * (1 - fy) + lower * fy;
        }
      }
      const at = (row * CHIP + column) * 3;
      for (let channel = 0; channel < 3; channel++)
        output[at + channel] = sums[channel]! / samples ** 2 + 0.5;
    }
  }
  return { data: output, width: CHIP, height: CHIP };
}
