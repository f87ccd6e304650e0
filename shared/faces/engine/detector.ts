/**
 * Finds faces: the full-range MediaPipe detector (BlazeFace family, Bazarevsky et al. 2019) on the whole picture and,
 * for small faces, on windows of it.
 *
 * The model's output is decoded here and not by `@tensorflow-models/face-detection`: that package runs one window at a
 * time and decodes with many small tensor operations, which together costs twice as much. A test holds both equal.
 */
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import type { ModelStore } from '../../models/store.ts';
import { release } from '../../release.ts';
import { detectorArtifacts } from '../weights/graph-model.ts';
import { cropPicture, isFlat, type PixelBox, padToSquare, type RgbPicture, resizePicture } from './pixels.ts';
import { suppressNonMaximal } from './suppression.ts';

export const DETECTOR_MODEL = 'face-detector-full-range';

/** Side of the detector's square input. */
export const WINDOW = 192;

export interface Point {
  x: number;
  y: number;
}

/** In the order of MediaPipe: the subject's right eye is on the left of the picture. */
export interface DetectedFace {
  box: PixelBox;
  score: number;
  /** Right eye, left eye, nose tip, mouth centre, right ear, left ear; in pixels of the picture. */
  keyPoints: Point[];
}

export interface DetectionWindows {
  /** Side in pixels of the picture that one window of the detector covers. */
  side: number;
  /** Least shared width of neighbours, in pixels of the picture: faces up to this size are whole in one of them. */
  overlap: number;
}

/** Fifteen windows of 1280 × 720: a face of 40 pixels is 24 wide in them, enough to be sure of without a second look. */
export const SMALL_FACE_WINDOWS: DetectionWindows = { side: 320, overlap: 80 };

/** What scores this much at first sight is taken for a face. */
const SURE_SCORE = 0.7;
/** What scores between this and the former is looked at again, enlarged: small faces score low, and so does noise. */
const HINT_SCORE = 0.15;
/** Least score of an enlarged look. */
const CONFIRMED_SCORE = 0.5;
/** Most hints of a picture that are followed, the best first. */
const MAX_HINTS = 4;
/** Side of the enlarged window, in widths of the face: at its best size for the detector. */
const ENLARGED = 5;
/** Least side of a focused window, in pixels of the picture. */
const MIN_FOCUS = 96;
/** Windows computed together: saves a third of the time against one by one, at ~10 MB a window. */
const MAX_BATCH = 8;
/** Share of the longer side from which a face is surely seen in the whole picture. */
const SEEN_WHOLE = 0.09;
/** The model's grid of anchors, one a cell. */
const GRID = 48;
/** Centre, size, and six key points. */
const VALUES_PER_BOX = 16;
const KEY_POINTS = 6;

/** What the model says of some windows: windows × anchors, and windows × anchors × 16 values. */
interface Inferred {
  scores: Float32Array;
  boxes: Float32Array;
}

/** A cut of the picture of the detector's size, and how its pixels lie in the picture. */
interface Window {
  pixels: RgbPicture;
  scale: number;
  left: number;
  top: number;
  /** Edges of the window that are not edges of the picture: what touches them is probably cut off. */
  inner: { left: boolean; top: boolean; right: boolean; bottom: boolean };
}

const NO_INNER_EDGES = { left: false, top: false, right: false, bottom: false };

/** Starts of windows of `size` that cover `length` with at least `overlap` shared, evenly spread. */
export function windowStarts(length: number, size: number, overlap: number): number[] {
  if (length <= size) return [0];
  const count = Math.ceil((length - overlap) / (size - overlap));
  return Array.from({ length: count }, (_, index) => Math.round((index * (length - size)) / (count - 1)));
}

export class FaceDetector {
  readonly #model: tf.GraphModel;
  readonly #input = new Float32Array(MAX_BATCH * WINDOW * WINDOW * 3);
  /** Windows computed so far: the unit of cost. */
  runs = 0;

  private constructor(model: tf.GraphModel) {
    this.#model = model;
  }

  /** @throws CinedexError MODEL_MISSING, MODEL_CORRUPT */
  static async load(models: ModelStore): Promise<FaceDetector> {
    const bytes = await readFile(models.file(DETECTOR_MODEL, 'face_detection_full_range.tflite'));
    return new FaceDetector(await tf.loadGraphModel({ load: async () => detectorArtifacts(bytes) }));
  }

