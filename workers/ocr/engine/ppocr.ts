/** PP-OCRv4 on onnxruntime: a DBNet finds lines, an SVTR net reads them (Du et al. 2020, arXiv:2009.09941, and later). */
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { release } from '../../../shared/release.ts';
import { findComponents } from './components.ts';
import { cropLine, pyramidOf } from './crop.ts';
import { decodeCtc } from './ctc.ts';
import { type BoxOptions, boxesFromMap } from './db-boxes.ts';
import { type Bounds, joinOverlapping, overlap, quadBounds, readingOrder } from './geometry.ts';
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
  const run = async (picture: Pixels, grid: MapGrid, window: MapWindow): Promise<Float32Array> => {
    const input = detectionInput(picture, grid, window);
    const output = await session.run({
      [session.inputNames[0]!]: new ort.Tensor('float32', input, [1, 3, window.height, window.width]),
    });
    release(input);
    return output[session.outputNames[0]!]!.data as Float32Array;
  };
  const detectIn = async (picture: Pixels, grid: MapGrid, window: MapWindow): Promise<DetectedText[]> => {
    const map = await run(picture, grid, window);
    const boxes = boxesFromMap(map, window.width, window.height, options);
    release(map);
    return boxes.map(({ quad, score }) => ({
      score,
      quad: quad.map(([x, y]): Point => [x + window.left, y + window.top]) as Quad,
    }));
  };
  return {
    async detect(picture, places) {
      const grid = mapGrid(picture, side);
      const whole: MapWindow = { left: 0, top: 0, ...grid };
      const windows = places?.map((place) => windowOf(place, picture, grid)) ?? [whole];
      const area = windows.reduce((sum, { width, height }) => sum + width * height, 0);
      let found: DetectedText[] | null = null;
      if (area <= MOST_IN_PLACES * grid.width * grid.height) {
        const inPlaces: DetectedText[] = [];
        for (const window of windows) {
          const here = await detectIn(picture, grid, window);
          // Windows are rounded up and may overlap.
          inPlaces.push(
            ...here.filter(({ quad }) => !inPlaces.some((other) => overlap(other.quad, quad) > 0.5)),
          );
        }
        // A line that reaches over the edge of a place is longer than what was seen of it.
        if (!inPlaces.some(({ quad }) => windows.some((window) => cutBy(quad, window, grid))))
          found = inPlaces;
      }
      found ??= await detectIn(picture, grid, whole);
      const scaleX = picture.width / grid.width;
      const scaleY = picture.height / grid.height;
      return readingOrder(
        found.map(({ quad, score }) => ({
          score,
          quad: quad.map(
            ([x, y]): Point => [
              Math.min(picture.width, Math.max(0, x * scaleX)),
              Math.min(picture.height, Math.max(0, y * scaleY)),
            ],
          ) as Quad,
        })),
        SAME_ROW,
      );
    },
    async glance(picture, letters = 'all') {
      const grid = mapGrid(picture, side * GLANCE_SIDE[letters]);
      const map = await run(picture, grid, { left: 0, top: 0, ...grid });
      const mask = new Uint8Array(map.length);
      for (let i = 0; i < mask.length; i++) mask[i] = map[i]! > GLANCE_THRESHOLD ? 1 : 0;
      release(map);
      const scaleX = picture.width / grid.width;
      const scaleY = picture.height / grid.height;
      const places = findComponents(mask, grid.width, grid.height).components.map((part) => {
        // The net marks the middle of a line only; a second line may be beside it.
        const reach = GLANCE_MARGIN + 1.5 * (part.bottom - part.top + 1);
        return {
          left: (part.left - reach) * scaleX,
          right: (part.right + 1 + reach) * scaleX,
          top: (part.top - reach) * scaleY,
          bottom: (part.bottom + 1 + reach) * scaleY,
        };
      });
      return joinOverlapping(places);
    },
    close: () => session.release(),
  };
}

/** A glance is a look at a picture of this share of the full look's side ... */
const GLANCE_SIDE = { all: 0.6, large: 0.25 };
/** ... in which any faint answer of the net counts. */
const GLANCE_THRESHOLD = 0.05;
/** Pixels of the glance's map. */
const GLANCE_MARGIN = 12;
/** Places that cover more of the picture than this are dearer than the whole of it. */
const MOST_IN_PLACES = 0.6;

