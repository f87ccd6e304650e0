import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chipAlignment } from './alignment.ts';
import { windowStarts } from './detector.ts';
import type { Landmark } from './landmarks.ts';
import { headPose, turnedAside } from './pose.ts';
import { viewStrength } from './quality.ts';
import { intersectionOverUnion, suppressNonMaximal } from './suppression.ts';

const box = (x: number, y: number, side: number) => ({ x, y, width: side, height: side });

describe('suppression', () => {
  test('keeps the best of boxes that overlap, and what lies apart', () => {
    const found = [
      { box: box(0, 0, 100), score: 0.8 },
      { box: box(10, 5, 100), score: 0.9 },
      { box: box(300, 0, 50), score: 0.6 },
    ];
    expect(suppressNonMaximal(found).map(({ score }) => score)).toEqual([0.9, 0.6]);
  });

  test('drops the part of a face that the edge of a window cut off', () => {
    const found = [
      { box: box(0, 0, 100), score: 0.9 },
      { box: { x: 60, y: 0, width: 40, height: 100 }, score: 0.7 },
    ];
    expect(suppressNonMaximal(found)).toHaveLength(1);
  });

  test('what is kept never overlaps, and nothing kept scores less than what it covers', () => {
    const boxes = fc.array(
      fc.record({
        box: fc.record({
          x: fc.integer({ min: 0, max: 200 }),
          y: fc.integer({ min: 0, max: 200 }),
          width: fc.integer({ min: 1, max: 100 }),
          height: fc.integer({ min: 1, max: 100 }),
        }),
        score: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(boxes, (found) => {
        const kept = suppressNonMaximal(found);
        for (const [index, a] of kept.entries()) {
          for (const b of kept.slice(index + 1))
            expect(intersectionOverUnion(a.box, b.box)).toBeLessThanOrEqual(0.3);
        }
        if (found.length > 0) expect(kept[0]!.score).toBe(Math.max(...found.map(({ score }) => score)));
      }),
    );
  });
});

test('windows cover everything and share the overlap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4000 }), (length) => {
      const starts = windowStarts(length, 192, 32);
      expect(starts[0]).toBe(0);
      if (length > 192) expect(starts.at(-1)! + 192).toBe(length);
      for (const [index, start] of starts.slice(1).entries()) {
        expect(starts[index]! + 192 - start).toBeGreaterThanOrEqual(32 - 1);
      }
    }),
  );
});

test('alignment puts eyes level and the face at its place, however it was turned, scaled and moved', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.double({ min: 0.2, max: 5, noNaN: true }),
      fc.integer({ min: -500, max: 500 }),
      (angle, scale, shift) => {
        const place = (x: number, y: number) => ({
          x: scale * (x * Math.cos(angle) - y * Math.sin(angle)) + shift,
          y: scale * (x * Math.sin(angle) + y * Math.cos(angle)) - shift,
        });
        const points = { rightEye: place(-20, -15), leftEye: place(20, -15), mouth: place(0, 30) };
        const { a, b, tx, ty } = chipAlignment(points);
        const apply = ({ x, y }: { x: number; y: number }) => ({
          x: a * x - b * y + tx,
          y: b * x + a * y + ty,
        });
        const [right, left, mouth] = [apply(points.rightEye), apply(points.leftEye), apply(points.mouth)];
        expect(right.y).toBeCloseTo(left.y, 4);
        expect((right.x + left.x) / 2).toBeCloseTo(75, 4);
        expect(mouth.y).toBeGreaterThan(left.y);
        expect(Math.hypot(right.x - mouth.x, right.y - mouth.y)).toBeCloseTo(67.5, 3);
      },
    ),
  );
});

