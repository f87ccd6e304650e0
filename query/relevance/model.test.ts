import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SEARCH_SECTIONS } from '../../shared/search-config.ts';
import { type FeatureName, type Features, featuresOf } from './features.ts';
import { gradeOf, UNTRAINED } from './model.ts';
import { readModel } from './stored-model.ts';
import { asking, candidate, found } from './testing.ts';

const NAMES = Object.keys(UNTRAINED.weights) as FeatureName[];
const features = fc
  .tuple(...NAMES.map(() => fc.double({ min: 0, max: 1, noNaN: true })))
  .map((values) => Object.fromEntries(NAMES.map((name, i) => [name, values[i]!])) as unknown as Features);
const cutoff = SEARCH_SECTIONS.search.parse({}).cutoff;

describe('the grade', () => {
  it('lies in 0..1, and follows the sign of each weight', () => {
    fc.assert(
      fc.property(features, fc.constantFrom(...NAMES), (values, name) => {
        const low = gradeOf({ ...values, [name]: 0 }, UNTRAINED).grade;
        const high = gradeOf({ ...values, [name]: 1 }, UNTRAINED).grade;
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(Math.sign(high - low)).toBe(Math.sign(UNTRAINED.weights[name]!));
      }),
    );
  });

  it('says what every feature added, the greatest first', () => {
    const none = Object.fromEntries(NAMES.map((name) => [name, 0])) as unknown as Features;
    const { grade, parts } = gradeOf({ ...none, phrase: 1, coverage: 0.5 }, UNTRAINED);
    expect(parts.map(({ feature }) => feature)).toEqual(['phrase', 'coverage']);
    const sum = parts.reduce((total, { value, weight }) => total + value * weight, UNTRAINED.bias);
    expect(grade).toBeCloseTo(1 / (1 + Math.exp(-sum)));
    expect(gradeOf(none, UNTRAINED)).toEqual({ grade: 1 / (1 + Math.exp(2)), parts: [] });
  });

  it('untrained, is above the cut-off for one good reason, and below it for none', () => {
    const library = [
      { title: 'Modern Times', names: ['charlie chaplin'], cast: [{ name: 'Charlie Chaplin' }] },
    ];
    const of = (text: string, title: string, why: ReturnType<typeof found>[] = [], more = {}) =>
      gradeOf(featuresOf(candidate({ title, ...more }, { why }), asking(text, library)), UNTRAINED).grade;
    expect(of('red boat', 'A red boat')).toBeGreaterThan(0.5);
    expect(of('red boat', 'x', [found('moments.visual~', 0.46)])).toBeGreaterThan(cutoff);
    expect(of('red boat', 'x', [found('videos.title~', 0.69)])).toBeGreaterThan(cutoff);
    expect(of('charlie chaplin', 'x', [], { names: ['charlie chaplin'] })).toBeGreaterThan(cutoff);
    expect(of('red boat', 'x', [found('moments.visual~', 0.25)])).toBeLessThan(cutoff);
    expect(of('red boat', 'x')).toBeLessThan(cutoff);
  });

  it('is no greater for being first in a list of bad hits', () => {
    const bad = candidate({ title: 'x' }, { fused: 1, why: [found('videos.title~', 0.4)] });
    expect(gradeOf(featuresOf(bad, asking('red boat')), UNTRAINED).grade).toBeLessThan(cutoff);
  });
});

describe('a stored model', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'model-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is read back, and is the built-in one where none is named', async () => {
    const file = path.join(folder, 'good.json');
    await writeFile(file, JSON.stringify({ id: 'mine', bias: -1, weights: { phrase: 3 } }));
    expect(await readModel(file)).toEqual({ id: 'mine', bias: -1, weights: { phrase: 3 } });
    expect(await readModel('')).toBe(UNTRAINED);
  });

  it('says what is wrong with it', async () => {
    const file = path.join(folder, 'bad.json');
    for (const text of ['nonsense', '{"id":"mine"}']) {
      await writeFile(file, text);
      await expect(readModel(file), text).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
    await expect(readModel(path.join(folder, 'none.json'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
