import { writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FramesExtracted } from '../../shared/contracts/artifacts.ts';
import { readSamples } from '../../shared/media/samples.ts';
import {
  drawnClip,
  ffmpeg,
  mediaFolder,
  numberedFrame,
  pictureClip,
  readFrameNumber,
  sceneClip,
  textPicture,
} from '../../test/fixtures/media.ts';
import { type FramesHarness, framesHarness } from './harness.fixture.ts';

const folder = mediaFolder();
const clip = (name: string) => path.join(folder, name);
const NPM = path.resolve(import.meta.dirname, '../../node_modules');

const BUILDS = {
  'the ffmpeg found first': {},
  'the ffmpeg from npm': {
    CINEDEX_MEDIA_FFMPEG_PATH: path.join(
      NPM,
      '@ffmpeg-installer',
      `${process.platform}-${process.arch}`,
      'ffmpeg',
    ),
    CINEDEX_MEDIA_FFPROBE_PATH: path.join(
      NPM,
      '@ffprobe-installer',
      `${process.platform}-${process.arch}`,
      'ffprobe',
    ),
  },
};

async function extract(harness: FramesHarness, file: string): Promise<FramesExtracted> {
  const outcome = await harness.run(file);
  if (outcome.kind !== 'ok')
    throw new Error(`${path.basename(file)}: ${JSON.stringify(outcome).slice(0, 500)}`);
  return FramesExtracted.parse(outcome.output);
}

