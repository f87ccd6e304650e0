/** Pictures as rows of RGB bytes, and the few operations on them that faces need. */
import sharp from 'sharp';
import { CinedexError } from '../../contracts/errors.ts';

/** `data` holds width × height × 3 bytes: RGB, row after row from the top. */
export interface RgbPicture {
  data: Uint8Array;
  width: number;
  height: number;
}

/** An axis-parallel rectangle in pixels; it may reach beyond the picture. */
export interface PixelBox {
  x: number;
  y: number;
  width: number;
  height: number;
}

const MAX_INPUT_PIXELS = 100_000_000;

/**
 * Decodes a JPEG, PNG or WebP picture upright (EXIF orientation applied), shrunk to fit `maxSide` pixels.
 * @throws CinedexError MEDIA_CORRUPT when it cannot be decoded
 */
export async function decodePicture(encoded: Uint8Array, maxSide: number): Promise<RgbPicture> {
  try {
    const { data, info } = await sharp(encoded, { limitInputPixels: MAX_INPUT_PIXELS })
      .rotate()
      .flatten({ background: '#808080' })
      .toColourspace('srgb')
      .resize({ width: maxSide, height: maxSide, fit: 'inside', withoutEnlargement: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels === 3) return { data, width: info.width, height: info.height };
    const grey = new Uint8Array(info.width * info.height * 3);
    for (let pixel = 0; pixel < info.width * info.height; pixel++) {
      grey.fill(data[pixel * info.channels]!, pixel * 3, pixel * 3 + 3);
    }
    return { data: grey, width: info.width, height: info.height };
  } catch (error) {
    throw new CinedexError('MEDIA_CORRUPT', 'The picture cannot be decoded.', { cause: error });
  }
}

/**
 * The size at which {@link decodePicture} gives a picture, to a pixel, without decoding it.
 * @throws CinedexError MEDIA_CORRUPT
 */
export async function decodedSize(
  encoded: Uint8Array,
  maxSide: number,
): Promise<{ width: number; height: number }> {
  try {
    const { autoOrient } = await sharp(encoded, { limitInputPixels: MAX_INPUT_PIXELS }).metadata();
    const scale = Math.min(1, maxSide / Math.max(autoOrient.width, autoOrient.height));
    const scaled = (side: number) => Math.max(1, Math.round(side * scale));
    return { width: scaled(autoOrient.width), height: scaled(autoOrient.height) };
  } catch (error) {
    throw new CinedexError('MEDIA_CORRUPT', 'The picture cannot be decoded.', { cause: error });
  }
}

/** Resamples to exactly the given size, with smoothing when it shrinks. */
export async function resizePicture(picture: RgbPicture, width: number, height: number): Promise<RgbPicture> {
  if (picture.width === width && picture.height === height) return picture;
  const { data } = await sharp(picture.data, {
    raw: { width: picture.width, height: picture.height, channels: 3 },
  })
    .resize(width, height, { fit: 'fill' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width, height };
}

/** Copies a rectangle at whole pixels; what lies beyond the picture repeats its edge. */
export function cropPicture(
  picture: RgbPicture,
  left: number,
  top: number,
  width: number,
  height: number,
): RgbPicture {
  const data = new Uint8Array(width * height * 3);
  const inside = left >= 0 && left + width <= picture.width;
  for (let row = 0; row < height; row++) {
    const sourceRow = Math.min(picture.height - 1, Math.max(0, top + row)) * picture.width;
    if (inside) {
      const start = (sourceRow + left) * 3;
      data.set(picture.data.subarray(start, start + width * 3), row * width * 3);
      continue;
    }
    for (let column = 0; column < width; column++) {
      const source = (sourceRow + Math.min(picture.width - 1, Math.max(0, left + column))) * 3;
      const target = (row * width + column) * 3;
      data[target] = picture.data[source]!;
      data[target + 1] = picture.data[source + 1]!;
      data[target + 2] = picture.data[source + 2]!;
    }
  }
  return { data, width, height };
}

/** Lays a picture onto the middle of a grey square. */
export function padToSquare(
  picture: RgbPicture,
  side: number,
): { picture: RgbPicture; left: number; top: number } {
  const left = Math.floor((side - picture.width) / 2);
  const top = Math.floor((side - picture.height) / 2);
  const data = new Uint8Array(side * side * 3).fill(128);
  for (let row = 0; row < picture.height; row++) {
    data.set(
      picture.data.subarray(row * picture.width * 3, (row + 1) * picture.width * 3),
      ((top + row) * side + left) * 3,
    );
  }
  return { picture: { data, width: side, height: side }, left, top };
}

/** Whether all of the picture has nearly one colour, so that nothing can be in it. Samples a grid of 32 × 32 points. */
export function isFlat({ data, width, height }: RgbPicture, tolerance = 6): boolean {
  let low = 255;
  let high = 0;
  for (let row = 0; row < 32; row++) {
    for (let column = 0; column < 32; column++) {
      const at = (Math.floor((row * height) / 32) * width + Math.floor((column * width) / 32)) * 3 + 1;
      const green = data[at]!;
      if (green < low) low = green;
      if (green > high) high = green;
    }
  }
  return high - low <= tolerance;
}

/** Luma (BT.601) of every pixel, 0..255. */
export function luma({ data, width, height }: RgbPicture): Float32Array {
  const grey = new Float32Array(width * height);
  for (let pixel = 0; pixel < grey.length; pixel++) {
    grey[pixel] = 0.299 * data[3 * pixel]! + 0.587 * data[3 * pixel + 1]! + 0.114 * data[3 * pixel + 2]!;
  }
  return grey;
}
