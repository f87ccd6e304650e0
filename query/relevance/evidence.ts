/** How much of a question stands in the texts of a candidate, word for word. */
import type { Payload } from '../../shared/ports/video-index.ts';
import { analyse } from '../../shared/text/analyse.ts';
import { containsPhrase } from '../../shared/text/normalise.ts';
import type { ContentWord, Intent } from '../intent/intent.ts';

/** What of an intent is looked for word for word. */
type Words = { text: string; words: readonly ContentWord[]; quoted?: readonly string[] };

export interface StoredCue {
  kind: 'said' | 'shown';
  startSec: number;
  endSec: number;
  text: string;
}

/** What a word counts for that was probably meant. */
const MEANT = 0.8;

/**
 * Texts whose words are remembered. A search reads the same text for several features, and the next search many of the same
 * texts again; analysing them is most of what grading costs.
 */
const MOST_REMEMBERED = 4_000;

function remembering<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const made = read(text);
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(text, made);
    return made;
  };
}

/** Words of a text in its order, as a person would count them. */
export const wordsOf = remembering((text): readonly string[] => analyse(text, 'words'));
/** Only where words are written without blanks is more indexed than they. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const tokensOf = remembering(
  (text): ReadonlySet<string> => new Set(UNSPACED.test(text) ? analyse(text) : wordsOf(text)),
);

/** Share of the question's meaning whose words stand in one of the texts, 0..1. */
export function coverage({ words }: Words, ...texts: string[]): number {
  if (words.length === 0) return 0;
  const sets = texts.filter(Boolean).map(tokensOf);
  const stands = (token: string) => sets.some((tokens) => tokens.has(token));
  return words.reduce((sum, { token, weight, instead }) => {
    if (stands(token)) return sum + weight;
    return sum + (instead.some(stands) ? weight * MEANT : 0);
  }, 0);
}

/** Whether the whole question (of two words or more, or of two Chinese characters) stands in the text as it is. */
export function quotes({ text: asked, words, quoted = [] }: Words, text: string): boolean {
  if (quoted.length > 0) return quoted.some((each) => containsPhrase(text, each));
  const long = words.length > 1 || /\p{Script=Han}{2}/u.test(asked);
  return long && containsPhrase(text, asked);
}

/** Cues up to this length are played from their start. */
const SHORT_CUE_SEC = 3;

/**
 * Second at which the words asked for begin in a cue. A spoken cue can be many sentences long; its words are taken to be
 * spread evenly over its time, and the stretch that holds most of those asked for is looked for.
 */
export function secondOf(
  question: Pick<Intent, 'words'>,
  { kind, startSec, endSec, text }: StoredCue,
): number {
  if (kind === 'shown' || endSec - startSec <= SHORT_CUE_SEC) return startSec;
  const tokens = wordsOf(text);
  const wanted = new Set(question.words.flatMap(({ token, instead }) => [token, ...instead]));
  const stretch = Math.ceil(wanted.size * 1.5);
  let first = 0;
  let most = 0;
  for (let i = 0; i < tokens.length; i++) {
    if (!wanted.has(tokens[i]!)) continue;
    const held = new Set(tokens.slice(i, i + stretch).filter((token) => wanted.has(token))).size;
    if (held > most) [first, most] = [i, held];
  }
  return tokens.length === 0 ? startSec : startSec + ((endSec - startSec) * first) / tokens.length;
}

export function cuesOf(payload: Payload): StoredCue[] {
  const { cues } = payload;
  if (!Array.isArray(cues)) return [];
  return cues.flatMap((cue) => {
    if (cue === null || typeof cue !== 'object' || Array.isArray(cue)) return [];
    const { kind, startSec, endSec, text } = cue;
    const whole =
      (kind === 'said' || kind === 'shown') &&
      typeof startSec === 'number' &&
      typeof endSec === 'number' &&
      typeof text === 'string';
    return whole ? [{ kind, startSec, endSec, text }] : [];
  });
}

/** What was written about a video, as one text. */
export function describedBy({ title, description, tags, names, series }: Payload): string {
  return [title, series, description, tags, names]
    .flat()
    .filter((part) => typeof part === 'string')
    .join('\n');
}
