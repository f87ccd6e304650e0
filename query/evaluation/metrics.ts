/** Measures of a ranking. Pure; grades are whole numbers from 0 (not relevant). */

/**
 * Normalised discounted cumulative gain (Järvelin & Kekäläinen, TOIS 2002) with gain 2^grade - 1 and discount log2(rank + 1).
 * @param ranked ids, best first, each once
 * @param grades of all relevant ids; others have 0
 * @returns 0..1; 0 when nothing is relevant
 */
export function ndcg(ranked: readonly string[], grades: ReadonlyMap<string, number>, k: number): number {
  const gain = (grade: number, at: number) => (2 ** grade - 1) / Math.log2(at + 2);
  const dcg = ranked.slice(0, k).reduce((sum, id, at) => sum + gain(grades.get(id) ?? 0, at), 0);
  const ideal = [...grades.values()]
    .sort((a, b) => b - a)
    .slice(0, k)
    .reduce((sum, grade, at) => sum + gain(grade, at), 0);
  return ideal === 0 ? 0 : dcg / ideal;
}

/** One over the rank of the first relevant id; 0 when there is none. */
export function reciprocalRank(ranked: readonly string[], grades: ReadonlyMap<string, number>): number {
  const at = ranked.findIndex((id) => (grades.get(id) ?? 0) > 0);
  return at < 0 ? 0 : 1 / (at + 1);
}

/** Share of the relevant ids among the first `k`; of at most `k` of them, so that 1 can be reached. */
export function recallAt(ranked: readonly string[], grades: ReadonlyMap<string, number>, k: number): number {
  const relevant = [...grades].filter(([, grade]) => grade > 0).length;
  if (relevant === 0) return 0;
  const found = ranked.slice(0, k).filter((id) => (grades.get(id) ?? 0) > 0).length;
  return found / Math.min(k, relevant);
}

export interface Span {
  video: string;
  startSec: number;
  endSec: number;
}

/** Whether one of the moments begins within the span, or at most `tolerance` seconds beside it. */
export function hitsMoment(
  moments: readonly { video: string; atSec: number }[],
  spans: readonly Span[],
  tolerance = 2,
): boolean {
  return moments.some(({ video, atSec }) =>
    spans.some(
      (span) =>
        span.video === video && atSec >= span.startSec - tolerance && atSec <= span.endSec + tolerance,
    ),
  );
}

/** 0 for none. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
