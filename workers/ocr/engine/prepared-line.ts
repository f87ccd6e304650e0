/** What Tesseract likes to see: dark letters on plain white, lines of one height stacked on one sheet. */
import { findInk, type Ink, otsuThreshold, toGrey } from './ink.ts';
import type { Grey, Pixels } from './types.ts';

const MARGIN = 12;
const WHITE = 255;

/**
 * The strip as dark letters on white. The grey of a pixel is its distance from the letters' colour, and what is not beside
 * a letter is white, so a moving or patterned background is gone.
 */
export function prepareLine(strip: Pixels): Grey {
  const ink = findInk(strip);
  return ink ? pad(softLetters(strip, ink), MARGIN, WHITE) : plainLine(strip);
}

/** The strip as it is, in grey, dark on light: for letters that cannot be told from what is around them by their colour. */
export function plainLine(strip: Pixels): Grey {
  return pad(stretched(upright(toGrey(strip))), MARGIN, WHITE);
}

function softLetters({ width, height }: Pixels, { letters, distances, tolerance }: Ink): Grey {
  const data = new Uint8Array(width * height).fill(WHITE);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (letters[y * width + x] === 0) continue;
      for (let nearY = Math.max(0, y - 1); nearY <= Math.min(height - 1, y + 1); nearY++) {
        for (let nearX = Math.max(0, x - 1); nearX <= Math.min(width - 1, x + 1); nearX++) {
          const i = nearY * width + nearX;
          data[i] = Math.min(
            WHITE,
            (WHITE * Math.max(0, distances[i]! - tolerance * 0.3)) / (tolerance * 1.4),
          );
        }
      }
    }
  }
  return { data, width, height };
}

/** Brightness as it is, turned round where the border is darker than the letters. */
function upright({ data, width, height }: Grey): Grey {
  const threshold = otsuThreshold(data);
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(data[x]!, data[(height - 1) * width + x]!);
  for (let y = 0; y < height; y++) border.push(data[y * width]!, data[y * width + width - 1]!);
  border.sort((a, b) => a - b);
  if (border[border.length >> 1]! > threshold) return { data, width, height };
  return { data: data.map((value) => WHITE - value), width, height };
}

/** Contrast drawn out between the darkest and the lightest hundredth. */
function stretched({ data, width, height }: Grey): Grey {
  const sorted = data.slice().sort();
  const dark = sorted[Math.floor(sorted.length * 0.01)]!;
  const light = sorted[Math.floor(sorted.length * 0.99)]!;
  const gain = WHITE / Math.max(1, light - dark);
  return { data: data.map((value) => Math.max(0, Math.min(WHITE, (value - dark) * gain))), width, height };
}

function pad({ data, width, height }: Grey, margin: number, value: number): Grey {
  const padded: Grey = {
    data: new Uint8Array((width + 2 * margin) * (height + 2 * margin)).fill(value),
    width: width + 2 * margin,
    height: height + 2 * margin,
  };
  for (let y = 0; y < height; y++) {
    padded.data.set(data.subarray(y * width, (y + 1) * width), (y + margin) * padded.width + margin);
  }
  return padded;
}

const SHEET_GAP = 16;
const SHEET_SIDE = 20;

/** All lines below each other on one white sheet. `rows` holds where each begins and ends, pixels from the top. */
export function stackLines(lines: readonly Grey[]): { sheet: Grey; rows: { top: number; bottom: number }[] } {
  const width = Math.max(...lines.map((line) => line.width)) + 2 * SHEET_SIDE;
  const height = lines.reduce((sum, line) => sum + line.height + SHEET_GAP, SHEET_GAP);
  const sheet: Grey = { data: new Uint8Array(width * height).fill(WHITE), width, height };
  const rows: { top: number; bottom: number }[] = [];
  let top = SHEET_GAP;
  for (const line of lines) {
    for (let y = 0; y < line.height; y++) {
      sheet.data.set(
        line.data.subarray(y * line.width, (y + 1) * line.width),
        (top + y) * width + SHEET_SIDE,
      );
    }
    rows.push({ top, bottom: top + line.height });
    top += line.height + SHEET_GAP;
  }
  return { sheet, rows };
}

/** Binary PGM: the one format Tesseract's wasm build reads without decoding anything. */
export function toPgm({ data, width, height }: Grey): Buffer {
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`, 'latin1'), data]);
}