/** Size of the net's picture of a whole picture. */
interface MapGrid {
  width: number;
  height: number;
}

/** Part of it, the sides multiples of 32. */
interface MapWindow extends MapGrid {
  left: number;
  top: number;
}

function mapGrid({ width, height }: Pixels, side: number): MapGrid {
  const scale = side / Math.max(width, height);
  return { width: mapSide(width * scale), height: mapSide(height * scale) };
}

/** The window around a place; small ones get a surrounding, without which the net sees less. */
function windowOf(place: Bounds, picture: Pixels, grid: MapGrid): MapWindow {
  const along = (from: number, to: number, pixels: number, length: number): [start: number, size: number] => {
    const start = Math.max(0, Math.floor((from * length) / pixels));
    const end = Math.min(length, Math.ceil((to * length) / pixels));
    const size = Math.min(length, Math.max(MIN_WINDOW, Math.ceil((end - start) / 32) * 32));
    const middle = Math.round((start + end - size) / 2);
    return [Math.max(0, Math.min(length - size, middle)), size];
  };
  const [left, width] = along(place.left, place.right, picture.width, grid.width);
  const [top, height] = along(place.top, place.bottom, picture.height, grid.height);
  return { left, top, width, height };
}

const MIN_WINDOW = 96;

function cutBy(quad: Quad, window: MapWindow, grid: MapGrid): boolean {
  const { left, right, top, bottom } = quadBounds(quad);
  const inside =
    right > window.left &&
    left < window.left + window.width &&
    bottom > window.top &&
    top < window.top + window.height;
  return (
    inside &&
    ((left <= window.left && window.left > 0) ||
      (right >= window.left + window.width && window.left + window.width < grid.width) ||
      (top <= window.top && window.top > 0) ||
      (bottom >= window.top + window.height && window.top + window.height < grid.height))
  );
}

/** The net halves its input five times, so sides are multiples of 32. */
function mapSide(wanted: number): number {
  return Math.min(MAX_MAP_SIDE, Math.max(32, Math.round(wanted / 32) * 32));
}

/** Blue, green and red planes of a part of the picture, resized and normalised in one go. */
function detectionInput(picture: Pixels, grid: MapGrid, window: MapWindow): Float32Array {
  const { width, height } = window;
  const shrink = Math.min(picture.width / grid.width, picture.height / grid.height);
  const level = shrink >= 1.8 ? Math.floor(Math.log2(shrink / 0.9)) : 0;
  const { pixels } = pyramidOf(picture).level(level);
  const plane = width * height;
  const input = new Float32Array(3 * plane);
  const { data } = pixels;
  const lefts = new Int32Array(width);
  const rights = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const at = Math.min(
      pixels.width - 1,
      Math.max(0, ((window.left + x + 0.5) * pixels.width) / grid.width - 0.5),
    );
    lefts[x] = Math.min(Math.max(0, pixels.width - 2), Math.floor(at));
    rights[x] = at - lefts[x]!;
  }
  const stepRight = pixels.width > 1 ? 3 : 0;
  for (let y = 0; y < height; y++) {
    const at = Math.min(
      pixels.height - 1,
      Math.max(0, ((window.top + y + 0.5) * pixels.height) / grid.height - 0.5),
    );
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
    release(input);
    const tensor = output[session.outputNames[0]!]!;
    const [, steps, classes] = tensor.dims as [number, number, number];
    if (classes !== vocabulary.length) {
      throw new CinedexError(
        'MODEL_CORRUPT',
        `The recognition net knows ${classes} classes, its character list ${vocabulary.length}.`,
      );
    }
    const data = tensor.data as Float32Array;
    const readings = strips.map((_, index) =>
      decodeCtc(
        data.subarray(index * steps * classes, (index + 1) * steps * classes),
        steps,
        classes,
        vocabulary,
      ),
    );
    release(data);
    return readings;
  };

  return {
    engine: 'ppocr',
    confidenceScale: 1,
    async recognise(picture, quads) {
      const pyramid = pyramidOf(picture);
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