  /**
   * The whole picture in one window: faces from about an eighth of its longer side.
   * @param shrunk the picture at the detector's size or larger
   * @param longer the picture's longer side, pixels
   * @param open the picture itself, for a closer look
   */
  async whole(shrunk: RgbPicture, longer: number, open: () => Promise<RgbPicture>): Promise<DetectedFace[]> {
    const window = { ...(await fittedWindow(shrunk, WINDOW)), scale: WINDOW / longer };
    return this.#detect(open, [window]);
  }

  /** The whole picture and windows of it: faces from about a fifteenth of a window's side. */
  async withWindows(picture: RgbPicture, windows = SMALL_FACE_WINDOWS): Promise<DetectedFace[]> {
    const all = [await fittedWindow(picture, WINDOW)];
    if (Math.max(picture.width, picture.height) > windows.side)
      all.push(...(await smallWindows(picture, windows)));
    return this.#detect(async () => picture, all);
  }

  /**
   * Looks again where faces were a moment ago: one window for all that are large, and one around each that is small.
   * @param expected boxes in pixels of the picture
   */
  async near(picture: RgbPicture, expected: readonly PixelBox[]): Promise<DetectedFace[]> {
    const longer = Math.max(picture.width, picture.height);
    const small = expected.filter(({ width }) => width < longer * SEEN_WHOLE);
    const all = small.length === expected.length ? [] : [await fittedWindow(picture, WINDOW)];
    all.push(...(await focusedWindows(picture, small)));
    return this.#detect(async () => picture, all);
  }

  /** For a picture that a face may fill up to its edges, as portraits do: it is looked at with room around it. */
  async withMargin(picture: RgbPicture): Promise<DetectedFace[]> {
    return this.#detect(async () => picture, [await fittedWindow(picture, Math.round(WINDOW * 0.6))]);
  }

  dispose(): void {
    this.#model.dispose();
  }

  /** First sight on the given windows, then an enlarged second look at what was unsure. */
  async #detect(open: () => Promise<RgbPicture>, windows: Window[]): Promise<DetectedFace[]> {
    const first = this.#firstSight(windows, HINT_SCORE);
    const sure = first.filter(({ score }) => score >= SURE_SCORE);
    const hints = first.filter(({ score }) => score < SURE_SCORE).slice(0, MAX_HINTS);
    if (hints.length === 0) return sure;
    const enlarged = await focusedWindows(
      await open(),
      hints.map(({ box }) => box),
    );
    return suppressNonMaximal([...sure, ...this.#firstSight(enlarged, CONFIRMED_SCORE)]);
  }

  /** Best first. */
  #firstSight(windows: Window[], minScore: number): DetectedFace[] {
    const found: DetectedFace[] = [];
    for (let start = 0; start < windows.length; start += MAX_BATCH) {
      const batch = windows.slice(start, start + MAX_BATCH);
      const output = this.#infer(batch);
      for (const [index, window] of batch.entries()) found.push(...decode(output, index, window, minScore));
      release(output.scores, output.boxes);
    }
    return suppressNonMaximal(found);
  }

  #infer(windows: Window[]): Inferred {
    this.runs += windows.length;
    const size = WINDOW * WINDOW * 3;
    const input = this.#input.subarray(0, windows.length * size);
    for (const [index, { pixels }] of windows.entries()) {
      const offset = index * size;
      for (let at = 0; at < size; at++) input[offset + at] = pixels.data[at]! / 127.5 - 1;
    }
    const tensor = tf.tensor4d(input, [windows.length, WINDOW, WINDOW, 3]);
    const outputs = this.#model.execute(tensor, ['scores:0', 'boxes:0']) as [tf.Tensor, tf.Tensor];
    try {
      const [scores, boxes] = outputs;
      return { scores: scores.dataSync<'float32'>(), boxes: boxes.dataSync<'float32'>() };
    } finally {
      tf.dispose([tensor, ...outputs]);
    }
  }
}

/** Windows around small boxes, enlarged; neighbours share one. What a cut-off box is, an enlarged look shows. */
async function focusedWindows(picture: RgbPicture, boxes: readonly PixelBox[]): Promise<Window[]> {
  const longer = Math.max(picture.width, picture.height);
  const covered: PixelBox[] = [];
  const windows: Window[] = [];
  for (const box of boxes) {
    if (covered.some((window) => window.width <= box.width * 2 * ENLARGED && contains(window, box))) continue;
    const side = Math.round(Math.max(MIN_FOCUS, Math.min(longer * 1.5, box.width * ENLARGED)));
    const left = Math.round(box.x + box.width / 2 - side / 2);
    const top = Math.round(box.y + box.height / 2 - side / 2);
    covered.push({ x: left, y: top, width: side, height: side });
    const scale = WINDOW / side;
    windows.push({
      pixels: await resizePicture(cropPicture(picture, left, top, side, side), WINDOW, WINDOW),
      scale,
      left: left * scale,
      top: top * scale,
      inner: NO_INNER_EDGES,
    });
  }
  return windows;
}

