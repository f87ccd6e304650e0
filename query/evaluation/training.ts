/** Weights of relevance out of labelled questions, judged on questions that they were not trained on. */
import { type RelevanceModel, UNTRAINED } from '../relevance/model.ts';
import { type Example, foldOf, logLoss, train } from '../relevance/train.ts';
import { type QueryOutcome, round } from './evaluate.ts';
import { mean, ndcg } from './metrics.ts';

const FOLDS = 5;

/** Every video that was found for a question, relevant or not. @param outcomes asked with `explain` and without a cut-off */
export function examplesOf(outcomes: readonly QueryOutcome[]): (Example & { video: string })[] {
  return outcomes.flatMap(({ query, answer }) =>
    [...answer.results, ...answer.weak].flatMap(({ video, explain }) =>
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

/** @throws RangeError without relevant and other examples */
export function trainOn(
  outcomes: readonly QueryOutcome[],
  source: string,
): { model: RelevanceModel; report: string[] } {
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
  const shown = (values: number[]) => mean(values).toFixed(4);
  return {
    model,
    report: [
      `${examples.length} examples, ${examples.filter(({ relevant }) => relevant).length} of them relevant; ${FOLDS} folds by question`,
      `held out: log loss ${shown(held.loss)} (untrained ${shown(held.untrainedLoss)}), nDCG@10 ${shown(held.ndcg)} (untrained ${shown(held.untrainedNdcg)})`,
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
