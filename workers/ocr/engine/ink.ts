/** Finds out which pixels of a line's strip are the letters: by their colour, not by their brightness alone. */
import { type Component, findComponents } from './components.ts';
import type { Grey, Pixels } from './types.ts';

export interface Ink {
  /** Median colour of the letters. */
  colour: [red: number, green: number, blue: number];
  /** Largest root mean square distance over the channels (0..255) at which a pixel still has that colour. */
  tolerance: number;
  /** That distance, for each pixel. */
  distances: Uint8Array;
  /** 1 where a letter is: of the colour, and not joined to the strip's border. */
  letters: Uint8Array;
  /** Higher is more like a line of text; comparable within one strip. */
  score: number;
}

export function toGrey({ data, width, height }: Pixels): Grey {
  const grey = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < grey.length; i++, j += 3) {
    grey[i] = (data[j]! * 77 + data[j + 1]! * 150 + data[j + 2]! * 29) >> 8;
  }
  return { data: grey, width, height };
}

function histogram(values: Uint8Array): Float64Array {
  const counts = new Float64Array(256);
  for (const value of values) counts[value]! += 1;
  return counts;
}

function quantile(counts: Float64Array, share: number): number {
  let left = share * counts.reduce((sum, count) => sum + count, 0);
  for (let value = 0; value < 256; value++) {
    left -= counts[value]!;
    if (left < 0) return value;
  }
  return 255;
}

/** The threshold that separates two classes best (Otsu 1979): values up to it are the darker class. */
export function otsuThreshold(values: Uint8Array): number {
  const counts = histogram(values);
  const total = values.length;
  let sum = 0;
  for (let value = 0; value < 256; value++) sum += value * counts[value]!;
  let dark = 0;
  let darkSum = 0;
  let best = 0;
  let threshold = 127;
  for (let value = 0; value < 255; value++) {
    dark += counts[value]!;
    darkSum += value * counts[value]!;
    if (dark === 0 || dark === total) continue;
    const difference = darkSum / dark - (sum - darkSum) / (total - dark);
    const between = dark * (total - dark) * difference ** 2;
    if (between > best) {
      best = between;
      threshold = value;
    }
  }
  return threshold;
}

const MIN_SEED_PIXELS = 8;
const MIN_SAMPLES = 30;
const MIN_LETTER_PIXELS = 5;
const TOLERANCE_RANGE = [28, 90] as const;

/**
 * The letters of a strip, as the better of two guesses: that they are its brightest part, or its darkest. Parts that touch
 * the border are background, whatever their colour, so outlined letters over a picture of any brightness are found.
 *
 * @returns null where neither guess finds anything
 */
export function findInk(strip: Pixels): Ink | null {
  const grey = toGrey(strip);
  const threshold = otsuThreshold(grey.data);
  const counts = histogram(grey.data);
  const bright = Math.max(threshold, (quantile(counts, 0.99) + threshold) / 2);
  const dark = Math.min(threshold, (quantile(counts, 0.01) + threshold) / 2);
  const guesses = [
    inkOf(strip, grey, (value) => value > bright),
    inkOf(strip, grey, (value) => value < dark),
  ];
  return guesses.reduce((best, guess) => (guess && (!best || guess.score > best.score) ? guess : best), null);
}

function inkOf(strip: Pixels, grey: Grey, extreme: (value: number) => boolean): Ink | null {
  const { width, height, data } = strip;
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) mask[i] = extreme(grey.data[i]!) ? 1 : 0;
  const seeds = findComponents(mask, width, height);
  const isSeed = seeds.components.map(
    (part) =>
      !part.touchesBorder && part.pixels >= MIN_SEED_PIXELS && part.bottom - part.top + 1 > height * 0.15,
  );
  const samples: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0 || !isSeed[seeds.labels[i]! - 1]) continue;
    for (let channel = 0; channel < 3; channel++) samples[channel]!.push(data[3 * i + channel]!);
  }
  if (samples[0].length < MIN_SAMPLES) return null;
  const colour = samples.map((values) => values.sort((a, b) => a - b)[values.length >> 1]!) as Ink['colour'];
  const distances = colourDistances(strip, colour);
  const tolerance = Math.max(TOLERANCE_RANGE[0], Math.min(TOLERANCE_RANGE[1], otsuThreshold(distances)));
  for (let i = 0; i < mask.length; i++) mask[i] = distances[i]! < tolerance ? 1 : 0;
  const { labels, components } = findComponents(mask, width, height);
  const isLetter = components.map(
    (part) =>
      !part.touchesBorder && part.pixels >= MIN_LETTER_PIXELS && part.bottom - part.top < height * 0.95,
  );
  const letters = new Uint8Array(width * height);
  let inkPixels = 0;
  let flatness = 0;
  for (let i = 0; i < letters.length; i++) {
    if (labels[i] === 0 || !isLetter[labels[i]! - 1]) continue;
    letters[i] = 1;
    inkPixels += 1;
    flatness += distances[i]!;
  }
  const score = likeness(components, isLetter, {
    width,
    area: letters.length,
    inkPixels,
    unevenness: inkPixels > 0 ? flatness / inkPixels : 99,
  });
  return { colour, tolerance, distances, letters, score };
}

/** Letters span the line, cover a good part of it, are of one colour, and little of that colour is background. */
function likeness(
  components: readonly Component[],
  isLetter: readonly boolean[],
  strip: { width: number; area: number; inkPixels: number; unevenness: number },
): number {
  let left = strip.width;
  let right = 0;
  let lost = 0;
  for (const [index, part] of components.entries()) {
    if (isLetter[index]) {
      if (part.pixels <= 12) continue;
      left = Math.min(left, part.left);
      right = Math.max(right, part.right);
    } else if (part.touchesBorder) lost += part.pixels;
  }
  const span = Math.max(0, right - left) / strip.width;
  const cover = Math.min(strip.inkPixels / strip.area, 0.25);
  return span + cover * 2 - strip.unevenness / 60 - Math.max(0, lost / strip.area - 0.3) * 0.2;
}

/** Root mean square distance of each pixel from a colour, capped at 255. */
export function colourDistances({ data, width, height }: Pixels, colour: Ink['colour']): Uint8Array {
  const distances = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < distances.length; i++, j += 3) {
    const red = data[j]! - colour[0];
    const green = data[j + 1]! - colour[1];
    const blue = data[j + 2]! - colour[2];
    distances[i] = Math.min(255, Math.sqrt((red * red + green * green + blue * blue) / 3));
  }
  return distances;
}
