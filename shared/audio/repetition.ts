/**
 * How many tokens at the end only repeat: a phrase of one to twelve tokens said four times in a row (six times for a
 * single token, since "no, no, no" is speech). Returns all rounds but the first, or 0.
 */
export function repetitionLength(tokens: readonly number[]): number {
  for (let period = 1; period <= 12; period++) {
    const rounds = period === 1 ? 6 : 4;
    const span = period * rounds;
    if (tokens.length < span) break;
    const start = tokens.length - span;
    let same = true;
    for (let i = start + period; i < tokens.length && same; i++) same = tokens[i] === tokens[i - period];
    if (same) return span - period;
  }
  return 0;
}
