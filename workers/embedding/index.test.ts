import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../shared/config.ts';
import { FramesExtracted, PicturesEmbedded } from '../../shared/contracts/artifacts.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import { multimodalModels } from '../../shared/models/encoders.ts';
import type { EmbeddedPicture } from '../../shared/ports/encoders.ts';
import type { Services, StageContext } from '../runtime/stage.ts';
import { embedding } from './index.ts';

const blobs = new Map<string, Buffer>();

async function putBlob(bytes: Uint8Array, mediaType: string): Promise<BlobRef> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  blobs.set(sha256, Buffer.from(bytes));
  return { sha256, bytes: bytes.length, mediaType };
}

/** A video whose key frames are pictures of one byte each. */
async function framesOf(pictures: number[]): Promise<FramesExtracted> {
  const image = await putBlob(Buffer.of(0), 'image/jpeg');
  const keyFrames = [];
  for (const [index, byte] of pictures.entries()) {
    keyFrames.push({
      index,
      shot: index,
      timeSec: index * 2,
      image: await putBlob(Buffer.of(byte), 'image/jpeg'),
      thumbnail: image,
      width: 4,
      height: 4,
      sharpness: 1,
      dhash: '0'.repeat(16),
    });
  }
  return FramesExtracted.parse({
    media: {
      container: 'mp4',
      durationSec: pictures.length * 2,
      width: 4,
      height: 4,
      rotation: 0,
      fps: 25,
      variableFrameRate: false,
      videoCodec: 'h264',
      audio: null,
      bytes: 1,
    },
    shots: pictures.map((_, index) => ({
      index,
      startSec: index * 2,
      endSec: index * 2 + 2,
      transition: 'cut',
    })),
    keyFrames,
    samples: { blob: image, fps: 2, items: [] },
    poster: image,
  });
}

function setUp(explicitOf: (byte: number) => number | null = (byte) => byte / 100) {
  const batches: number[] = [];
  const notes: object[] = [];
  const encodePictures = async (pictures: Uint8Array[]): Promise<EmbeddedPicture[]> => {
    batches.push(pictures.length);
    return pictures.map(([byte = 0]) => ({
      vector: Float32Array.of(byte, -byte),
      labels: [{ label: `picture ${byte}`, score: 0.5 }],
      explicit: explicitOf(byte),
    }));
  };
  const services = {
    artifacts: { putBlob, getBlob: async ({ sha256 }: BlobRef) => blobs.get(sha256)! },
    encoders: {
      multimodal: () => ({ space: { id: 'test', dimensions: 2, model: 'test@1' }, encodePictures }),
    },
  } as unknown as Services;
  const abort = new AbortController();
  const context = {
    signal: abort.signal,
    note: (fields: object) => notes.push(fields),
  } as unknown as StageContext;
  const run = async (pictures: number[], batchSize = 2) => {
    const stage = await embedding.create(services, { batchSize });
    return stage.run({ frames: await framesOf(pictures) }, context);
  };
  return { run, batches, abort };
}

describe('the embedding stage', () => {
  it('gives one row a key frame, in order, batch by batch', async () => {
    const { run, batches } = setUp();
    const outcome = await run([10, 20, 30]);
    if (outcome.kind !== 'ok') throw new Error(outcome.kind);
    const output = PicturesEmbedded.parse(outcome.output);
    expect(batches).toEqual([2, 1]);
    expect(output.frames.map(({ keyFrame, labels }) => [keyFrame, labels[0]!.label])).toEqual([
      [0, 'picture 10'],
      [1, 'picture 20'],
      [2, 'picture 30'],
    ]);
    expect(output.vectors).toMatchObject({ rows: 3, dimensions: 2 });
    const bytes = blobs.get(output.vectors.blob.sha256)!;
    expect(bytes.length).toBe(3 * 2 * 4);
    expect([bytes.readFloatLE(8), bytes.readFloatLE(12)]).toEqual([20, -20]);
  });

  it('reports the most explicit frame, and null where nothing was judged', async () => {
    const judged = await setUp().run([10, 90, 30]);
    expect(judged).toMatchObject({ output: { safety: { explicit: 0.9 } } });
    const unjudged = await setUp(() => null).run([10]);
    expect(unjudged).toMatchObject({ output: { safety: null } });
  });

  it('stops when its step is aborted', async () => {
    const { run, batches, abort } = setUp();
    abort.abort();
    await expect(run([10])).rejects.toThrow();
    expect(batches).toEqual([]);
  });

  it('takes the models of the profile into its key', () => {
    for (const profile of ['bundled', 'standard', 'chinese'] as const) {
      const core = loadConfig({ CINEDEX_PROFILE: profile });
      expect(embedding.models?.({ batchSize: 8 }, core)).toEqual(multimodalModels(profile));
    }
    expect(multimodalModels('bundled')).not.toEqual(multimodalModels('standard'));
  });
});
