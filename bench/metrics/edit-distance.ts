/** How far a reading or a transcript is from the truth: character and word error rates over edit distances. */

const PUNCTUATION: Record<string, string> = {
  ...{
    '。': '.',
    '、': ',',
    '“': '"',
    '”': '"',
    '‘': "'",
    '’': "'",
    '—': '-',
    '–': '-',
    '｜': '|',
    '•': '·',
  },
};

/** NFKC, lower case, one form for quotes, dashes and full stops. White space stays. */
export function normaliseText(text: string): string {
  return [...text.normalize('NFKC').toLowerCase()].map((char) => PUNCTUATION[char] ?? char).join('');
}

/** Characters that a character error rate counts: those of the normalised text, without white space. */
export function characters(text: string): string[] {
  return [...normaliseText(text).replace(/\s+/gu, '')];
}

/** Lower-case words of letters and digits (an inner apostrophe stays); each Han character is a word of its own. */
export function words(text: string): string[] {
  return (
    normaliseText(text).match(/\p{Script=Han}|[^\P{L}\p{Script=Han}]+(?:['\p{N}][\p{L}\p{N}]*)*|\p{N}+/gu) ??
    []
  );
}

/** Fewest insertions, deletions and replacements that turn `from` into `to` (Levenshtein 1966). */
export function editDistance<T>(from: readonly T[], to: readonly T[]): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[to.length]!;
}

export interface BestMatch {
  distance: number;
  /** The part of `text` that fits best, [start, end). Empty when leaving everything out is as good. */
  start: number;
  end: number;
}

/**
 * Smallest edit distance of `pattern` against any part of `text`: how well one line was read when the reading holds
 * others too (Sellers 1980). Never more than the pattern's length.
 */
export function bestMatch<T>(pattern: readonly T[], text: readonly T[]): BestMatch {
  let costs = new Array<number>(text.length + 1).fill(0);
  let starts = Array.from({ length: text.length + 1 }, (_, column) => column);
  for (let row = 1; row <= pattern.length; row++) {
    const nextCosts = [row];
    const nextStarts = [0];
    for (let column = 1; column <= text.length; column++) {
      const replaced = costs[column - 1]! + (pattern[row - 1] === text[column - 1] ? 0 : 1);
      const skipped = costs[column]! + 1;
      const added = nextCosts[column - 1]! + 1;
      const least = Math.min(replaced, skipped, added);
      nextCosts.push(least);
      nextStarts.push(
        least === replaced
          ? starts[column - 1]!
          : least === skipped
            ? starts[column]!
            : nextStarts[column - 1]!,
      );
    }
    costs = nextCosts;
    starts = nextStarts;
  }
  let end = 0;
  for (let column = 1; column <= text.length; column++) if (costs[column]! < costs[end]!) end = column;
  if (costs[end]! >= pattern.length) return { distance: pattern.length, start: 0, end: 0 };
  return { distance: costs[end]!, start: starts[end]!, end };
}

/**
 * Edits per character of the truth, white space, case and width of characters left out.
 *
 * @returns 0 for a perfect reading; above 1 where much was invented. An empty truth gives 0 for an empty reading, else 1.
 */
export function characterErrorRate(truth: string, reading: string): number {
  return errorRate(characters(truth), characters(reading));
}

/** Edits per word of the truth, case and punctuation left out. Range as {@link characterErrorRate}. */
export function wordErrorRate(truth: string, reading: string): number {
  return errorRate(words(truth), words(reading));
}

function errorRate(truth: string[], reading: string[]): number {
  if (truth.length === 0) return reading.length === 0 ? 0 : 1;
  return editDistance(truth, reading) / truth.length;
}