/** A flat face with only the landmarks that the pose reads, turned by angles in degrees. */
function turnedFace(yaw: number, pitch: number, roll: number): Landmark[] {
  const points: Record<number, [number, number, number]> = {
    10: [0, -60, 0],
    152: [0, 60, 0],
    33: [-40, -20, 0],
    263: [40, -20, 0],
    234: [-60, 0, 0],
    454: [60, 0, 0],
    61: [-25, 30, 0],
    291: [25, 30, 0],
  };
  const [y, p, r] = [yaw, pitch, roll].map((angle) => (angle * Math.PI) / 180) as [number, number, number];
  const landmarks: Landmark[] = Array.from({ length: 468 }, () => ({ x: 0, y: 0, z: 0 }));
  for (const [index, point] of Object.entries(points)) {
    let [x, v, z] = point;
    // Roll in the picture's plane, then looking up, then turning to the right of the picture.
    [x, v] = [x * Math.cos(r) - v * Math.sin(r), x * Math.sin(r) + v * Math.cos(r)];
    [v, z] = [v * Math.cos(p) - z * Math.sin(p), v * Math.sin(p) + z * Math.cos(p)];
    [x, z] = [x * Math.cos(y) - z * Math.sin(y), x * Math.sin(y) + z * Math.cos(y)];
    landmarks[Number(index)] = { x: x + 300, y: v + 200, z };
  }
  return landmarks;
}

describe('headPose', () => {
  test('a frontal face has no angles', () => {
    const { yaw, pitch, roll } = headPose(turnedFace(0, 0, 0));
    expect([yaw, pitch, roll].map(Math.abs).every((angle) => angle < 1e-6)).toBe(true);
  });

  test.each([
    [30, 0, 0],
    [-50, 0, 0],
    [0, 25, 0],
    [0, 0, 20],
    [0, -20, 0],
    [35, 0, -15],
  ])('finds one that was turned by %i, %i, %i', (yaw, pitch, roll) => {
    const pose = headPose(turnedFace(yaw, pitch, roll));
    expect(Math.abs(pose.yaw)).toBeCloseTo(Math.abs(yaw), 0);
    expect(Math.abs(pose.pitch)).toBeCloseTo(Math.abs(pitch), 0);
    expect(pose.roll).toBeCloseTo(roll, 0);
  });

  test('yaw is positive towards the right of the picture, pitch upwards', () => {
    // Turned to the picture's right, the cheek on that side moves away from the camera… and its other side nearer.
    const right = turnedFace(30, 0, 0);
    expect(Math.sign(headPose(right).yaw)).toBe(right[454]!.z > right[234]!.z ? 1 : -1);
    // Looking up, the chin comes nearer than the forehead.
    const up = turnedFace(0, 25, 0);
    expect(Math.sign(headPose(up).pitch)).toBe(up[152]!.z < up[10]!.z ? 1 : -1);
  });
});

test('the nose between the ears tells how far a face is turned aside', () => {
  const at = (nose: number) => [0, 0, nose, 0, -50, 50].map((x) => ({ x, y: 0 }));
  expect(turnedAside(at(0))).toBe(0);
  expect(turnedAside(at(50))).toBe(1);
  expect(turnedAside(at(25))).toBeCloseTo(0.5);
});

test.each([
  [{ widthPx: 100, pose: { yaw: 5, pitch: 0, roll: 30 }, sharpness: 60 }, 'strong'],
  [{ widthPx: 30, pose: { yaw: 5, pitch: 0, roll: 0 }, sharpness: 60 }, 'weak'],
  [{ widthPx: 100, pose: { yaw: 50, pitch: 0, roll: 0 }, sharpness: 60 }, 'weak'],
  [{ widthPx: 100, pose: { yaw: 5, pitch: 0, roll: 0 }, sharpness: 1 }, 'weak'],
  [{ widthPx: 100, pose: { yaw: -80, pitch: 0, roll: 0 }, sharpness: 60 }, 'none'],
  [{ widthPx: 100, pose: null, sharpness: 0 }, 'none'],
] as const)('a view %j is %s', (view, strength) => {
  expect(viewStrength(view)).toBe(strength);
});
