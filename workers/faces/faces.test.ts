import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { FacesRecognized, FramesExtracted } from '../../shared/contracts/artifacts.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import { createFaceEngine } from '../../shared/faces/engine/engine.ts';
import { ModelStore, packageFolder } from '../../shared/models/store.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import { FacesConfig, recogniseVideo } from './index.ts';
import { Allowance, type PictureRef } from './plan.ts';
import { FaceRecogniser } from './recognise.ts';

// Real models on a shared machine: seconds when it is idle, far more when it is not.
vi.setConfig({ testTimeout: 240_000 });

class MemoryArtifacts implements Pick<ArtifactStore, 'putBlob' | 'getBlob' | 'getRange'> {
  readonly blobs = new Map<string, Buffer>();

  async putBlob(bytes: Uint8Array, mediaType: string): Promise<BlobRef> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.blobs.set(sha256, Buffer.from(bytes));
    return { sha256, bytes: bytes.length, mediaType };
  }

  async getBlob({ sha256 }: BlobRef): Promise<Buffer> {
    return this.blobs.get(sha256)!;
  }

  async getRange(ref: BlobRef, offset: number, length: number): Promise<Buffer> {
    return (await this.getBlob(ref)).subarray(offset, offset + length);
  }
}

/** Shots of four seconds; each shows one picture, as a key frame in its middle and as samples twice a second. */
async function framesOf(artifacts: MemoryArtifacts, pictures: Buffer[]): Promise<FramesExtracted> {
  const length = 4;
  const blob = await artifacts.putBlob(Buffer.concat(pictures), 'image/jpeg');
  const image = await Promise.all(pictures.map((picture) => artifacts.putBlob(picture, 'image/jpeg')));
  const offsets = pictures.map((_, index) =>
    pictures.slice(0, index).reduce((sum, { length: bytes }) => sum + bytes, 0),
  );
  return FramesExtracted.parse({
    media: {
      container: 'mp4',
      durationSec: length * pictures.length,
      width: 1280,
      height: 720,
      rotation: 0,
      fps: 25,
      variableFrameRate: false,
      videoCodec: 'h264',
      audio: null,
      bytes: 1,
    },
    shots: pictures.map((_, index) => ({
      index,
      startSec: index * length,
      endSec: (index + 1) * length,
      transition: index === 0 ? 'start' : 'cut',
    })),
    keyFrames: pictures.map((_, index) => ({
      index,
      shot: index,
      timeSec: index * length + 2,
      image: image[index],
      thumbnail: image[index],
      width: 1280,
      height: 720,
      sharpness: 1,
      dhash: '0000000000000000',
    })),
    samples: {
      blob,
      fps: 2,
      items: pictures.flatMap((picture, index) =>
        Array.from({ length: 2 * length }, (_, at) => ({
          timeSec: index * length + at / 2,
          shot: index,
          offset: offsets[index],
          length: picture.length,
        })),
      ),
    },
    poster: image[0],
  });
}

const samplePhoto = path.join(packageFolder('@vladmandic/face-api') ?? '', 'demo', 'sample1.jpg');
const photoThere = existsSync(samplePhoto);
if (!photoThere)
  console.warn('SKIPPED: @vladmandic/face-api ships no demonstration picture; the stage sees no real face.');

const flat = () =>
  sharp({ create: { width: 1280, height: 720, channels: 3, background: '#336633' } })
    .jpeg()
    .toBuffer();

