import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { createDetector, SupportedModels } from '@tensorflow-models/face-detection';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ModelStore, packageFolder } from '../../models/store.ts';
import { descriptorDistance } from '../descriptor.ts';
import { detectorArtifacts } from '../weights/graph-model.ts';
import { FaceAnalyser, MAX_SIDE } from './analyser.ts';
import { FaceDetector } from './detector.ts';
import { createFaceEngine, type FaceEngine } from './engine.ts';
import { decodedSize, decodePicture } from './pixels.ts';
import { intersectionOverUnion } from './suppression.ts';

// Real models on a shared machine: seconds when it is idle, far more when it is not.
vi.setConfig({ testTimeout: 240_000 });

const models = new ModelStore('/nonexistent');

/** Photographs with faces that the face-api package ships as its demonstration. */
const photo = (number: number) =>
  path.join(packageFolder('@vladmandic/face-api') ?? '', 'demo', `sample${number}.jpg`);
const photosThere = existsSync(photo(1));
if (!photosThere)
  console.warn('SKIPPED: @vladmandic/face-api ships no demonstration pictures; real faces go untested.');

const noise = (seed: number) => {
  let state = seed;
  const data = Uint8Array.from({ length: 320 * 240 * 3 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
  return sharp(data, { raw: { width: 320, height: 240, channels: 3 } })
    .png()
    .toBuffer();
};

describe('the engine in its thread', () => {
  let engine: FaceEngine;
  beforeAll(async () => {
    engine = createFaceEngine(models);
    await engine.warmUp();
  });
  afterAll(() => engine.close());

  test('finds nobody in noise or in one colour', async () => {
    const flat = await sharp({ create: { width: 640, height: 360, channels: 3, background: '#446688' } })
      .jpeg()
      .toBuffer();
    expect((await engine.analyse(flat)).faces).toEqual([]);
    expect((await engine.analyse(await noise(7), { thoroughness: 'windows' })).faces).toEqual([]);
  });

  test('says that bytes are no picture, and goes on', async () => {
    await expect(engine.analyse(Buffer.from('no picture'))).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' });
    expect((await engine.analyse(await noise(1))).width).toBe(320);
  });

  test.skipIf(!photosThere)(
    'describes the same face alike when it is smaller, mirrored and turned',
    async () => {
      const original = readFileSync(photo(1));
      const { faces, width, height } = await engine.analyse(original);
      const face = faces.sort((a, b) => b.quality - a.quality)[0]!;
      expect(face).toMatchObject({ strength: 'strong' });
      /** The face in another picture that is nearest to it. */
      const again = async (picture: Buffer) => {
        const found = (await engine.analyse(picture)).faces.flatMap(({ descriptor, pose }) =>
          descriptor ? [{ pose: pose!, distance: descriptorDistance(descriptor, face.descriptor!) }] : [],
        );
        return found.sort((a, b) => a.distance - b.distance)[0]!;
      };
      const scale = Math.min(1, 70 / face.box.width);
      const small = await sharp(original)
        .resize(Math.round(width * scale), Math.round(height * scale))
        .jpeg()
        .toBuffer();
      expect((await again(small)).distance).toBeLessThan(0.45);
      const mirrored = await again(await sharp(original).flop().jpeg().toBuffer());
      expect(mirrored.distance).toBeLessThan(0.2);
      expect(Math.abs(mirrored.pose.yaw + face.pose!.yaw)).toBeLessThan(6);
      const turned = await again(await sharp(original).rotate(15, { background: '#888' }).jpeg().toBuffer());
      expect(turned.distance).toBeLessThan(0.4);
      expect(turned.pose.roll - face.pose!.roll).toBeGreaterThan(8);
    },
  );
});

describe('decodedSize', () => {
  const picture = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#446688' } });
  test.each([
    ['smaller than the limit', picture(300, 200).jpeg()],
    ['larger', picture(2_000, 1_111).jpeg()],
    ['turned by its header', picture(1_600, 900).jpeg().withMetadata({ orientation: 6 })],
  ])('is that of the decoded picture: %s', async (_, made) => {
    const encoded = await made.toBuffer();
    const { width, height } = await decodePicture(encoded, MAX_SIDE);
    const size = await decodedSize(encoded, MAX_SIDE);
    expect(Math.abs(size.width - width)).toBeLessThanOrEqual(1);
    expect(Math.abs(size.height - height)).toBeLessThanOrEqual(1);
  });
  test('says that bytes are no picture', async () => {
    await expect(decodedSize(Buffer.from('no picture'), MAX_SIDE)).rejects.toMatchObject({
      code: 'MEDIA_CORRUPT',
    });
  });
});

describe('the models in this thread', () => {
  let analyser: FaceAnalyser;
  beforeAll(async () => {
    analyser = await FaceAnalyser.load(models);
  });
  afterAll(() => analyser.dispose());

  test('leave no tensors behind in 50 runs', async () => {
    const pictures = photosThere
      ? [readFileSync(photo(1)), await noise(3)]
      : [await noise(2), await noise(3)];
    const small = await Promise.all(pictures.map((picture) => sharp(picture).resize(300).jpeg().toBuffer()));
    for (const picture of small) await analyser.analyse(picture, 'portrait');
    const before = tf.memory().numTensors;
    for (let run = 0; run < 25; run++)
      for (const picture of small) await analyser.detect(picture, null, 'whole');
    expect(tf.memory().numTensors).toBe(before);
  });

  test.skipIf(!photosThere)('find large faces in a small copy where they are in the picture', async () => {
    const picture = readFileSync(photo(1));
    const whole = await analyser.detect(picture, null, 'whole');
    const thorough = await analyser.detect(picture, null, 'windows');
    expect(whole).toMatchObject({ width: thorough.width, height: thorough.height });
    const largest = thorough.faces.toSorted((a, b) => b.box.width - a.box.width)[0]!;
    const overlaps = whole.faces.map(({ box }) => intersectionOverUnion(box, largest.box));
    expect(Math.max(...overlaps)).toBeGreaterThan(0.7);
  });

  test('open a picture for a closer look only when something asks for one', async () => {
    const detector = await FaceDetector.load(models);
    const flat = { data: new Uint8Array(192 * 108 * 3).fill(90), width: 192, height: 108 };
    const open = vi.fn();
    expect(await detector.whole(flat, 1_280, open)).toEqual([]);
    expect(open).not.toHaveBeenCalled();
    detector.dispose();
  });

  // Three people about 30 pixels wide in 720p: too small to be sure of at first sight.
  test.skipIf(!photosThere)('follow faint hints of small faces in a look at all of the picture', async () => {
    const people = await sharp(photo(3)).resize({ width: 208 }).toBuffer();
    const room = sharp({ create: { width: 1_280, height: 720, channels: 3, background: '#446688' } });
    const picture = await room
      .composite([{ input: people, left: 0, top: 0 }])
      .jpeg()
      .toBuffer();
    expect((await analyser.detect(picture, null, 'whole')).faces.length).toBeGreaterThan(0);
  });

  test.skipIf(!photosThere)('decode the detector’s output as its own package does', async () => {
    const bytes = readFileSync(models.file('face-detector-full-range', 'face_detection_full_range.tflite'));
    const reference = await createDetector(SupportedModels.MediaPipeFaceDetector, {
      runtime: 'tfjs',
      modelType: 'full',
      maxFaces: 20,
      detectorModelUrl: { load: async () => detectorArtifacts(bytes) },
    });
    const { data, info } = await sharp(photo(1))
      .removeAlpha()
      .resize(192, 192, { fit: 'contain', background: '#808080' })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const tensor = tf.tensor3d(new Uint8Array(data), [192, 192, 3], 'int32');
    const expected = await reference.estimateFaces(tensor);
    tensor.dispose();
    reference.dispose();
    const png = await sharp(data, { raw: { width: 192, height: 192, channels: info.channels } })
      .png()
      .toBuffer();
    const { faces } = await analyser.detect(png, null, 'whole');
    expect(expected.length).toBeGreaterThan(0);
    for (const { box } of expected) {
      const truth = { x: box.xMin, y: box.yMin, width: box.width, height: box.height };
      expect(Math.max(...faces.map((face) => intersectionOverUnion(face.box, truth)))).toBeGreaterThan(0.8);
    }
  });
});
