/** PP-OCRv4 on onnxruntime: a DBNet finds lines, an SVTR net reads them (Du et al. 2020, arXiv:2009.09941, and later). */
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { cropLine, Pyramid } from './crop.ts';
import { decodeCtc } from './ctc.ts';
import { type BoxOptions, boxesFromMap } from './db-boxes.ts';
import { readingOrder } from './geometry.ts';
import type { DetectedText, Pixels, Point, Quad, Reading, TextDetector, TextRecogniser } from './types.ts';

export interface PpocrFiles {
  detection: string;
  recognition: string;
  characters: string;
}

const SESSION: ort.InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
};

async function openSession(file: string): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(file, SESSION);
  } catch (error) {
    throw new CinedexError('MODEL_CORRUPT', `${file} cannot be loaded: ${String(error)}`, { cause: error });
  }
}

const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225] as const;
const MAX_MAP_SIDE = 2048;

/** Tops that differ by less are one row, pixels of the picture. */
const SAME_ROW = 10;

/** @param side length of the picture's longer side while looking, pixels; more finds smaller text and costs its square */
export async function openDetector(
  file: string,
  side: number,
  options: Partial<BoxOptions> = {},
): Promise<TextDetector> {
  const session = await openSession(file);
  return {
    async detect(picture): Promise<DetectedText[]> {
      const scale = side / Math.max(picture.width, picture.height);
      const width = mapSide(picture.width * scale);
      const height = mapSide(picture.height * scale);
      const input = detectionInput(picture, width, height);
      const output = await session.run({
        [session.inputNames[0]!]: new ort.Tensor('float32', input, [1, 3, height, width]),
      });
      const map = output[session.outputNames[0]!]!.data as Float32Array;
      const scaleX = picture.width / width;
      const scaleY = picture.height / height;
      const found = boxesFromMap(map, width, height, options).map(({ quad, score }) => ({
        score,
        quad: quad.map(
          ([x, y]): Point => [
            Math.min(picture.width, Math.max(0, x * scaleX)),
            Math.min(picture.height, Math.max(0, y * scaleY)),
          ],
        ) as Quad,
      }));
      return readingOrder(found, SAME_ROW);
    },
    close: () => session.release(),
  };
}

/** The net halves its input five times, so sides are multiples of 32. */
function mapSide(wanted: number): number {
  return Math.min(MAX_MAP_SIDE, Math.max(32, Math.round(wanted / 32) * 32));
}

/** Blue, green and red planes, resized and normalised in one go. */
function detectionInput(picture: Pixels, width: number, height: number): Float32Array {
  const shrink = Math.min(picture.width / width, picture.height / height);
  const level = shrink >= 1.8 ? Math.floor(Math.log2(shrink / 0.9)) : 0;
  const { pixels } = new Pyramid(picture).level(level);
  const plane = width * height;
  const input = new Float32Array(3 * plane);
  const { data } = pixels;
  const lefts = new Int32Array(width);
  const rights = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const at = Math.min(pixels.width - 1, Math.max(0, ((x + 0.5) * pixels.width) / width - 0.5));
    lefts[x] = Math.min(Math.max(0, pixels.width - 2), Math.floor(at));
    rights[x] = at - lefts[x]!;
  }
  const stepRight = pixels.width > 1 ? 3 : 0;
  for (let y = 0; y < height; y++) {
    const at = Math.min(pixels.height - 1, Math.max(0, ((y + 0.5) * pixels.height) / height - 0.5));
    const top = Math.min(Math.max(0, pixels.height - 2), Math.floor(at));
    const fy = at - top;
    const above = top * pixels.width * 3;
    const below = pixels.height > 1 ? above + pixels.width * 3 : above;
    for (let channel = 0; channel < 3; channel++) {
      const gain = 1 / 255 / IMAGENET_DEVIATION[channel]!;
      const offset = -IMAGENET_MEAN[channel]! / IMAGENET_DEVIATION[channel]!;
      const source = 2 - channel; // the net was trained on BGR
      let out = channel * plane + y * width;
      for (let x = 0; x < width; x++) {
        const left = lefts[x]! * 3 + source;
        const fx = rights[x]!;
        const upper = data[above + left]! * (1 - fx) + data[above + left + stepRight]! * fx;
        const lower = data[below + left]! * (1 - fx) + data[below + left + stepRight]! * fx;
        input[out++] = (upper * (1 - fy) + lower * fy) * gain + offset;
      }
    }
  }
  return input;
}

