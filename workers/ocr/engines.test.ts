import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { characterErrorRate } from '../../bench/metrics/edit-distance.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { ModelStore } from '../../shared/models/store.ts';
import { createClassicalDetector } from './engine/classical-detector.ts';
import { openEngine, type ReadingEngine } from './engine/engine.ts';
import { decodePicture } from './engine/picture.ts';
import type { EngineName } from './engine/types.ts';
import { engineFiles } from './index.ts';

const PICTURES = [
  { file: 'caption-en.png', text: 'The train leaves at noon' },
  { file: 'caption-zh.png', text: '今天下午火车准时出发' },
];
const files = engineFiles(new ModelStore('/nonexistent'));
const picture = (file: string) =>
  decodePicture(readFileSync(path.join(import.meta.dirname, 'fixtures', file)));

describe.each<EngineName>(['ppocr', 'tesseract'])('reading with %s', (name) => {
  let engine: ReadingEngine;
  beforeAll(async () => {
    engine = await openEngine(name, files, 640, (what) => new CinedexError('MODEL_MISSING', what));
  });
  afterAll(() => Promise.all([engine.detector.close(), engine.recogniser.close()]));

  it.each(PICTURES)('reads $text', async ({ file, text }) => {
    const pixels = await picture(file);
    const quads = (await engine.detector.detect(pixels)).map(({ quad }) => quad);
    const [reading, ...others] = await engine.recogniser.recognise(pixels, quads);
    expect(others).toEqual([]);
    expect(characterErrorRate(text, reading!.text)).toBeLessThanOrEqual(name === 'ppocr' ? 0 : 0.1);
    expect(reading!.confidence).toBeGreaterThan(0.6);
  });
});

describe('classical boxes', () => {
  it.each(PICTURES)('frame the line of $file and nothing else', async ({ file }) => {
    const found = await createClassicalDetector().detect(await picture(file));
    expect(found).toHaveLength(1);
    const [a, , c] = found[0]!.quad;
    expect(a[1]).toBeGreaterThan(195);
    expect(c[1]).toBeLessThan(255);
    expect(c[0] - a[0]).toBeGreaterThan(280);
  });
});

describe('decodePicture', () => {
  it('refuses what is no picture', async () => {
    await expect(decodePicture(Buffer.from('GIF?'))).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' });
  });
});
