import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asking, candidate } from './testing.ts';
import { proximity, textualFeatures } from './textual.ts';

const of = (question: string, payload: Parameters<typeof candidate>[0], cues: string[] = []) =>
  textualFeatures(
    candidate(payload, {
      moments: cues.map((text) => ({ cues: [{ kind: 'said', startSec: 0, endSec: 5, text }], labels: [] })),
      lexical: 0.4,
    }),
    asking(question),
  );

const WORDS = ['elephant', 'parade', 'river', 'boat', '海鸥', '咖啡', 'the', 'season 2'];
const sentence = fc.array(fc.constantFrom(...WORDS), { maxLength: 6 }).map((words) => words.join(' '));

describe('textual features', () => {
  it('tell where the words of a question stand', () => {
    const parade = { title: 'The Elephant Parade', description: 'Animals in town', labels: ['elephant'] };
    expect(of('elephant parade', parade)).toMatchObject({
      ...{ coverage: 1, titleCoverage: 1, phrase: 1, titleShare: 1, proximity: 1, lexical: 0.4 },
    });
    expect(of('elephant river', parade)).toMatchObject({ phrase: 0, titleShare: 0.5, proximity: 0 });
    expect(of('elephant', parade).labelCoverage).toBe(1);
    expect(of('animals', parade)).toMatchObject({ coverage: 1, titleCoverage: 0, titleShare: 0 });
  });

  it('hold the whole title against one that has more in it', () => {
    expect(of('matrix', { title: 'Matrix' })).toMatchObject({ titleExact: 1, titleShare: 1 });
    const longer = of('matrix', { title: 'Matrix Reloaded and other films' });
    expect(longer.titleExact).toBe(0);
    expect(longer.titleShare).toBeLessThan(0.5);
    expect(of('三體', { title: '三体' })).toMatchObject({ titleExact: 1, coverage: 1 });
  });

  it('take the one moment that has most, and not all together', () => {
    expect(of('boat river', { title: 'x' }, ['a boat', 'the river']).momentCoverage).toBeLessThan(1);
    expect(of('boat river', { title: 'x' }, ['a boat', 'a boat on the river'])).toMatchObject({
      momentCoverage: 1,
      coverage: 1,
    });
  });

  it('count a word that was probably meant for less than the word itself', () => {
    const library = [{ title: 'elephant' }];
    const meant = textualFeatures(candidate({ title: 'elephant' }), asking('elephnat', library));
    expect(meant.coverage).toBeCloseTo(0.8);
  });

  it('are nothing without a text', () => {
    const features = textualFeatures(candidate({ title: 'elephant' }, { lexical: 1 }), asking(null));
    expect(Object.values(features).every((value) => value === 0)).toBe(true);
  });

  it('lie in 0..1, and do not fall when a text is added', () => {
    fc.assert(
      fc.property(
        sentence,
        sentence,
        sentence,
        fc.array(sentence, { maxLength: 3 }),
        (text, title, more, cues) => {
          if (text.trim() === '') return;
          const features = of(text, { title }, cues);
          for (const [name, value] of Object.entries(features)) {
            expect(value, name).toBeGreaterThanOrEqual(0);
            expect(value, name).toBeLessThanOrEqual(1 + 1e-9);
          }
          const described = of(text, { title, description: more }, cues);
          expect(described.coverage).toBeGreaterThanOrEqual(features.coverage - 1e-9);
          expect(described.phrase).toBeGreaterThanOrEqual(features.phrase);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('proximity', () => {
  const wanted = new Set(['red', 'boat']);

  it('is 1 side by side, less the farther apart, and nothing for one word', () => {
    expect(proximity(wanted, 'a red boat')).toBe(1);
    const apart = proximity(wanted, 'red sails above the old boat');
    expect(apart).toBeGreaterThan(0);
    expect(apart).toBeLessThan(1);
    expect(proximity(wanted, 'red red red')).toBe(0);
    expect(proximity(new Set(['red']), 'red')).toBe(0);
  });

  it('looks at the shortest stretch', () => {
    expect(proximity(wanted, 'red wine and far away a red boat')).toBe(1);
  });
});
