/** How well grades agree with what people judged. Pure. */
import type { QueryOutcome } from './evaluate.ts';
import { mean } from './metrics.ts';

export interface Grading {
  /** Pairs of a question and a video that somebody judged; those that were not found at all have the grade 0. */
  pairs: number;
  /** Spearman's rank correlation of grades with judgements, −1..1; null where either does not vary. */
  correlation: number | null;
  /** Probability that a relevant one has a higher grade than one judged not relevant; null without both. */
  auc: number | null;
  /**
   * What was found, by ranges of grades. Weights are set and trained for even odds, so a calibrated grade is about the share
   * that would be relevant if as many of the videos were relevant as not: `evenOdds`.
   */
  calibration: {
    from: number;
    to: number;
    found: number;
    relevant: number;
    evenOdds: number | null;
    meanGrade: number;
  }[];
}

const BINS = 5;

export function gradingOf(outcomes: readonly Pick<QueryOutcome, 'query' | 'answer'>[]): Grading {
  const judged: { grade: number; judgement: number }[] = [];
  const found: { grade: number; relevant: boolean }[] = [];
  for (const { query, answer } of outcomes) {
    const grades = new Map<string, number>();
    for (const { video, grade, similar } of [...answer.results, ...answer.weak]) {
      for (const id of [video, ...similar.map((each) => each.video)]) grades.set(id, grade);
      found.push({ grade, relevant: (query.relevant[video] ?? 0) > 0 });
    }
    for (const [id, judgement] of Object.entries(query.relevant)) {
      judged.push({ grade: grades.get(id) ?? 0, judgement });
    }
  }
  const relevantAll = found.filter(({ relevant }) => relevant).length;
  return {
    pairs: judged.length,
    correlation: spearman(
      judged.map(({ grade }) => grade),
      judged.map(({ judgement }) => judgement),
    ),
    auc: areaUnderCurve(judged.map(({ grade, judgement }) => ({ score: grade, positive: judgement > 0 }))),
    calibration: Array.from({ length: BINS }, (_, bin) => {
      const [from, to] = [bin / BINS, (bin + 1) / BINS];
      const own = found.filter(({ grade }) => grade >= from && (grade < to || bin === BINS - 1));
      const relevant = own.filter((each) => each.relevant).length;
      const ofRelevant = relevant / Math.max(1, relevantAll);
      const ofOthers = (own.length - relevant) / Math.max(1, found.length - relevantAll);
      return {
        ...{ from, to, found: own.length, relevant },
        evenOdds: own.length === 0 ? null : ofRelevant / (ofRelevant + ofOthers),
        meanGrade: mean(own.map(({ grade }) => grade)),
      };
    }),
  };
}

/** Ranks from 1; equal values share the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((value, at) => ({ value, at })).sort((a, b) => a.value - b.value);
  const ranked = new Array<number>(values.length).fill(0);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && order[to]!.value === order[from]!.value) to += 1;
    for (let i = from; i < to; i++) ranked[order[i]!.at] = (from + to + 1) / 2;
    from = to;
  }
  return ranked;
}

/** Spearman 1904: Pearson's correlation of the ranks. */
export function spearman(first: readonly number[], second: readonly number[]): number | null {
  const [a, b] = [ranks(first), ranks(second)];
  const [meanA, meanB] = [mean(a), mean(b)];
  let both = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    both += (a[i]! - meanA) * (b[i]! - meanB);
    squareA += (a[i]! - meanA) ** 2;
    squareB += (b[i]! - meanB) ** 2;
  }
  return squareA === 0 || squareB === 0 ? null : both / Math.sqrt(squareA * squareB);
}

/** By the ranks of the positives (Mann & Whitney 1947); equal scores count half. */
export function areaUnderCurve(examples: readonly { score: number; positive: boolean }[]): number | null {
  const positives = examples.filter(({ positive }) => positive).length;
  const negatives = examples.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const ranked = ranks(examples.map(({ score }) => score));
  const sum = examples.reduce((total, { positive }, i) => (positive ? total + ranked[i]! : total), 0);
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
