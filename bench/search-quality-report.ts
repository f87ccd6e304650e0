/** What bench/search-quality.ts found, as a page of markdown. Pure. */
import type { GroupResult } from '../query/evaluation/evaluate.ts';
import type { Grading } from '../query/evaluation/grading.ts';
import { asMarkdown, type Receipt, type Section } from '../query/evaluation/report.ts';
import type { Significance } from '../query/evaluation/significance.ts';
import type { HeldOut } from '../query/evaluation/training.ts';

/** Of one set of questions. */
export interface Compared {
  receipt: Receipt;
  meanMs: number;
  silence: { asked: number; silent: number };
  /** Only channels that found something relevant, the best first. */
  groups: Record<string, GroupResult>;
  /** Other configurations; significance of the whole against them, by language. */
  comparisons: Record<string, { ndcg10: number; wholeAgainstIt: Record<string, Significance> }>;
  grading: Grading;
  cutoffs: {
    cutoff: number;
    questionsWithARightAnswer: number;
    shareOfAnswersThatAreRight: number;
    /** `n/m`; null where no such questions are asked. */
    unanswerableLeftUnanswered: string | null;
  }[];
  training: HeldOut & { bias: number; weights: Record<string, number> };
}

const percent = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : (value * 100).toFixed(1);

export function qualityReport(command: string, sets: Readonly<Record<string, Compared>>): string {
  const head: Section = {
    title: 'Search quality',
    text: [`Command: ${command}. All measures in per cent.`],
  };
  return asMarkdown([head, ...Object.entries(sets).flatMap(([name, each]) => sectionsOf(name, each))]);
}

function sectionsOf(name: string, { groups, comparisons, cutoffs, training }: Compared): Section[] {
  const { logLoss, ndcg10, significance } = training;
  return [
    {
      title: `${name}: nDCG@10`,
      table: [
        [
          ...['questions', 'n', 'whole', 'plain BM25', 'p', 'best single channel', 'recall@10'],
          ...['moment in five', 'best channel’s'],
        ],
        ...Object.entries(groups).map(([group, each]) => groupRow(group, each)),
      ],
    },
    {
      title: `${name}: the whole against other configurations, nDCG@10`,
      table: [
        ['other', 'its nDCG@10', 'questions', 'whole better by', 'p', 'better / equal / worse'],
        ...Object.entries(comparisons).flatMap(([other, { ndcg10: own, wholeAgainstIt }]) =>
          Object.entries(wholeAgainstIt).map(([group, { difference, p, better, equal, worse }]) => [
            ...[group === 'all' ? other : '', group === 'all' ? percent(own) : '', group],
            ...[percent(difference), p.toFixed(4), `${better} / ${equal} / ${worse}`],
          ]),
        ),
      ],
    },
    {
      title: `${name}: cut-off and training`,
      text: [
        `Weights trained on four fifths of the questions, measured on the others: log loss ${logLoss.trained} (untrained ${logLoss.untrained}); nDCG@10 of what was found ${percent(ndcg10.trained)} (untrained ${percent(ndcg10.untrained)}, p = ${significance.p.toFixed(4)}).`,
      ],
      table: [
        [
          'cut-off',
          'questions with a right answer',
          'answers that are right',
          'unanswerable left unanswered',
        ],
        ...cutoffs.map((each) => [
          String(each.cutoff),
          percent(each.questionsWithARightAnswer),
          percent(each.shareOfAnswersThatAreRight),
          each.unanswerableLeftUnanswered ?? '–',
        ]),
      ],
    },
  ];
}

function groupRow(group: string, { full, bm25, channels, againstBm25 }: GroupResult): string[] {
  const [channel, best] = Object.entries(channels)[0] ?? ['–', undefined];
  const moments = Math.max(0, ...Object.values(channels).map(({ moment5 }) => moment5 ?? 0));
  return [
    ...[group, String(full.queries), percent(full.ndcg10), percent(bm25.ndcg10), againstBm25.p.toFixed(4)],
    ...[`${channel} ${percent(best?.ndcg10)}`, percent(full.recall10), percent(full.moment5)],
    full.moment5 === null ? '–' : percent(moments),
  ];
}
