/** Trains the weights of relevance: logistic regression on graded examples. Small, deterministic, without a library. */
import type { RelevanceModel } from './model.ts';

export interface Example {
  /** Which question it belongs to; folds never part a question. */
  query: string;
  features: Readonly<Record<string, number>>;
  relevant: boolean;
}

export interface TrainingOptions {
  /** Strength of the pull towards the prior weights (their Gaussian's precision, per example). @default 0.01 */
  ridge?: number;
  /** @default 2000 */
  steps?: number;
  /** Weights that examples are weighed against: few examples leave them as they are. */
  prior?: RelevanceModel;
}

const RATE = 0.5;

/**
 * Maximum a posteriori by gradient descent with momentum (Nesterov); both classes count the same in total, so that the many
 * candidates that are not relevant do not drown the few that are. The grade then is calibrated for even odds.
 * @throws RangeError without examples of both classes
 */
export function train(
  examples: readonly Example[],
  names: readonly string[],
  { ridge = 0.01, steps = 2_000, prior }: TrainingOptions = {},
): Pick<RelevanceModel, 'bias' | 'weights'> {
  const positives = examples.filter(({ relevant }) => relevant).length;
  const negatives = examples.length - positives;
  if (positives === 0 || negatives === 0) throw new RangeError('Training needs relevant and other examples.');
  const start = [prior?.bias ?? 0, ...names.map((name) => prior?.weights[name] ?? 0)];
  const rows = examples.map(({ features }) => [1, ...names.map((name) => features[name] ?? 0)]);
  const importance = examples.map(({ relevant }) => 0.5 / (relevant ? positives : negatives));
  let weights = [...start];
  let velocity = weights.map(() => 0);
  for (let step = 0; step < steps; step++) {
    const ahead = weights.map((weight, j) => weight + 0.9 * velocity[j]!);
    const gradient = ahead.map((weight, j) => ridge * (weight - start[j]!));
    for (const [i, row] of rows.entries()) {
      let sum = 0;
      for (let j = 0; j < row.length; j++) sum += row[j]! * ahead[j]!;
      const error = (1 / (1 + Math.exp(-sum)) - (examples[i]!.relevant ? 1 : 0)) * importance[i]!;
      for (let j = 0; j < row.length; j++) gradient[j]! += error * row[j]!;
    }
    velocity = velocity.map((each, j) => 0.9 * each - RATE * gradient[j]!);
    weights = weights.map((weight, j) => weight + velocity[j]!);
  }
  const [bias = 0, ...rest] = weights;
  return { bias, weights: Object.fromEntries(names.map((name, j) => [name, rest[j]!])) };
}

/** Fold of a question: always the same one, whatever else is in the set. */
export function foldOf(query: string, folds: number): number {
  let hash = 2_166_136_261;
  for (const character of query) hash = Math.imul(hash ^ character.codePointAt(0)!, 16_777_619) >>> 0;
  return hash % folds;
}

/** How probable the examples' labels are to the model, mean negative logarithm, both classes counting the same. */
export function logLoss(
  examples: readonly Example[],
  { bias, weights }: Pick<RelevanceModel, 'bias' | 'weights'>,
): number {
  const losses = { true: [] as number[], false: [] as number[] };
  for (const { features, relevant } of examples) {
    const sum = Object.entries(features).reduce(
      (total, [name, value]) => total + (weights[name] ?? 0) * value,
      bias,
    );
    losses[`${relevant}`].push(Math.log1p(Math.exp(relevant ? -sum : sum)));
  }
  const mean = (values: number[]) =>
    values.reduce((total, value) => total + value, 0) / Math.max(1, values.length);
  return (mean(losses.true) + mean(losses.false)) / 2;
}
