/** Tesseract behind the port of the recognisers: prepared lines only, English and Chinese apart, the better one per line. */
import type { RecognizeResult } from 'tesseract.js';
import { cropColumn, cropLine, isColumn, pyramidOf } from './crop.ts';
import { expandQuad } from './geometry.ts';
import { plainLine, prepareLine, stackLines, toPgm } from './prepared-line.ts';
import { TesseractWorker } from './tesseract-worker.ts';
import type { Grey, Reading, TextRecogniser } from './types.ts';

const LINE_HEIGHT = 64;
/** Room around the box, in its heights, so that letters do not touch the strip's border. */
const ROOM = { across: 0.15, along: 0.225 };
/** Sheets stay small, so that one job stays short. */
const LINES_A_SHEET = 24;
/** A line read less surely is prepared in another way and read again, 0..1. */
const SURE = 0.85;

export interface TesseractFiles {
  english: string;
  chinese: string;
}

export function openTesseract(files: TesseractFiles): TextRecogniser {
  const english = new TesseractWorker(files.english);
  const chinese = new TesseractWorker(files.chinese);
  const readSheets = async (lines: readonly Grey[]): Promise<Reading[]> => {
    const readings: Reading[] = [];
    for (let start = 0; start < lines.length; start += LINES_A_SHEET) {
      const { sheet, rows } = stackLines(lines.slice(start, start + LINES_A_SHEET));
      const image = toPgm(sheet);
      const [latin, han] = await Promise.all([english.recognise(image), chinese.recognise(image)]);
      const latinLines = readingsOnRows(latin, rows, false);
      const hanLines = readingsOnRows(han, rows, true);
      readings.push(...rows.map((_, index) => betterReading(latinLines[index]!, hanLines[index]!)));
    }
    return readings;
  };
  return {
    engine: 'tesseract',
    confidenceScale: 2 / 3,
    async recognise(picture, quads) {
      const pyramid = pyramidOf(picture);
      const strips = quads.map((quad) =>
        cropLine(pyramid, expandQuad(quad, ROOM.across, ROOM.along), LINE_HEIGHT),
      );
      const readings = await readSheets(strips.map(prepareLine));
      // What was not read surely gets another chance, prepared in other ways.
      const again = quads.flatMap((quad, index) => {
        if (readings[index]!.confidence >= SURE) return [];
        const lines = [plainLine(strips[index]!)];
        if (isColumn(quad)) {
          const column = cropColumn(pyramid, expandQuad(quad, ROOM.across, ROOM.along), LINE_HEIGHT);
          lines.push(prepareLine(column), plainLine(column));
        }
        return lines.map((line) => ({ index, line }));
      });
      const others = await readSheets(again.map(({ line }) => line));
      for (const [place, { index }] of again.entries()) {
        if (others[place]!.confidence > readings[index]!.confidence) readings[index] = others[place]!;
      }
      return readings;
    },
    async close() {
      await Promise.all([english.close(), chinese.close()]);
    },
  };
}

/** The words on each row of the sheet, from left to right. */
function readingsOnRows(
  { blocks }: RecognizeResult['data'],
  rows: readonly { top: number; bottom: number }[],
  chinese: boolean,
): Reading[] {
  const lines = (blocks ?? []).flatMap((block) => block.paragraphs.flatMap((paragraph) => paragraph.lines));
  return rows.map(({ top, bottom }) => {
    const here = lines.filter(({ bbox }) => {
      const middle = (bbox.y0 + bbox.y1) / 2;
      return middle >= top && middle < bottom;
    });
    const words = here.flatMap((line) => line.words).sort((a, b) => a.bbox.x0 - b.bbox.x0);
    const joined = words.map((word) => word.text).join(' ');
    const text = (chinese ? closeHan(joined) : joined)
      .replace(/\s+/gu, ' ')
      .replace(/^[ 。，、；：·]+/u, '')
      .trim();
    const letters = words.reduce((sum, word) => sum + word.text.length, 0);
    const confidence = words.reduce((sum, word) => sum + word.confidence * word.text.length, 0);
    return { text, confidence: letters === 0 ? 0 : confidence / letters / 100 };
  });
}

/** The Chinese data puts blanks between all characters. */
function closeHan(text: string): string {
  return text.replace(
    /(?<=[\p{Script=Han}，。！？、：；（【《）】》])\s+|\s+(?=[\p{Script=Han}，。！？、：；）】》])/gu,
    '',
  );
}

/**
 * The Chinese reading when most of it is Han and it is not much less sure. English data sees Latin letters in Han
 * characters, but seldom surely; Chinese data reads English about as well, but without its spaces.
 */
export function betterReading(latin: Reading, chinese: Reading): Reading {
  const letters = [...chinese.text].filter((character) => /[\p{L}\p{N}]/u.test(character));
  const han = letters.filter((character) => /\p{Script=Han}/u.test(character)).length;
  const share = letters.length === 0 ? 0 : han / letters.length;
  const winner =
    (han >= 2 && share > 0.3 && chinese.confidence > latin.confidence - 0.15) ||
    chinese.confidence > latin.confidence + 0.2
      ? chinese
      : latin;
  return plausible(winner) ? winner : { text: '', confidence: 0 };
}

/** Tesseract sees punctuation in texture: a line must be letters or digits by the greater part. */
function plausible({ text }: Reading): boolean {
  const characters = [...text].filter((character) => character !== ' ');
  const letters = characters.filter((character) => /[\p{L}\p{N}]/u.test(character)).length;
  return letters >= 1 && letters >= characters.length * 0.55;
}
