/** How well the text of pictures was read, whatever order its lines came in. */
import { bestMatch, characters, normaliseText } from './edit-distance.ts';

export interface ReadingScore {
  /** Characters of the truth, and how many edits they are away from the reading. */
  characters: number;
  errors: number;
  lines: number;
  /** Lines read with at most 20 % of their characters wrong. */
  linesFound: number;
  /** Latin words of two letters or more, and those of them that were read as words of their own. */
  words: number;
  wordsFound: number;
  /** Characters that were read and explain no line of the truth. */
  noise: number;
  pictures: number;
}

const NOTHING: ReadingScore = {
  ...{ characters: 0, errors: 0, lines: 0, linesFound: 0, words: 0, wordsFound: 0, noise: 0, pictures: 0 },
};
const CONSUMED = '\u0000';

/** Each line of the truth against the part of the reading that fits it best; long lines choose first. */
export function scoreReading(truth: readonly string[], reading: readonly string[]): ReadingScore {
  const score = { ...NOTHING, pictures: 1 };
  let rest = characters(reading.join(' '));
  const lines = truth.map(characters).filter((line) => line.length > 0);
  for (const line of lines.sort((a, b) => b.length - a.length)) {
    const { distance, start, end } = bestMatch(line, rest);
    score.characters += line.length;
    score.errors += distance;
    score.lines += 1;
    if (distance <= 0.2 * line.length) score.linesFound += 1;
    if (distance <= 0.5 * line.length) rest = [...rest.slice(0, start), CONSUMED, ...rest.slice(end)];
  }
  score.noise = rest.filter((character) => character !== CONSUMED).length;
  const heard = reading.flatMap(latinWords);
  for (const word of truth.flatMap(latinWords)) {
    score.words += 1;
    const at = heard.indexOf(word);
    if (at < 0) continue;
    score.wordsFound += 1;
    heard.splice(at, 1);
  }
  return score;
}

function latinWords(text: string): string[] {
  return normaliseText(text).match(/(?=[a-z0-9'.:-]*[a-z])[a-z0-9][a-z0-9'.:-]*[a-z0-9]/g) ?? [];
}

export function addScores(scores: readonly ReadingScore[]): ReadingScore {
  const sum = { ...NOTHING };
  for (const score of scores)
    for (const key of Object.keys(sum) as (keyof ReadingScore)[]) sum[key] += score[key];
  return sum;
}

/** Percentages, rounded to a tenth; null where there was nothing to find. */
export function ratesOf(score: ReadingScore) {
  const percent = (part: number, whole: number) =>
    whole === 0 ? null : Math.round((1_000 * part) / whole) / 10;
  return {
    pictures: score.pictures,
    characterErrorPercent: percent(score.errors, score.characters),
    lineRecallPercent: percent(score.linesFound, score.lines),
    wordRecallPercent: percent(score.wordsFound, score.words),
    noisePercent: percent(score.noise, score.characters),
    noiseCharacters: score.noise,
  };
}
