/**
 * From text to the tokens that BM25 counts; the same for what is indexed and for what is asked.
 *
 * English: lower case, Snowball stem (Porter 2), a small stop list. Chinese: jieba's words in search mode plus character
 * bigrams, so that a name which jieba does not know, or cuts otherwise in another sentence, is still found. Numbers stay.
 */
import snowball from 'snowball-stemmers';
import { fold } from './normalise.ts';
import { type ScriptRun, scriptRuns } from './script.ts';
import { segmenter } from './segmenter.ts';
import { CHINESE_PARTICLES, CHINESE_STOP_WORDS, ENGLISH_STOP_WORDS } from './stop-words.ts';

/**
 * `index` adds the single characters inside Chinese words, so that a one-character query finds them; `query` does not, or
 * any two Chinese texts would seem related; `words` has no bigrams either: the words a person would count.
 */
export type AnalysisMode = 'index' | 'query' | 'words';

const stemmer = snowball.newStemmer('english');
const stems = new Map<string, string>();
const MOST_STEMS = 50_000;
/** Longer "words" are noise (hashes, base64); they would only bloat the index. */
const LONGEST_TOKEN = 64;

/** Stem of one lower-case word. */
export function stem(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  const made = stemmer.stem(word);
  if (stems.size >= MOST_STEMS) stems.clear();
  stems.set(word, made);
  return made;
}

/** Tokens of a text in its order, repeated as often as they occur. */
export function analyse(text: string, mode: AnalysisMode = 'index'): string[] {
  const tokens: string[] = [];
  for (const run of scriptRuns(fold(text))) pushTokens(tokens, run, mode);
  return tokens;
}

function pushTokens(tokens: string[], run: ScriptRun, mode: AnalysisMode): void {
  switch (run.script) {
    case 'han':
      pushChinese(tokens, run.text, mode);
      return;
    case 'kana':
    case 'hangul':
      pushNgrams(tokens, run.text, mode);
      return;
    case 'digit': {
      const number = run.text.replaceAll(',', '');
      if (number.length <= LONGEST_TOKEN) tokens.push(number);
      return;
    }
    case 'latin': {
      if (ENGLISH_STOP_WORDS.has(run.text)) return;
      const word = run.text.replace(/'s$/, '').replaceAll("'", '');
      if (word && word.length <= LONGEST_TOKEN && !ENGLISH_STOP_WORDS.has(word)) tokens.push(stem(word));
      return;
    }
    case 'other':
      if (run.text.length <= LONGEST_TOKEN) tokens.push(run.text);
  }
}

function pushChinese(tokens: string[], text: string, mode: AnalysisMode): void {
  const words = new Set<string>();
  for (const word of segmenter().cutForSearch(text, true)) {
    words.add(word);
    if (!CHINESE_STOP_WORDS.has(word)) tokens.push(word);
  }
  if (mode === 'words') return;
  const characters = [...text];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    if (i + 1 < characters.length) {
      const next = characters[i + 1]!;
      const across = CHINESE_PARTICLES.has(character) || CHINESE_PARTICLES.has(next);
      if (!across && !words.has(character + next)) tokens.push(character + next);
    }
    if (mode === 'index' && !words.has(character) && !CHINESE_STOP_WORDS.has(character))
      tokens.push(character);
  }
}

function pushNgrams(tokens: string[], text: string, mode: AnalysisMode): void {
  const characters = [...text];
  if (characters.length === 1 || mode === 'index') tokens.push(...characters);
  for (let i = 0; i + 1 < characters.length; i++) tokens.push(characters[i]! + characters[i + 1]!);
}
