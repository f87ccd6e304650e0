/** Finds lines of text without a trained model: letters are regions of even brightness that stand in a row. */
import { type Bounds, boundsQuad, readingOrder } from './geometry.ts';
import type { DetectedText, Grey, Pixels, TextDetector } from './types.ts';

/** Brightness levels at which regions are cut out, both brighter and darker (after MSER, Matas et al. 2002). */
const LEVELS = [60, 95, 130, 165, 200, 228];
const MAX_LETTERS_A_LEVEL = 4000;
const MAX_LINES = 40;
/** Pictures are looked at about this wide, so that captions have letters 10 to 40 pixels high. */
const LOOK_WIDTH = 640;
const MIN_LETTER = { pixels: 8, height: 5, edgeContrast: 22 };
const MAX_LETTER_HEIGHT = 70;

interface Letter extends Bounds {
  width: number;
  height: number;
  pixels: number;
  brightness: number;
  contrast: number;
  strokeWidth: number;
}

interface Line extends Bounds {
  letters: number;
  score: number;
}

/** Upright, horizontal lines only; a picture that is small is enlarged first. */
export function createClassicalDetector(): TextDetector {
  return {
    detect: async (picture) => proposeLines(picture),
    close: async () => undefined,
  };
}

/** @returns quads in pixels of the picture, scored by how many letters they hold and how clearly (0..1) */
export function proposeLines(picture: Pixels): DetectedText[] {
  const factor = picture.width / LOOK_WIDTH;
  const grey = shrinkToGrey(picture, factor);
  const proposals: Line[] = [];
  for (const brighter of [true, false]) {
    for (const level of LEVELS) {
      const letters = lettersAt(grey, level, brighter);
      if (letters.length <= MAX_LETTERS_A_LEVEL) proposals.push(...rowsOf(letters));
    }
  }
  const lines = joinPieces(withoutDoubles(proposals));
  const found = lines.map((line) => {
    const margin = 1 + (line.bottom - line.top) * 0.08;
    const clip = (value: number, limit: number) => Math.min(limit, Math.max(0, value * factor));
    const quad = boundsQuad({
      left: clip(line.left - margin, picture.width),
      right: clip(line.right + 1 + margin, picture.width),
      top: clip(line.top - margin, picture.height),
      bottom: clip(line.bottom + 1 + margin, picture.height),
    });
    return { quad, score: Math.min(1, line.score / 20) };
  });
  return readingOrder(found, 10);
}

/** Mean brightness over `factor` × `factor` pixels; below 1 the picture is enlarged (bilinear). */
function shrinkToGrey({ data, width, height }: Pixels, factor: number): Grey {
  const outWidth = Math.max(1, Math.round(width / factor));
  const outHeight = Math.max(1, Math.round(height / factor));
  const out = new Uint8Array(outWidth * outHeight);
  const brightness = (x: number, y: number) => {
    const i = (y * width + x) * 3;
    return data[i]! * 77 + data[i + 1]! * 150 + data[i + 2]! * 29;
  };
  for (let y = 0; y < outHeight; y++) {
    const sourceY = Math.min(height - 1, Math.max(0, (y + 0.5) * factor - 0.5));
    const top = Math.min(Math.max(0, height - 2), Math.floor(sourceY));
    const fy = sourceY - top;
    for (let x = 0; x < outWidth; x++) {
      const sourceX = Math.min(width - 1, Math.max(0, (x + 0.5) * factor - 0.5));
      const left = Math.min(Math.max(0, width - 2), Math.floor(sourceX));
      const fx = sourceX - left;
      const right = Math.min(width - 1, left + 1);
      const below = Math.min(height - 1, top + 1);
      const upper = brightness(left, top) * (1 - fx) + brightness(right, top) * fx;
      const lower = brightness(left, below) * (1 - fx) + brightness(right, below) * fx;
      out[y * outWidth + x] = (upper * (1 - fy) + lower * fy) / 256;
    }
  }
  return { data: out, width: outWidth, height: outHeight };
}

function lettersAt({ data, width, height }: Grey, level: number, brighter: boolean): Letter[] {
  const inside = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) inside[i] = data[i]! > level === brighter ? 1 : 0;
  const stack = new Int32Array(data.length);
  const letters: Letter[] = [];
  for (let seed = 0; seed < inside.length; seed++) {
    if (inside[seed] !== 1) continue;
    let depth = 0;
    stack[depth++] = seed;
    inside[seed] = 2;
    let [left, right, top, bottom] = [width, 0, height, 0];
    let [pixels, sum, edge, contrast] = [0, 0, 0, 0];
    const visit = (from: number, to: number) => {
      const state = inside[to]!;
      if (state === 1) {
        inside[to] = 2;
        stack[depth++] = to;
      } else if (state === 0) {
        edge += 1;
        contrast += Math.abs(data[from]! - data[to]!);
      }
    };
    while (depth > 0) {
      const i = stack[--depth]!;
      const y = (i / width) | 0;
      const x = i - y * width;
      pixels += 1;
      sum += data[i]!;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
      if (x > 0) visit(i, i - 1);
      if (x < width - 1) visit(i, i + 1);
      if (y > 0) visit(i, i - width);
      if (y < height - 1) visit(i, i + width);
    }
    const onBorder = left === 0 || top === 0 || right === width - 1 || bottom === height - 1;
    if (onBorder || edge === 0) continue;
    const letter: Letter = {
      ...{ left, right, top, bottom, pixels },
      width: right - left + 1,
      height: bottom - top + 1,
      brightness: sum / pixels,
      contrast: contrast / edge,
      strokeWidth: (2 * pixels) / edge,
    };
    if (looksLikeLetter(letter)) letters.push(letter);
  }
  return letters;
}

