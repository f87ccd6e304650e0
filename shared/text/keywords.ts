/**
 * Key words and phrases of a video's texts.
 *
 * English: the candidates of RAKE (Rose et al., "Automatic keyword extraction from individual documents", 2010): runs of
 * words between stop words and punctuation, their words scored by degree / frequency. RAKE alone prefers whatever is
 * long and said once, so a phrase is also weighed by how often it occurs (damped), and by the field it stands in.
 * Chinese: TF-IDF over jieba's words with the document frequencies that come with it; keywords that stand side by side
 * in the text become a phrase, as in TextRank (Mihalcea & Tarau, 2004).
 */
import type { Keyword } from '../contracts/artifacts.ts';
import { stem } from './analyse.ts';
import { fold, tidy } from './normalise.ts';
import { detectLanguage, hasHan, scriptRuns } from './script.ts';
import { chineseTfIdf, segmenter } from './segmenter.ts';
import { CHINESE_STOP_WORDS, PHRASE_STOP_WORDS } from './stop-words.ts';

export interface WeightedText {
  text: string;
  /** What a word of this field counts; 1 is a word that is spoken or read. */
  weight: number;
}

const LONGEST_PHRASE = 4;
const CLAUSE_END = /[.,;:!?()[\]{}"“”|/\\<>\n\r\t—–·•。，、；：！？（）《》「」【】…]+|\s-\s/;

/**
 * Key words and phrases, the most telling first. Weights lie in 0..1; the first of each language has 1.
 * @param texts fields of one document; Chinese and English may be mixed
 */
export function keywords(texts: readonly WeightedText[], limit = 20): Keyword[] {
  const filled = texts.filter(({ text }) => text.trim() !== '');
  const english = normalised(englishPhrases(filled));
  const chinese = normalised(chinesePhrases(filled));
  return [...english, ...chinese]
    .sort((a, b) => b.weight - a.weight || (a.text < b.text ? -1 : 1))
    .slice(0, limit);
}

function normalised(scored: Keyword[]): Keyword[] {
  const top = Math.max(0, ...scored.map(({ weight }) => weight));
  if (top === 0) return [];
  return scored.map((keyword) => ({ ...keyword, weight: Math.round((keyword.weight / top) * 1e4) / 1e4 }));
}

interface Phrase {
  /** As first written. */
  text: string;
  stems: string[];
  count: number;
  weight: number;
}

function englishPhrases(texts: readonly WeightedText[]): Keyword[] {
  const phrases = new Map<string, Phrase>();
  const frequency = new Map<string, number>();
  const degree = new Map<string, number>();
  const keep = (words: string[], weight: number) => {
    if (words.length === 0 || words.length > LONGEST_PHRASE) return;
    if (words.length === 1 && (words[0]!.length < 3 || /^\d+$/.test(words[0]!))) return;
    if (words.every((word) => /^\d/.test(word))) return;
    const stemmed = words.map((word) => stem(fold(word)));
    for (const each of new Set(stemmed)) {
      frequency.set(each, (frequency.get(each) ?? 0) + 1);
      degree.set(each, (degree.get(each) ?? 0) + stemmed.length);
    }
    const key = stemmed.join(' ');
    const known = phrases.get(key);
    if (known) {
      known.count += 1;
      known.weight = Math.max(known.weight, weight);
    } else phrases.set(key, { text: words.join(' '), stems: stemmed, count: 1, weight });
  };
  for (const { text, weight } of texts) {
    for (const clause of tidy(text).split(CLAUSE_END)) {
      let words: string[] = [];
      for (const run of scriptRuns(clause)) {
        const lower = fold(run.text);
        const isWord = run.script === 'latin' || run.script === 'digit';
        if (isWord && !PHRASE_STOP_WORDS.has(lower)) words.push(run.text.replace(/'s$/, ''));
        else {
          keep(words, weight);
          words = [];
        }
      }
      keep(words, weight);
    }
  }
  const scored: Keyword[] = [];
  for (const phrase of phrases.values()) {
    const degrees = phrase.stems.map((each) => (degree.get(each) ?? 0) / (frequency.get(each) ?? 1));
    const mean = degrees.reduce((sum, each) => sum + each, 0) / degrees.length;
    const weight = Math.sqrt(mean) * Math.log2(1 + phrase.count) * phrase.weight;
    scored.push({ text: phrase.text, weight, language: detectLanguage(phrase.text) });
  }
  return scored.sort((a, b) => b.weight - a.weight);
}

function chinesePhrases(texts: readonly WeightedText[]): Keyword[] {
  const weights = new Map<string, number>();
  for (const { text, weight } of texts) {
    if (!hasHan(text)) continue;
    for (const found of chineseTfIdf().extractKeywords(segmenter(), tidy(text), 40)) {
      const usable = hasHan(found.keyword) && !CHINESE_STOP_WORDS.has(found.keyword);
      if (usable) weights.set(found.keyword, (weights.get(found.keyword) ?? 0) + found.weight * weight);
    }
  }
  const phrases = adjacentKeywords(texts, weights);
  const scored = [...weights, ...phrases].map(([text, weight]) => ({
    text,
    weight,
    language: 'zh' as const,
  }));
  return scored.sort((a, b) => b.weight - a.weight);
}

/**
 * Two or three keywords side by side, at least twice, or once in a title. Their weight is the mean of their words', raised a
 * little: a phrase says more than its parts. A phrase that only occurs inside a longer one is left out.
 */
function adjacentKeywords(
  texts: readonly WeightedText[],
  weights: ReadonlyMap<string, number>,
): Map<string, number> {
  const counts = new Map<string, number>();
  const means = new Map<string, number>();
  for (const { text, weight } of texts) {
    for (const run of scriptRuns(tidy(text))) {
      if (run.script !== 'han') continue;
      const words = segmenter().cut(run.text, true);
      for (let start = 0; start < words.length; start++) {
        for (let size = 2; size <= 3 && start + size <= words.length; size++) {
          const row = words.slice(start, start + size);
          if (!row.every((word) => weights.has(word))) break;
          const phrase = row.join('');
          counts.set(phrase, (counts.get(phrase) ?? 0) + (weight > 1 ? 2 : 1));
          means.set(phrase, row.reduce((sum, word) => sum + weights.get(word)!, 0) / size);
        }
      }
    }
  }
  const repeated = [...counts].filter(([, count]) => count >= 2);
  const whole = repeated.filter(
    ([phrase, count]) =>
      !repeated.some(
        ([longer, times]) => longer.length > phrase.length && times >= count && longer.includes(phrase),
      ),
  );
  return new Map(whole.map(([phrase]) => [phrase, means.get(phrase)! * 1.2]));
}
