/**
 * The unigram tokenizer of SentencePiece (Kudo 2018, arXiv:1804.10959): of all ways to cut a text into known pieces,
 * the one whose pieces have the highest summed log probability, found by Viterbi's algorithm.
 */
const BLANK = '▁';
/** Log probability of a character that no piece covers: less than the rarest piece has. */
const UNKNOWN_SCORE = -30;

export class SentencePiece {
  readonly #pieces = new Map<string, { id: number; score: number }>();
  readonly #longest: number;
  readonly #unknown: number;

  /**
   * @param vocabulary pieces with their log probabilities, in the order of their ids
   * @param options.reserved how many ids at the start stand for no text (padding, unknown, …)
   * @param options.unknown id for text that no piece covers
   */
  constructor(vocabulary: [string, number][], options: { reserved: number; unknown: number }) {
    let longest = 1;
    for (const [id, [piece, score]] of vocabulary.entries()) {
      if (id < options.reserved) continue;
      this.#pieces.set(piece, { id, score });
      longest = Math.max(longest, piece.length);
    }
    this.#longest = longest;
    this.#unknown = options.unknown;
  }

  /** Ids of the pieces. Neighbouring unknown characters are one unknown piece. An empty text gives none. */
  encode(text: string): number[] {
    const normalised = text.normalize('NFKC').trim().replace(/\s+/gu, BLANK);
    if (normalised === '') return [];
    const symbols = Array.from(BLANK + normalised);
    const best = new Float64Array(symbols.length + 1).fill(Number.NEGATIVE_INFINITY);
    const from = new Int32Array(symbols.length + 1);
    const ids = new Int32Array(symbols.length + 1);
    best[0] = 0;
    for (let start = 0; start < symbols.length; start++) {
      this.#extend(symbols, start, best, from, ids);
    }
    const path: number[] = [];
    for (let end = symbols.length; end > 0; end = from[end]!) path.push(ids[end]!);
    path.reverse();
    return path.filter((id, index) => id !== this.#unknown || path[index - 1] !== this.#unknown);
  }

  #extend(symbols: string[], start: number, best: Float64Array, from: Int32Array, ids: Int32Array): void {
    const reach = (end: number, score: number, id: number) => {
      if (best[start]! + score <= best[end]!) return;
      best[end] = best[start]! + score;
      from[end] = start;
      ids[end] = id;
    };
    let piece = '';
    for (let end = start + 1; end <= symbols.length && piece.length < this.#longest; end++) {
      piece += symbols[end - 1]!;
      const known = this.#pieces.get(piece);
      if (known) reach(end, known.score, known.id);
    }
    reach(start + 1, UNKNOWN_SCORE, this.#unknown);
  }
}
