/** Which languages a text is written in, judged by its script alone: enough to choose an encoder's route. */
import type { Language } from '../../contracts/common.ts';

const HAN = /\p{Script=Han}/gu;
const LATIN_WORD = /\p{Script=Latin}[\p{Script=Latin}\p{M}'’-]*/gu;
const OTHER_LETTER = /(?![\p{Script=Han}\p{Script=Latin}])\p{L}/gu;
/** Japanese and Korean are written with Han characters too, but not only. */
const KANA_OR_HANGUL = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/**
 * @returns `zh` where at least as much is written in Han characters as in Latin words (two characters weigh as much as
 * a word), `en` for Latin script, `und` for anything else and for texts without letters. A heuristic: it cannot tell
 * English from French.
 */
export function detectLanguage(text: string): Language {
  const han = (text.match(HAN) ?? []).length / 2;
  const latin = (text.match(LATIN_WORD) ?? []).length;
  const other = (text.match(OTHER_LETTER) ?? []).length / 4;
  if (KANA_OR_HANGUL.test(text) || other > han + latin) return 'und';
  if (han === 0 && latin === 0) return 'und';
  return han >= latin ? 'zh' : 'en';
}

export interface ScriptRun {
  script: 'han' | 'other';
  text: string;
}

/** Cuts a text where Han characters begin and end; joining the runs gives the text back. */
export function scriptRuns(text: string): ScriptRun[] {
  return [...text.matchAll(/\p{Script=Han}+|\P{Script=Han}+/gu)].map(([run]) => ({
    script: /^\p{Script=Han}/u.test(run) ? 'han' : 'other',
    text: run,
  }));
}
