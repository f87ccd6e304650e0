/** Words near a misspelt one. The deletion index of SymSpell (Garbe 2012): equal after few deletions is a candidate. */
import { editDistance, tolerance } from './edit-distance.ts';

const PREFIX = 8;

export class NearWords {
  readonly #words: ReadonlyMap<string, number>;
  readonly #byDeletion = new Map<string, string[]>();

  /** @param words folded words, and how often each occurs */
  constructor(words: ReadonlyMap<string, number>) {
    this.#words = words;
    for (const word of words.keys()) {
      for (const key of deletions(word.slice(0, PREFIX), tolerance(word.length))) {
        const known = this.#byDeletion.get(key);
        if (known) known.push(word);
        else this.#byDeletion.set(key, [word]);
      }
    }
  }

  has(word: string): boolean {
    return this.#words.has(word);
  }

  /**
   * The nearest known word, the most frequent of equally near ones; null for a known word and where none is near. The first
   * letter is taken to be right: people rarely mistype it, and without that too many words look alike.
   */
  nearest(word: string): { word: string; distance: number } | null {
    if (this.#words.has(word)) return null;
    const limit = tolerance(word.length);
    if (limit === 0) return null;
    let best = null as { word: string; distance: number } | null;
    for (const key of deletions(word.slice(0, PREFIX), limit)) {
      for (const candidate of this.#byDeletion.get(key) ?? []) {
        if (candidate[0] !== word[0] || candidate === best?.word) continue;
        const distance = editDistance(word, candidate, limit);
        if (distance > limit) continue;
        const count = this.#words.get(candidate)!;
        const better =
          !best ||
          distance < best.distance ||
          (distance === best.distance && count > this.#words.get(best.word)!);
        if (better) best = { word: candidate, distance };
      }
    }
    return best;
  }
}

/** The word, and all that is left of it after up to `most` deletions. */
function deletions(word: string, most: number): Set<string> {
  const found = new Set([word]);
  let latest = [word];
  for (let round = 0; round < most; round++) {
    latest = latest.flatMap((each) =>
      Array.from({ length: each.length }, (_, i) => each.slice(0, i) + each.slice(i + 1)),
    );
    for (const each of latest) found.add(each);
  }
  return found;
}