describe('the faces stage', () => {
  const engine = createFaceEngine(new ModelStore('/nonexistent'));
  afterAll(() => engine.close());
  const run = async (
    artifacts: MemoryArtifacts,
    frames: FramesExtracted,
    signal = new AbortController().signal,
  ) =>
    recogniseVideo(engine, artifacts as unknown as ArtifactStore, frames, FacesConfig.parse({}), {
      signal,
      note: () => undefined,
    });

  test('finds nobody where nobody is', async () => {
    const artifacts = new MemoryArtifacts();
    const outcome = await run(artifacts, await framesOf(artifacts, [await flat()]));
    expect(outcome).toMatchObject({ kind: 'ok', output: { tracks: [], clusters: [], descriptors: null } });
  });

  test.skipIf(!photoThere)('follows people through shots and finds them again', async () => {
    const artifacts = new MemoryArtifacts();
    const photo = readFileSync(samplePhoto);
    const scene = await sharp(photo).resize(1280, 720, { fit: 'contain' }).jpeg().toBuffer();
    const smaller = await sharp(await flat())
      .composite([
        { input: await sharp(photo).resize(700, 600, { fit: 'inside' }).toBuffer(), left: 40, top: 40 },
      ])
      .jpeg()
      .toBuffer();
    const frames = await framesOf(artifacts, [scene, await flat(), smaller]);
    const outcome = await run(artifacts, frames);
    if (outcome.kind !== 'ok') throw new Error(`The stage came out ${outcome.kind}.`);
    const output = FacesRecognized.parse(outcome.output);
    const shots = new Set(output.tracks.map(({ shot }) => shot));
    expect(shots).toEqual(new Set([0, 2]));
    expect(output.clusters.length).toBeGreaterThan(0);
    // Whoever is strong in the first shot is found again in the third.
    expect(
      output.clusters.some(({ tracks }) => new Set(tracks.map((id) => output.tracks[id]!.shot)).size === 2),
    ).toBe(true);
    for (const { shot, startSec, endSec, best, boxes } of output.tracks) {
      expect(startSec).toBeGreaterThanOrEqual(shot * 4);
      expect(endSec).toBeLessThanOrEqual((shot + 1) * 4);
      expect(boxes.map(({ timeSec }) => timeSec)).toEqual(
        boxes.map(({ timeSec }) => timeSec).sort((a, b) => a - b),
      );
      expect((await sharp(await artifacts.getBlob(best.thumbnail)).metadata()).format).toBe('webp');
    }
    const { descriptors } = output;
    expect(descriptors!.blob.bytes).toBe(descriptors!.rows * 128 * 4);
    // The same video gives the same bytes.
    expect(await run(artifacts, frames)).toEqual(outcome);
  });

  test('stops when it is told to', async () => {
    const artifacts = new MemoryArtifacts();
    const frames = await framesOf(artifacts, [await flat()]);
    await expect(run(artifacts, frames, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('an unreadable picture makes the result partial, not a failure', async () => {
    const artifacts = new MemoryArtifacts();
    const frames = await framesOf(artifacts, [await flat(), Buffer.from('broken')]);
    expect(await run(artifacts, frames)).toMatchObject({ kind: 'partial' });
  });
});

test('a still picture is looked at once, and its face stays as long as it does', async () => {
  const face = { box: { x: 100, y: 100, width: 200, height: 200 }, score: 0.9, keyPoints: [] };
  const pose = { yaw: 0, pitch: 0, roll: 0 };
  const detect = vi.fn(async () => ({ width: 1280, height: 720, faces: [face], runs: 1 }));
  const recogniser = new FaceRecogniser({
    engine: {
      detect,
      describe: async () => [
        { ...face, pose, sharpness: 1, quality: 1, strength: 'none' as const, descriptor: null },
      ],
    },
    load: async () => new Uint8Array(),
    allowance: new Allowance(3, 20),
    viewsPerTrack: 1,
    signal: new AbortController().signal,
  });
  const samples = Array.from(
    { length: 20 },
    (_, at): PictureRef => ({
      key: 'one picture',
      timeSec: at / 2,
      source: { kind: 'sample', offset: 0, length: 1 },
    }),
  );
  const tracks = await recogniser.shot({ shot: 0, startSec: 0, endSec: 10, keyFrames: [], samples });
  expect(detect).toHaveBeenCalledTimes(1);
  expect(tracks).toHaveLength(1);
  expect(tracks[0]!.boxes.length).toBeGreaterThan(5);
  expect(tracks[0]!.endSec).toBeGreaterThan(9);
});

test('where no face shows up it is looked for more and more rarely, and closely again once one does', async () => {
  const face = { box: { x: 100, y: 100, width: 200, height: 200 }, score: 0.9, keyPoints: [] };
  const times: number[] = [];
  const recogniser = new FaceRecogniser({
    engine: {
      async detect(_, key) {
        times.push(Number(key));
        return { width: 1280, height: 720, faces: Number(key) >= 30 ? [face] : [], runs: 1 };
      },
      describe: async () => [null],
    },
    load: async () => new Uint8Array(),
    allowance: new Allowance(3, 20),
    viewsPerTrack: 1,
    signal: new AbortController().signal,
  });
  const samples = Array.from(
    { length: 80 },
    (_, at): PictureRef => ({
      key: String(at / 2),
      timeSec: at / 2,
      source: { kind: 'sample', offset: at, length: 1 },
    }),
  );
  await recogniser.shot({ shot: 0, startSec: 0, endSec: 40, keyFrames: [], samples });
  expect(times.filter((time) => time < 30)).toEqual([0, 3, 9, 18, 27]);
  expect(times.filter((time) => time >= 30)).toEqual([36, 37, 38, 39]);
});

test('what a key frame is about to show is not looked for just before it, unless the shot has only begun', async () => {
  const times: number[] = [];
  const recogniser = new FaceRecogniser({
    engine: {
      async detect(_, key) {
        times.push(Number(key));
        return { width: 1280, height: 720, faces: [], runs: 1 };
      },
      describe: async () => [null],
    },
    load: async () => new Uint8Array(),
    allowance: new Allowance(3, 20),
    viewsPerTrack: 1,
    signal: new AbortController().signal,
  });
  const at = (timeSec: number, source: PictureRef['source']): PictureRef => ({
    key: String(timeSec),
    timeSec,
    source,
  });
  const samples = Array.from({ length: 24 }, (_, i) =>
    at(i / 2 + 0.1, { kind: 'sample', offset: i, length: 1 }),
  );
  const keyFrames = [at(4, { kind: 'keyFrame', index: 0 })];
  await recogniser.shot({ shot: 0, startSec: 0, endSec: 12, keyFrames, samples });
  expect(times.sort((a, b) => a - b)).toEqual([0.1, 4, 10.1]);
});
