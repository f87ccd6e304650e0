import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundsQuad } from '../engine/geometry.ts';
import type { Quad, Reading } from '../engine/types.ts';
import { type Eye, TextTracker, type TrackerOptions } from './tracker.ts';

/** What is shown, as text by place; a picture of the fake world. */
type Scene = { text: string; quad: Quad; confidence?: number }[];

const CAPTION = boundsQuad({ left: 0.3, right: 0.7, top: 0.85, bottom: 0.9 });
const SIGN = boundsQuad({ left: 0.1, right: 0.2, top: 0.1, bottom: 0.15 });

/** Sees perfectly, and is asked to detect at least every `everySec`. */
function fakeEye(everySec = 1, signs = true) {
  const calls = { detect: 0, read: 0 };
  const eye: Eye<Scene, { text: string; quad: Quad }, number> = {
    look: (scene) => scene.length,
    inspect: (now, { atLastDetection: before, known, lost, secondsSince }) => {
      if (lost.length > 0) return { kind: 'whole' };
      const due = before === null || now !== before || secondsSince >= everySec;
      return { kind: now > known.length && due ? 'whole' : 'none' };
    },
    async detect(scene) {
      calls.detect += 1;
      return scene.map(({ quad }) => quad);
    },
    async read(scene, quads): Promise<Reading[]> {
      calls.read += quads.length;
      return quads.map((quad) => {
        const { text, confidence = 0.95 } = scene.find((shown) => shown.quad === quad)!;
        return { text, confidence };
      });
    },
    sign: (scene, quad) => (signs ? { quad, text: scene.find((shown) => shown.quad === quad)!.text } : null),
    stillThere: (scene, signature) =>
      scene.some(({ text, quad }) => text === signature.text && quad === signature.quad),
  };
  return { eye, calls };
}

async function follow(scenes: Scene[], options: Partial<TrackerOptions> = {}, fps = 2, fake = fakeEye()) {
  const tracker = new TextTracker(fake.eye, options);
  for (const [index, scene] of scenes.entries()) {
    const times = [{ timeSec: index / fps, shot: 0 }];
    await tracker.see({ times, untilSec: (index + 1) / fps }, async () => scene);
  }
  const lines = await tracker.finish();
  const { detected, recognised, looked } = tracker;
  return { lines, calls: fake.calls, detected, recognised, looked };
}