describe.each(Object.entries(BUILDS))('with %s', (_, environment) => {
  let harness: FramesHarness;
  beforeAll(async () => {
    harness = await framesHarness(environment);
  });
  afterAll(() => harness.close());

  describe('times are right to one frame', () => {
    const cases: {
      name: string;
      fps: number;
      frames: number;
      args?: string[];
      timeOf?: (frame: number) => number;
    }[] = [
      { name: 'constant.mp4', fps: 25, frames: 75 },
      { name: 'sixty.mp4', fps: 60, frames: 120 },
      { name: 'fifteen.avi', fps: 15, frames: 45 },
      { name: 'ntsc.mkv', fps: 30000 / 1001, frames: 90 },
      { name: 'web.webm', fps: 24, frames: 60 },
      { name: 'stream.ts', fps: 25, frames: 75 },
      { name: 'animated.gif', fps: 12.5, frames: 30 },
      {
        name: 'variable.mp4',
        fps: 25,
        frames: 60,
        // Each frame is later than the last by a growing step: 40 ms, 41 ms, 42 ms …
        args: [
          '-vf',
          "settb=1/1000,setpts='40*N+N*(N-1)/2'",
          '-video_track_timescale',
          '1000',
          '-vsync',
          '0',
        ],
        timeOf: (n) => (40 * n + (n * (n - 1)) / 2) / 1000,
      },
    ];
    test.each(cases)('$name', async ({ name, fps, frames, args = [], timeOf = (n) => n / fps }) => {
      const file = await drawnClip(clip(name), frames, (i) => numberedFrame(i), { fps, args });
      const output = await extract(harness, file);
      let seen = 0;
      for await (const { jpeg, times } of readSamples(harness.artifacts as never, output)) {
        const number = await readFrameNumber(jpeg);
        const due = timeOf(number);
        const step = timeOf(number + 1) - due;
        expect(Math.abs(times[0]!.timeSec - due), `frame ${number} at ${times[0]!.timeSec}`).toBeLessThan(
          step,
        );
        seen += 1;
      }
      const lengthSec = timeOf(frames);
      expect(seen).toBeGreaterThanOrEqual(Math.floor(lengthSec * 1.6));
      expect(Math.abs(output.media.durationSec - lengthSec)).toBeLessThan(0.15);
      expect(output.media.variableFrameRate).toBe(name === 'variable.mp4');
    });

    test('of a picture that begins after the sound', async () => {
      const still = await drawnClip(clip('late-picture.mp4'), 50, (i) => numberedFrame(i));
      const file = clip('late.mkv');
      await ffmpeg([
        ...['-f', 'lavfi', '-t', '4', '-i', 'sine=frequency=300', '-itsoffset', '1.2', '-i', still],
        ...['-map', '0:a', '-map', '1:v', '-c:v', 'copy', '-c:a', 'aac', file],
      ]);
      const output = await extract(harness, file);
      const [first] = output.samples.items;
      expect(first!.timeSec).toBeGreaterThan(1.15);
      expect(first!.timeSec).toBeLessThan(1.26);
      expect(output.shots.at(-1)!.endSec).toBeGreaterThan(3.9);
    });
  });

  test('hard cuts are found to the frame, and each shot has a key frame of its own', async () => {
    const scenes = ['testsrc2', 'smptebars', 'mandelbrot', 'rgbtestsrc', 'testsrc'].map((source) => ({
      source,
      seconds: 1.6,
    }));
    const output = await extract(harness, await sceneClip(clip('cuts.mp4'), scenes, { sound: 'tone' }));
    expect(output.shots.map((shot) => shot.startSec)).toEqual([0, 1.6, 3.2, 4.8, 6.4]);
    // What the price of a second of media is reckoned from.
    expect(harness.notes.mediaSec).toBeCloseTo(8, 0);
    expect(output.shots.map((shot) => shot.transition)).toEqual(['start', 'cut', 'cut', 'cut', 'cut']);
    for (const { index, startSec, endSec } of output.shots) {
      const own = output.keyFrames.filter((frame) => frame.shot === index);
      expect(own.length).toBe(1);
      expect(own[0]!.timeSec).toBeGreaterThanOrEqual(startSec);
      expect(own[0]!.timeSec).toBeLessThan(endSec);
    }
    expect(output.media.audio).toMatchObject({ codec: 'aac', sampleRate: 48_000 });
  });

  test.each([
    ['bt709', 'tv', 'yuv420p'],
    ['bt709', 'pc', 'yuvj420p'],
    ['bt709', 'tv', 'yuv444p10le'],
    ['smpte170m', 'tv', 'yuv420p'],
    ['smpte170m', 'pc', 'yuvj420p'],
    ['smpte170m', 'tv', 'yuv422p'],
    ['bt2020nc', 'tv', 'yuv420p'],
    ['unknown', 'tv', 'yuv420p'],
    ['rgb', 'pc', 'rgb24'],
  ])('colours come out right from the matrix %s, range %s, format %s', async (matrix, range, format) => {
    const file = clip(`${matrix}-${range}-${format}.mp4`);
    const wanted = [200, 60, 40];
    const picture = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: { r: wanted[0]!, g: wanted[1]!, b: wanted[2]! },
      },
    })
      .png()
      .toBuffer();
    const png = clip(`${matrix}-${range}-${format}.png`);
    writeFileSync(png, picture);
    const to = { bt709: 'bt709', bt2020nc: 'bt2020' }[matrix] ?? 'bt601';
    const encoder = format === 'rgb24' ? 'libx264rgb' : 'libx264';
    const encode = ['-c:v', encoder, '-colorspace', matrix, '-color_range', range, '-t', '1'];
    await ffmpeg([
      '-loop',
      '1',
      '-i',
      png,
      '-vf',
      `scale=out_color_matrix=${to}:out_range=${range},format=${format}`,
      ...encode,
      file,
    ]);
    const { keyFrames } = await extract(harness, file);
    const { channels } = await sharp(harness.blob(keyFrames[0]!.image)).stats();
    channels.slice(0, 3).forEach(({ mean }, i) => {
      expect(Math.abs(mean - wanted[i]!)).toBeLessThan(3);
    });
  });

  test('a phone’s picture is stored upright and a stretched one in its shape', async () => {
    const plain = await drawnClip(clip('plain.mp4'), 10, (i) => numberedFrame(i), {
      width: 640,
      height: 360,
    });
    const rotated = clip('rotated.mp4');
    await ffmpeg(['-i', plain, '-c', 'copy', '-metadata:s:v', 'rotate=90', rotated]);
    const turned = await extract(harness, rotated);
    expect([turned.media.width, turned.media.height]).toEqual([360, 640]);
    expect([90, 270]).toContain(turned.media.rotation);
    const info = await sharp(harness.blob(turned.keyFrames[0]!.image)).metadata();
    expect([info.width, info.height]).toEqual([360, 640]);

    const stretched = await drawnClip(clip('stretched.mp4'), 10, (i) => numberedFrame(i), {
      width: 360,
      height: 288,
      args: ['-vf', 'setsar=16/9'],
    });
    const wide = await extract(harness, stretched);
    expect([wide.keyFrames[0]!.width, wide.keyFrames[0]!.height]).toEqual([640, 288]);
  });
});

