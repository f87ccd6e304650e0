/** Weights of relevance out of labelled questions, judged on questions that they were not trained on. */
import { type RelevanceModel, UNTRAINED } from '../relevance/model.ts';
import { type Example, foldOf, logLoss, train } from '../relevance/train.ts';
import { type QueryOutcome, round } from './evaluate.ts';
import { mean, ndcg } from './metrics.ts';
import { randomisationTest, type Significance } from './significance.ts';

const FOLDS = 5;

/** Every video that was found for a question, relevant or not, but no guesses. @param outcomes asked without a cut-off */
export function examplesOf(outcomes: readonly QueryOutcome[]): (Example & { video: string })[] {
  return outcomes.flatMap(({ query, answer }) =>
    answer.results.flatMap(({ video, explain }) =>
      explain
        ? [
            {
              ...{ query: `${query.kind} ${query.text}`, video },
              features: Object.fromEntries(explain.features.map(({ feature, value }) => [feature, value])),
              relevant: (query.relevant[video] ?? 0) > 0,
            },
          ]
        : [],
    ),
  );
}

/** On questions that the weights were not trained on. */
export interface HeldOut {
  folds: number;
  examples: number;
  relevant: number;
  logLoss: { trained: number; untrained: number };
  /** Of the order of what was found, which is all that weights can change. */
  ndcg10: { trained: number; untrained: number };
  significance: Significance;
}

/** @throws RangeError without relevant and other examples */
export function trainOn(
  outcomes: readonly QueryOutcome[],
  source: string,
): { model: RelevanceModel; held: HeldOut; report: string[] } {
  const examples = examplesOf(outcomes);
  const names = Object.keys(UNTRAINED.weights);
  const learn = (from: readonly Example[]) => train(from, names, { prior: UNTRAINED });
  const held = {
    loss: [] as number[],
    untrainedLoss: [] as number[],
    ndcg: [] as number[],
    untrainedNdcg: [] as number[],
  };
  for (let fold = 0; fold < FOLDS; fold++) {
    const test = examples.filter(({ query }) => foldOf(query, FOLDS) === fold);
    if (test.length === 0) continue;
    const learnt = learn(examples.filter(({ query }) => foldOf(query, FOLDS) !== fold));
    held.loss.push(logLoss(test, learnt));
    held.untrainedLoss.push(logLoss(test, UNTRAINED));
    held.ndcg.push(...rankingQuality(test, learnt));
    held.untrainedNdcg.push(...rankingQuality(test, UNTRAINED));
  }
  const model: RelevanceModel = { id: `trained on ${source}`, ...rounded(learn(examples)) };
  const measured: HeldOut = {
    folds: FOLDS,
    examples: examples.length,
    relevant: examples.filter(({ relevant }) => relevant).length,
    logLoss: { trained: round(mean(held.loss)), untrained: round(mean(held.untrainedLoss)) },
    ndcg10: { trained: round(mean(held.ndcg)), untrained: round(mean(held.untrainedNdcg)) },
    significance: randomisationTest(held.untrainedNdcg, held.ndcg),
  };
  const { logLoss: losses, ndcg10, significance } = measured;
  return {
    model,
    held: measured,
    report: [
      `${measured.examples} examples, ${measured.relevant} of them relevant; ${FOLDS} folds by question`,
      `held out: log loss ${losses.trained} (untrained ${losses.untrained}), nDCG@10 of what was found ${ndcg10.trained} (untrained ${ndcg10.untrained}, p = ${significance.p.toFixed(4)})`,
      ...Object.entries(model.weights)
        .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
        .map(
          ([name, weight]) =>
            `  ${name.padEnd(18)} ${weight.toFixed(2).padStart(6)} (untrained ${UNTRAINED.weights[name]})`,
        ),
    ],
  };
}

/** nDCG@10 of each question's found videos in the order of their grades. */
function rankingQuality(
  examples: readonly (Example & { video: string })[],
  { bias, weights }: Pick<RelevanceModel, 'bias' | 'weights'>,
): number[] {
  const questions = new Map<string, (Example & { video: string })[]>();
  for (const example of examples) {
    const known = questions.get(example.query);
    if (known) known.push(example);
    else questions.set(example.query, [example]);
  }
  const value = ({ features }: Example) =>
    Object.entries(features).reduce((sum, [name, each]) => sum + (weights[name] ?? 0) * each, bias);
  return [...questions.values()].flatMap((own) => {
    const grades = new Map(own.filter(({ relevant }) => relevant).map(({ video }) => [video, 1]));
    if (grades.size === 0) return [];
    const ranked = [...own].sort((a, b) => value(b) - value(a)).map(({ video }) => video);
    return [ndcg(ranked, grades, 10)];
  });
}

function rounded({
  bias,
  weights,
}: Pick<RelevanceModel, 'bias' | 'weights'>): Pick<RelevanceModel, 'bias' | 'weights'> {
  return {
    bias: round(bias),
    weights: Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, round(weight)])),
  };
}