function looksLikeLetter({ pixels, width, height, strokeWidth, contrast }: Letter): boolean {
  if (pixels < MIN_LETTER.pixels || height < MIN_LETTER.height || height > MAX_LETTER_HEIGHT) return false;
  if (width < 2 || width > 5 * height + 20) return false;
  if (pixels / (width * height) > 0.92 && height <= 2 * width) return false;
  return strokeWidth <= 0.45 * height && contrast >= MIN_LETTER.edgeContrast;
}

/** Groups letters of one height, brightness and stroke width that stand beside each other. */
function rowsOf(letters: Letter[]): Line[] {
  letters.sort((a, b) => a.left - b.left);
  const parents = letters.map((_, index) => index);
  const root = (index: number): number => {
    let at = index;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]!]!;
      at = parents[at]!;
    }
    return at;
  };
  for (let i = 0; i < letters.length; i++) {
    for (let j = i + 1; j < letters.length; j++) {
      const a = letters[i]!;
      const b = letters[j]!;
      const taller = Math.max(a.height, b.height);
      if (b.left - a.left > 6 * taller + 80) break;
      if (areNeighbours(a, b, taller)) parents[root(i)] = root(j);
    }
  }
  const groups = new Map<number, Letter[]>();
  for (const [index, letter] of letters.entries()) {
    const key = root(index);
    const group = groups.get(key);
    if (group) group.push(letter);
    else groups.set(key, [letter]);
  }
  return [...groups.values()].map(lineOf).filter((line) => line !== null);
}

function areNeighbours(a: Letter, b: Letter, taller: number): boolean {
  const lower = Math.min(a.height, b.height);
  if (b.left - a.right > taller || taller > 2.4 * lower) return false;
  if (Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) < 0.55 * lower) return false;
  if (Math.abs(a.brightness - b.brightness) > 22) return false;
  return Math.max(a.strokeWidth, b.strokeWidth) <= 2.2 * Math.min(a.strokeWidth, b.strokeWidth);
}

function lineOf(letters: Letter[]): Line | null {
  if (letters.length < 3) return null;
  const heights = letters.map(({ height }) => height).sort((a, b) => a - b);
  const typical = heights[Math.floor(heights.length * 0.75)]!;
  const left = Math.min(...letters.map((letter) => letter.left));
  const right = Math.max(...letters.map((letter) => letter.right));
  const top = Math.min(...letters.map((letter) => letter.top));
  const bottom = Math.max(...letters.map((letter) => letter.bottom));
  if (bottom - top > 2.2 * typical || right - left < 1.8 * typical) return null;
  const total = (value: (letter: Letter) => number) =>
    letters.reduce((sum, letter) => sum + value(letter), 0);
  const ink = total(({ pixels }) => pixels) / ((right - left + 1) * (bottom - top + 1));
  if (ink < 0.08 || ink > 0.75) return null;
  const cover = total(({ width }) => width) / (right - left + 1);
  if (cover < 0.4) return null;
  const contrast = total((letter) => letter.contrast) / letters.length;
  const score = letters.length * Math.min(1, contrast / 60) * Math.min(1.2, cover);
  return { left, right, top, bottom, letters: letters.length, score };
}

/** Of lines that cover each other by half, the best one. */
function withoutDoubles(lines: Line[]): Line[] {
  const area = (line: Bounds) => (line.right - line.left) * (line.bottom - line.top);
  const kept: Line[] = [];
  for (const line of lines.sort((a, b) => b.score - a.score)) {
    const doubled = kept.some((other) => {
      const width = Math.min(line.right, other.right) - Math.max(line.left, other.left);
      const height = Math.min(line.bottom, other.bottom) - Math.max(line.top, other.top);
      return width > 0 && height > 0 && width * height > 0.5 * Math.min(area(line), area(other));
    });
    if (doubled) continue;
    kept.push(line);
    if (kept.length === MAX_LINES) break;
  }
  return kept;
}

/** Words of one line that stand further apart than letters do. */
function joinPieces(lines: Line[]): Line[] {
  const joined = [...lines];
  const findPair = (): [number, number] | null => {
    for (let i = 0; i < joined.length; i++) {
      for (let j = 0; j < joined.length; j++) {
        if (i !== j && followsOn(joined[i]!, joined[j]!)) return [i, j];
      }
    }
    return null;
  };
  for (let pair = findPair(); pair; pair = findPair()) {
    const a = joined[pair[0]]!;
    const b = joined[pair[1]]!;
    joined[pair[0]] = {
      left: Math.min(a.left, b.left),
      right: Math.max(a.right, b.right),
      top: Math.min(a.top, b.top),
      bottom: Math.max(a.bottom, b.bottom),
      letters: a.letters + b.letters,
      score: a.score + b.score,
    };
    joined.splice(pair[1], 1);
  }
  return joined;
}

function followsOn(a: Line, b: Line): boolean {
  const heights = [a.bottom - a.top, b.bottom - b.top] as const;
  const higher = Math.max(...heights);
  const lower = Math.min(...heights);
  const shared = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return b.left >= a.left && b.left - a.right < 1.2 * higher && shared > 0.7 * lower && lower > 0.55 * higher;
}
