/** Cuts lines of text out of a picture and lays them flat. */
import { release } from '../../../shared/release.ts';
import { type Bounds, quadBounds, quadSize } from './geometry.ts';
import type { Pixels, Point, Quad } from './types.ts';

/** A picture and its halves, made when first asked for: big text is read from a smaller one without aliasing. */
export class Pyramid {
  readonly #levels: Pixels[];

  constructor(picture: Pixels) {
    this.#levels = [picture];
  }

  get picture(): Pixels {
    return this.#levels[0]!;
  }

  /** Frees the memory of all of them; the picture is of no use afterwards. */
  release(): void {
    release(...this.#levels.map(({ data }) => data));
  }

  /** The picture shrunk by 2^level; the smallest there can be when it has no more pixels to halve. */
  level(level: number): { pixels: Pixels; factor: number } {
    const index = this.#within(level);
    while (this.#levels.length <= index) this.#levels.push(halve(this.#levels.at(-1)!));
    return { pixels: this.#levels[index]!, factor: 2 ** index };
  }

  /** Of the picture shrunk by 2^level what these bounds touch: a line covers little of it, and the rest need not be made. */
  part(level: number, { left, right, top, bottom }: Bounds): PyramidPart {
    const index = this.#within(level);
    const factor = 2 ** index;
    const { width, height } = this.picture;
    const whole = { factor, wholeWidth: width >> index, wholeHeight: height >> index };
    const made = this.#levels[index];
    if (made) return { ...whole, pixels: made, left: 0, top: 0 };
    const first = (value: number, limit: number) =>
      Math.max(0, Math.min(limit - 1, Math.floor(value / factor) - PART_MARGIN));
    const end = (value: number, limit: number) =>
      Math.min(limit, Math.max(1, Math.ceil(value / factor) + PART_MARGIN));
    const part = {
      left: first(left, whole.wholeWidth),
      top: first(top, whole.wholeHeight),
      right: end(right, whole.wholeWidth),
      bottom: end(bottom, whole.wholeHeight),
    };
    let pixels = halve(this.picture, {
      left: part.left * factor,
      top: part.top * factor,
      right: part.right * factor,
      bottom: part.bottom * factor,
    });
    for (let halved = 1; halved < index; halved++) pixels = halve(pixels);
    return { ...whole, pixels, left: part.left, top: part.top };
  }

  #within(level: number): number {
    const shorter = Math.min(this.picture.width, this.picture.height);
    let index = 0;
    while (index < level && shorter >> index >= 4) index += 1;
    return index;
  }
}

/** A part of a level of a pyramid. */
interface PyramidPart {
  pixels: Pixels;
  factor: number;
  /** Where the part begins, and how large all of the level is, pixels of the level. */
  left: number;
  top: number;
  wholeWidth: number;
  wholeHeight: number;
}

/** Between two pixels both are needed, and coordinates are rounded: pixels of a level around what is asked for. */
const PART_MARGIN = 2;

const pyramids = new WeakMap<Pixels, Pyramid>();

/** The one pyramid of a picture, so that nobody halves it twice. */
export function pyramidOf(picture: Pixels): Pyramid {
  let pyramid = pyramids.get(picture);
  if (!pyramid) {
    pyramid = new Pyramid(picture);
    pyramids.set(picture, pyramid);
  }
  return pyramid;
}

/** @param within even coordinates; default: all of it */
function halve({ data, width, height }: Pixels, within?: Bounds): Pixels {
  const { left, top, right, bottom } = within ?? { left: 0, top: 0, right: width, bottom: height };
  const halfWidth = (right - left) >> 1;
  const halfHeight = (bottom - top) >> 1;
  const half = new Uint8Array(halfWidth * halfHeight * 3);
  let out = 0;
  for (let y = 0; y < halfHeight; y++) {
    let above = ((top + 2 * y) * width + left) * 3;
    for (let x = 0; x < halfWidth; x++, above += 6) {
      const below = above + width * 3;
      for (let c = 0; c < 3; c++) {
        half[out++] =
          (data[above + c]! + data[above + 3 + c]! + data[below + c]! + data[below + 3 + c]! + 2) >> 2;
      }
    }
  }
  return { data: half, width: halfWidth, height: halfHeight };
}

/** A line this much taller than wide is read as a column: turned so that its right side comes to the top. */
const COLUMN_RATIO = 1.5;

export function isColumn(quad: Quad): boolean {
  const { width, height } = quadSize(quad);
  return height >= COLUMN_RATIO * width;
}

/** A column of upright characters, as Chinese is written downwards, with the characters side by side (square cells). */
export function cropColumn(pyramid: Pyramid, quad: Quad, height: number): Pixels {
  const size = quadSize(quad);
  const count = Math.max(1, Math.round(size.height / (size.width || 1)));
  const [a, b, c, d] = quad;
  const between = (from: Point, to: Point, share: number): Point => [
    from[0] + (to[0] - from[0]) * share,
    from[1] + (to[1] - from[1]) * share,
  ];
  const cells = Array.from({ length: count }, (_, i) =>
    cropLine(
      pyramid,
      [
        between(a, d, i / count),
        between(b, c, i / count),
        between(b, c, (i + 1) / count),
        between(a, d, (i + 1) / count),
      ],
      height,
    ),
  );
  const width = cells.reduce((sum, cell) => sum + cell.width, 0);
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    let at = row * width * 3;
    for (const cell of cells) {
      data.set(cell.data.subarray(row * cell.width * 3, (row + 1) * cell.width * 3), at);
      at += cell.width * 3;
    }
  }
  return { data, width, height };
}

const MIN_WIDTH = 8;
const MAX_WIDTH = 4096;

/**
 * The quad as an upright strip of the given height, as wide as its sides ask for (bilinear).
 *
 * @param quad pixels of the full picture; it may reach over the edge, which is repeated
 */
export function cropLine(pyramid: Pyramid, quad: Quad, height: number): Pixels {
  let [a, b, c, d] = quad;
  let size = quadSize(quad);
  if (size.height >= COLUMN_RATIO * size.width) {
    [a, b, c, d] = [b, c, d, a];
    size = { width: size.height, height: size.width };
  }
  const width = Math.min(
    MAX_WIDTH,
    Math.max(MIN_WIDTH, Math.round((size.width * height) / (size.height || 1))),
  );
  const shrink = size.height / height;
  const part = pyramid.part(shrink > 1.8 ? Math.ceil(Math.log2(shrink / 1.8)) : 0, quadBounds(quad));
  const { pixels, factor } = part;
  const source = pixels.data;
  const stride = pixels.width * 3;
  const maxX = part.wholeWidth - 1.001;
  const maxY = part.wholeHeight - 1.001;
  const strip = new Uint8Array(width * height * 3);
  let out = 0;
  for (let row = 0; row < height; row++) {
    const v = (row + 0.5) / height;
    const leftX = (a[0] + (d[0] - a[0]) * v) / factor;
    const leftY = (a[1] + (d[1] - a[1]) * v) / factor;
    const stepX = ((b[0] + (c[0] - b[0]) * v) / factor - leftX) / width;
    const stepY = ((b[1] + (c[1] - b[1]) * v) / factor - leftY) / width;
    for (let column = 0; column < width; column++) {
      const x = Math.min(maxX, Math.max(0, leftX + stepX * (column + 0.5) - 0.5));
      const y = Math.min(maxY, Math.max(0, leftY + stepY * (column + 0.5) - 0.5));
      const left = x | 0;
      const top = y | 0;
      const fx = x - left;
      const fy = y - top;
      const above = (top - part.top) * stride + (left - part.left) * 3;
      const below = above + stride;
      for (let channel = 0; channel < 3; channel++) {
        const upper = source[above + channel]! * (1 - fx) + source[above + 3 + channel]! * fx;
        const lower = source[below + channel]! * (1 - fx) + source[below + 3 + channel]! * fx;
        strip[out++] = upper * (1 - fy) + lower * fy + 0.5;
      }
    }
  }
  return { data: strip, width, height };
}
