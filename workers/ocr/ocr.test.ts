import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FramesExtracted } from '../../shared/contracts/artifacts.ts';
import { TextRecognized } from '../../shared/contracts/artifacts.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { ModelStore } from '../../shared/models/store.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import type { Services, StageContext } from '../runtime/stage.ts';
import { videoRecord } from '../runtime/testing.ts';
import { chooseEngine, OcrConfig, ocr } from './index.ts';

const blobs = new Map<string, Buffer>();
function put(bytes: Buffer): BlobRef {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  blobs.set(sha256, bytes);
  return { sha256, bytes: bytes.length, mediaType: 'image/jpeg' };
}
const artifacts = {
  getRange: async (ref: BlobRef, offset: number, length: number) =>
    blobs.get(ref.sha256)!.subarray(offset, offset + length),
  getBlob: async (ref: BlobRef) => blobs.get(ref.sha256)!,
};

/** Six seconds: nothing, the English caption for two, the Chinese one for two (a still picture), nothing. */
async function framesOfCaptions(): Promise<FramesExtracted> {
  const fixture = (file: string) =>
    sharp(readFileSync(path.join(import.meta.dirname, 'fixtures', file)))
      .jpeg({ quality: 85 })
      .toBuffer();
  const plain = { width: 480, height: 270, channels: 3 as const, background: '#465' };
  const pictures = [
    await sharp({ create: plain }).jpeg().toBuffer(),
    await fixture('caption-en.png'),
    await fixture('caption-zh.png'),
  ];
  return framesOf(pictures, [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0]);
}

/** A title that fills the picture, of letters without a curve: no font is needed, and no stroke of them is narrow. */
async function framesOfTitle(): Promise<FramesExtracted> {
  const bars: [x: number, y: number, width: number, height: number][] = [
    ...[[30, 40, 30, 190] as const, [30, 200, 80, 30] as const],
    ...[[140, 40, 30, 190] as const],
    ...[[200, 40, 30, 190] as const, [200, 40, 80, 30] as const, [200, 120, 65, 30] as const],
    ...[[330, 40, 30, 190] as const, [295, 40, 100, 30] as const],
  ].map((bar) => [...bar]);
  const rectangles = bars.map(
    ([x, y, width, height]) => `<rect x="${x}" y="${y}" width="${width}" height="${height}"/>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="270"><g fill="#fff">${rectangles.join('')}</g></svg>`;
  const title = await sharp(Buffer.from(svg))
    .flatten({ background: '#234' })
    .jpeg({ quality: 85 })
    .toBuffer();
  return framesOf([title], [0, 0, 0, 0]);
}

/** Half a second a picture; `shown` tells which is on the screen. */
function framesOf(pictures: readonly Buffer[], shown: readonly number[]): FramesExtracted {
  const offsets = pictures.map((_, index) =>
    pictures.slice(0, index).reduce((sum, { length }) => sum + length, 0),
  );
  const image = put(pictures[0]!);
  const keyFrame = { index: 0, shot: 0, timeSec: 0.5, image, thumbnail: image, width: 480, height: 270 };
  const durationSec = shown.length / 2;
  return {
    media: {
      ...{ container: 'mp4', durationSec, width: 480, height: 270, rotation: 0, fps: 25 },
      ...{ variableFrameRate: false, videoCodec: 'h264', audio: null, bytes: 1 },
    },
    shots: [{ index: 0, startSec: 0, endSec: durationSec, transition: 'start' }],
    keyFrames: [{ ...keyFrame, sharpness: 1, dhash: '0'.repeat(16) }],
    samples: {
      blob: put(Buffer.concat(pictures)),
      fps: 2,
      items: shown.map((which, index) => ({
        ...{ timeSec: index / 2, shot: 0, offset: offsets[which]!, length: pictures[which]!.length },
      })),
    },
    poster: image,
  };
}

const logger = createLogger({ level: 'silent' });
const context = (signal = new AbortController().signal): StageContext => ({
  ...{ video: videoRecord(), key: 'k', signal, logger, note: () => undefined },
});
const create = (config: object) =>
  ocr.create(
    { artifacts, models: new ModelStore('/nonexistent'), logger } as unknown as Services,
    OcrConfig.parse(config),
  );

describe('the ocr stage', () => {
  let stage: Awaited<ReturnType<typeof create>>;
  beforeAll(async () => {
    stage = await create({});
    await stage.warmUp?.();
  });
  afterAll(() => stage.close?.());

  it('reads each caption once, with its time, language and role', async () => {
    const outcome = await stage.run({ frames: await framesOfCaptions() }, context());
    if (outcome.kind !== 'ok') throw new Error(outcome.kind);
    const output = TextRecognized.parse(outcome.output);
    expect(output.lines).toMatchObject([
      { text: 'The train leaves at noon', language: 'en', role: 'caption', startSec: 1, endSec: 3 },
      { text: '今天下午火车准时出发', language: 'zh', role: 'caption', startSec: 3, endSec: 5 },
    ]);
    // Four different pictures.
    expect(output).toMatchObject({ engine: 'ppocr', looked: 4, recognised: 2 });
    for (const [x, y] of output.lines.flatMap(({ quad }) => quad)) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(Math.max(x, y)).toBeLessThanOrEqual(1);
    }
  });

  it('reads a title of letters so large that they have no narrow stroke', async () => {
    const outcome = await stage.run({ frames: await framesOfTitle() }, context());
    if (outcome.kind !== 'ok') throw new Error(outcome.kind);
    expect((outcome.output as TextRecognized).lines).toMatchObject([
      { text: 'LIFT', startSec: 0, endSec: 2 },
    ]);
  });

  it('stops when it is told to', async () => {
    const run = stage.run({ frames: await framesOfCaptions() }, context(AbortSignal.abort()));
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('chooseEngine', () => {
  const lacking = (...absent: string[]) => ({
    file: (id: string) => {
      if (absent.includes(id)) throw new CinedexError('MODEL_MISSING', id);
      return `/models/${id}`;
    },
  });

  it('prefers PP-OCR, and falls back to tesseract.js aloud', () => {
    const reasons: string[] = [];
    expect(chooseEngine(lacking(), 'auto')).toBe('ppocr');
    expect(chooseEngine(lacking('ppocr-v4'), 'auto', (why) => reasons.push(why))).toBe('tesseract');
    expect(reasons).toEqual(['ppocr-v4']);
  });

  it('does not replace an engine that was asked for by name', () => {
    expect(() => chooseEngine(lacking('ppocr-v4'), 'ppocr')).toThrow('ppocr-v4');
    expect(() => chooseEngine(lacking('tesseract-chi-sim'), 'tesseract')).toThrow('tesseract-chi-sim');
  });
});
