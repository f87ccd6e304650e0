/** Where the head points, from three-dimensional landmarks or, roughly, from the detector's six key points. */
import type { Point } from './detector.ts';
import type { Landmark } from './landmarks.ts';

/**
 * Degrees, seen from the camera. Yaw > 0: turned to the right of the picture. Pitch > 0: looking up. Roll > 0: the head
 * leans to the right of the picture (clockwise). All are 0 for a frontal, upright face.
 */
export interface HeadPose {
  yaw: number;
  pitch: number;
  roll: number;
}

const FOREHEAD = 10;
const CHIN = 152;
/** Pairs at the same height of both sides of the face: outer eye corners, cheeks, outer mouth corners. */
const SIDES: readonly (readonly [right: number, left: number])[] = [
  [33, 263],
  [234, 454],
  [61, 291],
];

type Vector = readonly [number, number, number];

const degrees = (radians: number) => (radians * 180) / Math.PI;
const subtract = (a: Landmark, b: Landmark): Vector => [a.x - b.x, a.y - b.y, a.z - b.z];
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
function unit(vector: Vector): Vector {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  return [vector[0] / length, vector[1] / length, vector[2] / length];
}

/**
 * Head pose from the mesh: the axes of the face are the line across it and the line down it, made orthogonal; their
 * rotation is taken apart in the order yaw, pitch, roll.
 * @param landmarks 468, x to the right, y down, z away from the camera, one unit
 */
export function headPose(landmarks: readonly Landmark[]): HeadPose {
  const across = unit(
    SIDES.map(([right, left]) => unit(subtract(landmarks[left]!, landmarks[right]!))).reduce<Vector>(
      (sum, side) => [sum[0] + side[0], sum[1] + side[1], sum[2] + side[2]],
      [0, 0, 0],
    ),
  );
  const down = unit(subtract(landmarks[CHIN]!, landmarks[FOREHEAD]!));
  // x right, y down, z away: across × down points into the head.
  const into = unit(cross(across, down));
  const level = cross(into, across);
  return {
    yaw: degrees(Math.atan2(-into[0], into[2])),
    pitch: degrees(Math.asin(Math.max(-1, Math.min(1, into[1])))),
    roll: degrees(Math.atan2(across[1], level[1])),
  };
}

/**
 * How far the face is turned aside, 0 (frontal) to 1 (profile), from the detector's key points alone: the nose moves
 * from the middle between the ears towards one of them.
 * @param keyPoints right eye, left eye, nose, mouth, right ear, left ear
 */
export function turnedAside(keyPoints: readonly Point[]): number {
  const [, , nose, , rightEar, leftEar] = keyPoints;
  if (!nose || !rightEar || !leftEar) return 1;
  const fromRight = Math.hypot(nose.x - rightEar.x, nose.y - rightEar.y);
  const fromLeft = Math.hypot(nose.x - leftEar.x, nose.y - leftEar.y);
  return Math.abs(fromRight - fromLeft) / Math.max(1e-6, fromRight + fromLeft);
}