describe('what is kept', () => {
  let harness: FramesHarness;
  beforeAll(async () => {
    harness = await framesHarness();
  });
  afterAll(() => harness.close());

  test('a single picture is enough: one frame, a still GIF, a tenth of a second', async () => {
    for (const [name, frames] of [
      ['one.mp4', 1],
      ['still.gif', 1],
      ['short.mp4', 3],
    ] as const) {
      const output = await extract(harness, await drawnClip(clip(name), frames, () => numberedFrame(5)));
      expect(output.keyFrames.length, name).toBe(1);
      expect(output.shots.length, name).toBe(1);
    }
  });

  test('sound that outlasts the picture does not stretch or lose it', async () => {
    const file = clip('outlasting.mp4');
    await ffmpeg([
      ...[
        '-f',
        'lavfi',
        '-t',
        '1',
        '-i',
        'testsrc2=size=320x180:rate=25',
        '-f',
        'lavfi',
        '-t',
        '4',
        '-i',
        'sine',
      ],
      ...['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', file],
    ]);
    const output = await extract(harness, file);
    expect(output.media.durationSec).toBeGreaterThan(3.9);
    expect(output.keyFrames.every((frame) => frame.timeSec < 1)).toBe(true);
  });

  test('a still picture is stored once, a caption that changes by one letter again', async () => {
    const slide = (text: string) =>
      textPicture([{ text, y: 0.92, size: 28 }], { width: 1280, height: 720, background: '#446688' });
    const pictures = [
      { image: await slide('The train leaves at 8:15'), seconds: 3 },
      { image: await slide('The train leaves at 8:16'), seconds: 3 },
    ];
    const output = await extract(
      harness,
      await pictureClip(clip('captions.mp4'), pictures, { width: 1280, height: 720 }),
    );
    const offsets = new Set(output.samples.items.map((item) => item.offset));
    expect(output.samples.items.length).toBeGreaterThanOrEqual(11);
    expect(offsets.size).toBeGreaterThanOrEqual(2);
    expect(offsets.size).toBeLessThanOrEqual(3);
    expect(output.shots.length).toBe(1);
    expect(output.keyFrames.length).toBe(1);
  });

  test('black pictures are left out, but a black video still has one key frame', async () => {
    const leader = await extract(
      harness,
      await sceneClip(clip('leader.mp4'), [
        { source: 'color=black', seconds: 1.5 },
        { source: 'testsrc2', seconds: 2 },
        { source: 'color=black', seconds: 1.5 },
      ]),
    );
    expect(leader.shots.length).toBe(1);
    expect(leader.keyFrames.length).toBe(1);
    expect(leader.keyFrames[0]!.timeSec).toBeGreaterThanOrEqual(1.5);
    expect(leader.keyFrames[0]!.timeSec).toBeLessThan(3.5);
    const black = await extract(
      harness,
      await sceneClip(clip('black.mp4'), [{ source: 'color=black', seconds: 2 }]),
    );
    expect(black.keyFrames.length).toBe(1);
  });

  test('a long shot has a key frame every ten seconds unless they look alike', async () => {
    const moving = await extract(
      harness,
      await drawnClip(
        clip('long.mp4'),
        250,
        // The whole picture turns slowly through very different patterns.
        (i) => {
          const rgb = new Uint8Array(160 * 90 * 3);
          for (let y = 0; y < 90; y += 1)
            for (let x = 0; x < 160; x += 1)
              rgb.fill(
                128 + 100 * Math.sin((x * Math.cos(i / 60) + y * Math.sin(i / 60)) / 9),
                (y * 160 + x) * 3,
                (y * 160 + x) * 3 + 3,
              );
          return rgb;
        },
        { width: 160, height: 90, fps: 5 },
      ),
    );
    expect(moving.keyFrames.length).toBeGreaterThanOrEqual(4);
    expect(moving.keyFrames.length).toBeLessThanOrEqual(6);
    const still = await extract(
      harness,
      await drawnClip(clip('still.mp4'), 250, () => numberedFrame(9), { fps: 5 }),
    );
    expect(still.keyFrames.length).toBe(1);
    expect(new Set(still.samples.items.map((item) => item.offset)).size).toBe(1);
  });

  test('thumbnails and poster are WebP of the promised sizes', async () => {
    const file = await sceneClip(clip('big.mp4'), [{ source: 'testsrc2', seconds: 0.6 }], {
      width: 1920,
      height: 1080,
    });
    const output = await extract(harness, file);
    const size = async (ref: FramesExtracted['poster']) => {
      const { format, width } = await sharp(harness.blob(ref)).metadata();
      return [format, width];
    };
    expect(await size(output.poster)).toEqual(['webp', 640]);
    expect(await size(output.keyFrames[0]!.thumbnail)).toEqual(['webp', 320]);
    expect(await size(output.keyFrames[0]!.image)).toEqual(['jpeg', 1280]);
  });

  test('the part of a cut-off video that plays is kept, and what is missing is said', async () => {
    const { readFile, writeFile } = await import('node:fs/promises');
    const whole = await drawnClip(clip('whole.mp4'), 250, (i) => numberedFrame(i), {
      args: ['-movflags', '+faststart', '-g', '25'],
    });
    const bytes = await readFile(whole);
    const cut = clip('cut.mp4');
    await writeFile(cut, bytes.subarray(0, Math.floor(bytes.length * 0.5)));
    const outcome = await harness.run(cut);
    expect(outcome).toMatchObject({
      kind: 'partial',
      missing: [expect.stringMatching(/^pictures after \d+\.\d s$/)],
    });
  });

  test('an abort ends the work', async () => {
    const file = await sceneClip(clip('slow.mp4'), [{ source: 'testsrc2', seconds: 20 }], {
      width: 1280,
      height: 720,
    });
    const stop = new AbortController();
    const running = harness.run(file, stop.signal);
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