describe('TextTracker', () => {
  it('gives one line for a caption, from when it came to when it went', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(20),
        // A second, which every look falls into.
        fc.integer({ min: 2, max: 20 }),
        fc.nat(5),
        fc.boolean(),
        async (before, shown, after, signs) => {
          const scenes: Scene[] = [
            ...Array.from({ length: before }, () => []),
            ...Array.from({ length: shown }, () => [{ text: 'Where is it?', quad: CAPTION }]),
            ...Array.from({ length: after }, () => []),
          ];
          const { lines } = await follow(scenes, {}, 2, fakeEye(1, signs));
          expect(lines).toHaveLength(1);
          expect(lines[0]?.text).toBe('Where is it?');
          // Without a signature it cannot be found again on a picture that was passed over: half a second off.
          const late = lines[0]!.startSec - before / 2;
          expect(late).toBeGreaterThanOrEqual(0);
          expect(late).toBeLessThanOrEqual(signs ? 0 : 0.5);
          const early = (before + shown) / 2 - lines[0]!.endSec;
          expect(early).toBeGreaterThanOrEqual(0);
          expect(early).toBeLessThanOrEqual(signs ? 0 : 0.5);
        },
      ),
    );
  });

  it('reads a caption that stands still once', async () => {
    const { calls } = await follow(Array.from({ length: 30 }, () => [{ text: 'once', quad: CAPTION }]));
    expect(calls).toEqual({ detect: 1, read: 1 });
  });

  it('does nothing at all for the same picture again', async () => {
    const { eye, calls } = fakeEye(0, false);
    const tracker = new TextTracker(eye);
    const scene: Scene = [{ text: 'still', quad: CAPTION }];
    for (let i = 0; i < 5; i++) {
      const sighting = { times: [{ timeSec: i, shot: 0 }], untilSec: i + 1, identity: 77 };
      await tracker.see(sighting, async () => scene);
    }
    expect(calls).toEqual({ detect: 1, read: 1 });
    expect(await tracker.finish()).toMatchObject([{ startSec: 0, endSec: 5 }]);
  });

  it('lets go of every picture, and asks about none that it let go of', async () => {
    const scene = fc.subarray([
      { text: 'Where is it?', quad: CAPTION },
      { text: 'EXIT', quad: SIGN },
    ]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(scene, fc.boolean()), { maxLength: 12 }), async (shown) => {
        const gone = new Set<Scene>();
        const { eye } = fakeEye();
        const onlyKept =
          <A extends unknown[], R>(ask: (picture: Scene, ...rest: A) => R) =>
          (picture: Scene, ...rest: A): R => {
            expect(gone.has(picture)).toBe(false);
            return ask(picture, ...rest);
          };
        const tracker = new TextTracker<Scene, { text: string; quad: Quad }, number>({
          ...eye,
          look: onlyKept(eye.look),
          detect: onlyKept(eye.detect),
          read: onlyKept(eye.read),
          sign: onlyKept(eye.sign),
          stillThere: onlyKept(eye.stillThere),
          letGo: onlyKept((picture) => gone.add(picture)),
        });
        const opened = new Set<Scene>();
        let identity = 0;
        for (const [index, [picture, repeats]] of shown.entries()) {
          if (!repeats) identity = index;
          const times = [{ timeSec: index / 2, shot: 0 }];
          await tracker.see({ times, untilSec: (index + 1) / 2, identity }, async () => {
            const decoded = [...picture];
            opened.add(decoded);
            return decoded;
          });
          expect(gone).toEqual(opened);
        }
        await tracker.finish();
        expect(gone).toEqual(opened);
      }),
    );
  });

  it('costs nothing where there are no strokes', async () => {
    const { calls, looked } = await follow(Array.from({ length: 9 }, () => []));
    expect({ ...calls, looked }).toEqual({ detect: 0, read: 0, looked: 5 });
  });

  it('opens one picture a second while nothing comes or goes, each when told to', async () => {
    const still = Array.from({ length: 40 }, () => [{ text: 'still', quad: CAPTION }]);
    // The second is looked at because the first showed something new.
    expect((await follow(still, {}, 4)).looked).toBe(11);
    expect((await follow(still, { calmSec: 0 }, 4)).looked).toBe(40);
    expect((await follow(still, {}, 1)).looked).toBe(40);
  });

  // The first frame half a second after the last sample, or later: 0.52 s of 25 frames a second, 0.53 s of 15.
  it.each([25 / 13, 30_000 / 1_001 / 15, 15 / 8])(
    'opens every other picture of a strip whose samples lie on frames: %f a second',
    async (rate) => {
      const still = Array.from({ length: 40 }, () => [{ text: 'still', quad: CAPTION }]);
      expect((await follow(still, {}, rate)).looked).toBe(21);
    },
  );

  it('looks at the next picture when the eye says that something may be coming', async () => {
    const fake = fakeEye();
    const { inspect } = fake.eye;
    fake.eye.inspect = (...situation) => {
      const inspection = inspect(...situation);
      return inspection.kind === 'none' ? { kind: 'none', watch: true } : inspection;
    };
    expect((await follow(Array(9).fill([]), {}, 2, fake)).looked).toBe(9);
  });

  it('looks at the first picture of every shot', async () => {
    const { eye } = fakeEye();
    const tracker = new TextTracker(eye);
    for (let shot = 0; shot < 6; shot++)
      await tracker.see({ times: [{ timeSec: shot / 2, shot }], untilSec: (shot + 1) / 2 }, async () => []);
    expect(tracker.looked).toBe(6);
  });

  it('tells captions apart that follow each other at the same place', async () => {
    const { lines } = await follow([
      [{ text: 'The first thing', quad: CAPTION }],
      [{ text: 'The first thing', quad: CAPTION }],
      [{ text: 'Another matter', quad: CAPTION }],
      [{ text: 'Another matter', quad: CAPTION }],
    ]);
    expect(lines.map(({ text, startSec, endSec }) => [text, startSec, endSec])).toEqual([
      ['The first thing', 0, 1],
      ['Another matter', 1, 2],
    ]);
  });

  it('reads an uncertain line again and believes the majority', async () => {
    const readings = ['recieve', 'receive', 'receive', 'receive'];
    const { lines, calls } = await follow(
      readings.map((text) => [{ text, quad: CAPTION, confidence: 0.7 }]),
      { maxReadings: 3 },
    );
    expect(lines.map(({ text }) => text)).toEqual(['receive']);
    expect(calls.read).toBeGreaterThan(1);
  });

  it('reads a still line again while it is unsure of it, without detecting', async () => {
    const { calls } = await follow(
      Array.from({ length: 9 }, () => [{ text: 'faint', quad: CAPTION, confidence: 0.7 }]),
      { maxReadings: 3 },
    );
    expect(calls).toEqual({ detect: 1, read: 3 });
  });

  it('goes on with a line that moves, and says how far', async () => {
    const at = (x: number) => boundsQuad({ left: x, right: x + 0.1, top: 0.1, bottom: 0.15 });
    const { lines } = await follow([0.1, 0.3, 0.5].map((x) => [{ text: 'MOVING', quad: at(x) }]));
    expect(lines).toHaveLength(1);
    expect(lines[0]!.drift).toBeCloseTo(0.4);
    expect(lines[0]).toMatchObject({ startSec: 0, endSec: 1.5 });
  });

  it('bridges a moment in which a line is hidden, not a long absence', async () => {
    const shown: Scene = [{ text: 'EXIT', quad: SIGN }];
    expect((await follow([shown, [], shown])).lines).toHaveLength(1);
    expect((await follow([shown, [], [], [], [], shown, shown])).lines).toHaveLength(2);
  });

  it('dates a line back to a picture on which nobody looked', async () => {
    const { eye } = fakeEye();
    // As a gate that lets the detector run only every second.
    eye.inspect = (_now, { atLastDetection: before, secondsSince }) => ({
      kind: before === null || secondsSince >= 1 ? 'whole' : 'none',
    });
    const tracker = new TextTracker(eye);
    const scenes: Scene[] = [[], [{ text: 'late', quad: CAPTION }], [{ text: 'late', quad: CAPTION }]];
    for (const [index, scene] of scenes.entries()) {
      const times = [{ timeSec: index / 2, shot: index }];
      await tracker.see({ times, untilSec: (index + 1) / 2 }, async () => scene);
    }
    expect(await tracker.finish()).toMatchObject([{ startSec: 0.5, endSec: 1.5, shot: 1 }]);
  });

  it('drops what was never read surely', async () => {
    const { lines } = await follow([[{ text: '#~;', quad: SIGN, confidence: 0.4 }]]);
    expect(lines).toEqual([]);
  });

  it('counts the looks of a shot that showed nothing, until one shows something or the shot ends', async () => {
    const { eye } = fakeEye();
    const counted: number[] = [];
    const tracker = new TextTracker<Scene, { text: string; quad: Quad }, number>({
      ...eye,
      inspect(_, { emptyInARow }) {
        counted.push(emptyInARow);
        return { kind: 'glance' };
      },
    });
    const caption = [{ text: 'here', quad: CAPTION }];
    const shown: [Scene, number][] = [
      [[], 0],
      [[], 0],
      [[], 0],
      [caption, 0],
      [[], 0],
      [[], 1],
      [[], 1],
    ];
    for (const [index, [scene, shot]] of shown.entries())
      await tracker.see({ times: [{ timeSec: index, shot }], untilSec: index + 1 }, async () => scene);
    expect(counted).toEqual([0, 1, 2, 3, 0, 0, 1]);
  });
});