const LINE_HEIGHT = 48;
/** Widths are rounded up to this, so that the runtime re-uses its buffers. */
const WIDTH_STEP = 64;
const MAX_LINE_WIDTH = 2400;
const BATCH = 6;
/** Lines share a batch when the widest is at most this much wider than the narrowest: padding costs as much as text. */
const BATCH_SPREAD = 1.35;

export async function openRecogniser(
  files: Pick<PpocrFiles, 'recognition' | 'characters'>,
): Promise<TextRecogniser> {
  const characters = readFileSync(files.characters, 'utf8').replace(/\r/g, '').replace(/\n$/, '').split('\n');
  const vocabulary = ['', ...characters, ' '];
  const session = await openSession(files.recognition);

  const readBatch = async (strips: Pixels[]): Promise<Reading[]> => {
    const widest = Math.max(...strips.map(({ width }) => width));
    const width = Math.min(MAX_LINE_WIDTH, Math.ceil(widest / WIDTH_STEP) * WIDTH_STEP);
    const input = recognitionInput(strips, width);
    const output = await session.run({
      [session.inputNames[0]!]: new ort.Tensor('float32', input, [strips.length, 3, LINE_HEIGHT, width]),
    });
    const tensor = output[session.outputNames[0]!]!;
    const [, steps, classes] = tensor.dims as [number, number, number];
    if (classes !== vocabulary.length) {
      throw new CinedexError(
        'MODEL_CORRUPT',
        `The recognition net knows ${classes} classes, its character list ${vocabulary.length}.`,
      );
    }
    const data = tensor.data as Float32Array;
    return strips.map((_, index) =>
      decodeCtc(
        data.subarray(index * steps * classes, (index + 1) * steps * classes),
        steps,
        classes,
        vocabulary,
      ),
    );
  };

  return {
    engine: 'ppocr',
    confidenceScale: 1,
    async recognise(picture, quads) {
      const pyramid = new Pyramid(picture);
      const strips = quads.map((quad, index) => ({ index, strip: cropLine(pyramid, quad, LINE_HEIGHT) }));
      strips.sort((a, b) => a.strip.width - b.strip.width);
      const readings = new Array<Reading>(quads.length);
      for (let start = 0; start < strips.length; ) {
        const limit = Math.max(160, strips[start]!.strip.width * BATCH_SPREAD);
        let end = start + 1;
        while (end < strips.length && end - start < BATCH && strips[end]!.strip.width <= limit) end += 1;
        const batch = strips.slice(start, end);
        const read = await readBatch(batch.map(({ strip }) => strip));
        for (const [place, { index }] of batch.entries()) readings[index] = read[place]!;
        start = end;
      }
      return readings;
    },
    close: () => session.release(),
  };
}

/** Blue, green and red planes in -1..1, padded with 0 on the right. */
function recognitionInput(strips: readonly Pixels[], width: number): Float32Array {
  const plane = LINE_HEIGHT * width;
  const input = new Float32Array(strips.length * 3 * plane);
  for (const [index, strip] of strips.entries()) {
    const used = Math.min(strip.width, width);
    for (let y = 0; y < LINE_HEIGHT; y++) {
      let source = y * strip.width * 3;
      let out = index * 3 * plane + y * width;
      for (let x = 0; x < used; x++, source += 3, out++) {
        input[out] = strip.data[source + 2]! / 127.5 - 1;
        input[out + plane] = strip.data[source + 1]! / 127.5 - 1;
        input[out + 2 * plane] = strip.data[source]! / 127.5 - 1;
      }
    }
  }
  return input;
}
