import { describe, expect, it } from 'vitest';
import { addScores, ratesOf, scoreReading } from './text-reading.ts';

describe('scoreReading', () => {
  it('does not mind the order of lines', () => {
    expect(scoreReading(['one two', '三体'], ['三体', 'one two'])).toMatchObject({
      ...{ characters: 8, errors: 0, lines: 2, linesFound: 2, words: 2, wordsFound: 2, noise: 0 },
    });
  });

  it('counts what is wrong, missing and invented', () => {
    const score = scoreReading(['hello world', 'lost'], ['hel1o world', '@@']);
    expect(score).toMatchObject({
      errors: 1 + 4,
      lines: 2,
      linesFound: 1,
      words: 3,
      wordsFound: 1,
      noise: 2,
    });
  });

  it('counts every character on a picture without text as noise', () => {
    const score = scoreReading([], ['a b']);
    expect(score.noise).toBe(2);
    expect(ratesOf(addScores([score, score]))).toMatchObject({
      noiseCharacters: 4,
      characterErrorPercent: null,
    });
  });

  it('uses each part of the reading once', () => {
    expect(scoreReading(['10.0', '10.0'], ['10.0'])).toMatchObject({ errors: 4, linesFound: 1 });
  });
});
