import { expect, test } from 'vitest';
import { ShotDetector } from './shots.ts';
import { TINY_BYTES, TINY_HEIGHT, TINY_WIDTH } from './tiny.ts';

const FPS = 25;

/** A picture of soft shapes, different for each seed; `shift` moves it sideways, in pixels. */
function scene(seed: number, shift = 0, gain = 1): Uint8Array {
  const frame = new Uint8ClampedArray(TINY_BYTES);
  let i = 0;
  for (let plane = 0; plane < 3; plane += 1) {
    const step = plane ? 2 : 1;
    for (let y = 0; y < TINY_HEIGHT; y += step) {
      for (let x = 0; x < TINY_WIDTH; x += step) {
        const at = (x + shift) / (3 + ((seed * 7) % 5));
        const value =
          70 +
          35 * seed +
          (plane ? 20 : 50) * Math.sin(at + seed * 3 + plane) * Math.cos(y / (2 + seed) + seed);
        frame[i++] = plane ? value : value * gain;
      }
    }
  }
  return new Uint8Array(frame);
}

const blend = (a: Uint8Array, b: Uint8Array, share: number) =>
  a.map((value, i) => value * (1 - share) + b[i]! * share);

function boundaries(frames: number, draw: (index: number) => Uint8Array) {
  const detector = new ShotDetector();
  for (let i = 0; i < frames; i += 1) detector.push(i / FPS, draw(i));
  return detector.finish();
}

test('a cut is found at its frame', () => {
  const found = boundaries(150, (i) => scene(i < 77 ? 1 : 2));
  expect(found).toMatchObject([{ timeSec: 77 / FPS, transition: 'cut' }]);
});

test('a dissolve is found near its middle, once', () => {
  const found = boundaries(200, (i) => blend(scene(1), scene(2), Math.min(1, Math.max(0, (i - 90) / 20))));
  expect(found.length).toBe(1);
  expect(found[0]!.transition).toBe('gradual');
  expect(Math.abs(found[0]!.timeSec - 100 / FPS)).toBeLessThan(0.3);
});

test('a fade through black is one boundary', () => {
  const black = new Uint8Array(TINY_BYTES).fill(128).fill(16, 0, TINY_WIDTH * TINY_HEIGHT);
  const found = boundaries(250, (i) => {
    if (i < 120) return blend(scene(1), black, Math.min(1, Math.max(0, (i - 100) / 15)));
    return blend(black, scene(2), Math.min(1, Math.max(0, (i - 125) / 15)));
  });
  expect(found.length).toBe(1);
  expect(found[0]!.timeSec).toBeGreaterThan(4.4);
  expect(found[0]!.timeSec).toBeLessThan(5.6);
});

test.each<[string, (index: number) => Uint8Array]>([
  ['a pan', (i) => scene(1, i * 0.7)],
  ['a fast pan', (i) => scene(1, i < 60 ? 0 : Math.min(160, (i - 60) * 4))],
  ['a flash', (i) => scene(1, 0, i >= 80 && i < 83 ? 1.9 : 1)],
  ['a change of exposure', (i) => scene(1, 0, i < 80 ? 1 : Math.max(0.6, 1 - (i - 80) * 0.02))],
  ['a still picture', () => scene(1)],
])('%s is no boundary', (_, draw) => {
  expect(boundaries(200, draw)).toEqual([]);
});

test('frames at an uneven rate change nothing', () => {
  const detector = new ShotDetector();
  let timeSec = 0;
  for (let i = 0; i < 120; i += 1) {
    detector.push(timeSec, scene(timeSec < 2 ? 1 : 3));
    timeSec += i % 3 === 0 ? 0.1 : 0.03;
  }
  const [found, ...more] = detector.finish();
  expect(more).toEqual([]);
  expect(found!.timeSec).toBeGreaterThanOrEqual(2);
  expect(found!.timeSec).toBeLessThan(2.11);
});