/** A box with room around it for the face to move. */
function contains(window: PixelBox, box: PixelBox): boolean {
  const room = box.width / 2;
  return (
    box.x - room >= window.x &&
    box.y - room >= window.y &&
    box.x + box.width + room <= window.x + window.width &&
    box.y + box.height + room <= window.y + window.height
  );
}

async function fittedWindow(picture: RgbPicture, side: number): Promise<Window> {
  const scale = side / Math.max(picture.width, picture.height);
  const { picture: pixels, left, top } = padToSquare(await scaledCopy(picture, scale), WINDOW);
  return { pixels, scale, left: -left, top: -top, inner: NO_INNER_EDGES };
}

async function smallWindows(picture: RgbPicture, { side, overlap }: DetectionWindows): Promise<Window[]> {
  // One shrunken copy serves all windows: each is then a plain cut of the detector's size.
  const scale = WINDOW / side;
  const shrunk = await scaledCopy(picture, scale);
  const width = Math.max(WINDOW, shrunk.width);
  const height = Math.max(WINDOW, shrunk.height);
  const windows: Window[] = [];
  for (const top of windowStarts(height, WINDOW, Math.round(overlap * scale))) {
    for (const left of windowStarts(width, WINDOW, Math.round(overlap * scale))) {
      const pixels = cropPicture(shrunk, left, top, WINDOW, WINDOW);
      if (isFlat(pixels)) continue;
      const inner = {
        left: left > 0,
        top: top > 0,
        right: left + WINDOW < width,
        bottom: top + WINDOW < height,
      };
      windows.push({ pixels, scale, left, top, inner });
    }
  }
  if (shrunk !== picture) release(shrunk.data);
  return windows;
}

function scaledCopy(picture: RgbPicture, scale: number): Promise<RgbPicture> {
  return resizePicture(
    picture,
    Math.max(1, Math.round(picture.width * scale)),
    Math.max(1, Math.round(picture.height * scale)),
  );
}

/** Reads the faces of one window out of the model's output: offsets from the anchors, in pixels of the window. */
function decode(
  { scores, boxes }: Inferred,
  index: number,
  window: Window,
  minScore: number,
): DetectedFace[] {
  const found: DetectedFace[] = [];
  const x = (value: number) => (value + window.left) / window.scale;
  const y = (value: number) => (value + window.top) / window.scale;
  for (let anchor = 0; anchor < GRID * GRID; anchor++) {
    const probability = 1 / (1 + Math.exp(-scores[index * GRID * GRID + anchor]!));
    if (probability < minScore) continue;
    const at = (index * GRID * GRID + anchor) * VALUES_PER_BOX;
    const anchorX = (((anchor % GRID) + 0.5) * WINDOW) / GRID;
    const anchorY = ((Math.floor(anchor / GRID) + 0.5) * WINDOW) / GRID;
    const width = boxes[at + 2]!;
    const height = boxes[at + 3]!;
    const left = anchorX + boxes[at]! - width / 2;
    const top = anchorY + boxes[at + 1]! - height / 2;
    if (!(width > 0 && height > 0)) continue;
    found.push({
      score: isCutOff({ x: left, y: top, width, height }, window) ? probability * 0.8 : probability,
      box: { x: x(left), y: y(top), width: width / window.scale, height: height / window.scale },
      keyPoints: Array.from({ length: KEY_POINTS }, (_, point) => ({
        x: x(anchorX + boxes[at + 4 + 2 * point]!),
        y: y(anchorY + boxes[at + 5 + 2 * point]!),
      })),
    });
  }
  return found;
}

function isCutOff(box: PixelBox, { inner }: Window): boolean {
  const margin = 2;
  return (
    (inner.left && box.x < margin) ||
    (inner.top && box.y < margin) ||
    (inner.right && box.x + box.width > WINDOW - margin) ||
    (inner.bottom && box.y + box.height > WINDOW - margin)
  );
}
