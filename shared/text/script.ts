/** Which writing a text is in, and where it changes. */
import type { Language } from '../contracts/common.ts';

export type Script = 'latin' | 'han' | 'kana' | 'hangul' | 'other' | 'digit';

export interface ScriptRun {
  script: Script;
  text: string;
}

const HAN = /\p{Script=Han}/u;
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}\u30fc]/u;
const HANGUL = /\p{Script=Hangul}/u;
const LATIN = /\p{Script=Latin}/u;
const LETTER = /[\p{L}\p{M}]/u;
const DIGIT = /\p{N}/u;

function scriptOf(character: string): Script | null {
  if (LATIN.test(character)) return 'latin';
  if (HAN.test(character)) return 'han';
  if (DIGIT.test(character)) return 'digit';
  if (KANA.test(character)) return 'kana';
  if (HANGUL.test(character)) return 'hangul';
  return LETTER.test(character) ? 'other' : null;
}

/**
 * Splits a text where its writing changes. Punctuation and blanks end a run, except an apostrophe inside a Latin word and
 * a point or comma inside a number. Digits join the Latin word they touch (`ps4`, `1080p`).
 */
export function scriptRuns(text: string): ScriptRun[] {
  const runs: ScriptRun[] = [];
  const characters = [...text];
  let current: ScriptRun | null = null;
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    const script = scriptOf(character);
    if (script === null) {
      if (current && joins(character, characters[i - 1], characters[i + 1])) current.text += character;
      else current = null;
      continue;
    }
    if (current && (current.script === script || alphanumeric(current.script, script))) {
      current.text += character;
      if (script === 'latin') current.script = 'latin';
    } else {
      current = { script, text: character };
      runs.push(current);
    }
  }
  return runs;
}

function alphanumeric(a: Script, b: Script): boolean {
  return (a === 'latin' && b === 'digit') || (a === 'digit' && b === 'latin');
}

function joins(mark: string, before: string | undefined, after: string | undefined): boolean {
  if (!before || !after) return false;
  if (mark === "'") return LATIN.test(before) && LATIN.test(after);
  if (mark === '.' || mark === ',') return /\d/.test(before) && /\d/.test(after);
  return false;
}

/**
 * Language of a text by its letters: `zh` for Han without kana, `en` for Latin letters that are nearly all ASCII, else
 * `und`. A mixed text gets the language of the greater part, one Han character counting as much as two Latin letters
 * (about what each carries).
 */
export function detectLanguage(text: string): Language {
  let han = 0;
  let latin = 0;
  let ascii = 0;
  let others = 0;
  let kana = 0;
  for (const character of text.normalize('NFKC')) {
    const script = scriptOf(character);
    if (script === 'han') han += 1;
    else if (script === 'latin') {
      latin += 1;
      if (/[a-z]/i.test(character)) ascii += 1;
    } else if (script === 'kana') kana += 1;
    else if (script === 'hangul' || script === 'other') others += 1;
  }
  const total = han * 2 + latin + others + kana * 2;
  if (total === 0) return 'und';
  if (kana > 0 && kana >= han * 0.1) return 'und';
  if (others * 2 > total) return 'und';
  if (han * 2 >= latin) return 'zh';
  return ascii >= latin * 0.96 ? 'en' : 'und';
}

export function hasHan(text: string): boolean {
  return HAN.test(text);
}
