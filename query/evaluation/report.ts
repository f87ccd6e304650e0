/** What a measurement found, for people: markdown, and a page of it. Pure. */
import type { GroupResult, QueryOutcome, Summary } from './evaluate.ts';
import type { Grading } from './grading.ts';
import type { Significance } from './significance.ts';

/** What is needed to repeat a measurement. */
export interface Receipt {
  command: string;
  dataset: { name: string; checksum: string; queries: number; failed: { name: string; reason: string }[] };
  index: { generation: string; videos: number };
  models: { text: string; space: string; relevance: string };
  config: Record<string, unknown>;
  node: string;
  at: string;
}

export interface Measurement {
  receipt: Receipt;
  groups: Record<string, GroupResult>;
  /** Of questions that nothing answers. */
  silence: { asked: number; silent: number };
  grading: Grading;
  meanMs: number;
}

export interface Comparison {
  /** The configuration of "before", where it differs. */
  changed: Record<string, unknown>;
  before: Measurement;
  significance: Record<string, Significance>;
  cases: EffectCase[];
}

export interface EffectCase {
  query: string;
  kind: string;
  language: string;
  ndcgBefore: number;
  ndcgAfter: number;
  before: CaseAnswer[];
  after: CaseAnswer[];
}

interface CaseAnswer {
  video: string;
  title: string;
  grade: number;
  relevant: boolean;
}

const SHOWN = 5;

function answersOf({ answer, query }: QueryOutcome): CaseAnswer[] {
  return answer.results.slice(0, SHOWN).map(({ video, title, grade, similar }) => ({
    ...{ video, title, grade },
    relevant: [video, ...similar.map((each) => each.video)].some((id) => (query.relevant[id] ?? 0) > 0),
  }));
}

/** The named questions, or those on which two configurations differ most. */
export function effectCases(
  before: readonly QueryOutcome[],
  after: readonly QueryOutcome[],
  named: readonly string[],
  most = 12,
): EffectCase[] {
  const cases = after.map((outcome, i): EffectCase => {
    const { text, kind, language } = outcome.query;
    const old = before[i]!;
    return {
      ...{ query: text, kind, language },
      ndcgBefore: old.full.ndcg10,
      ndcgAfter: outcome.full.ndcg10,
      before: answersOf(old),
      after: answersOf(outcome),
    };
  });
  if (named.length > 0) return cases.filter(({ query }) => named.includes(query));
  const effect = ({ ndcgBefore, ndcgAfter }: EffectCase) => Math.abs(ndcgAfter - ndcgBefore);
  return cases
    .filter((each) => effect(each) > 0)
    .sort((a, b) => effect(b) - effect(a))
    .slice(0, most);
}

const percent = (value: number | null) => (value === null ? '–' : (value * 100).toFixed(1));

function row(
  name: string,
  { ndcg10, reciprocalRank, recall10, recall100, moment1, moment5 }: Summary,
): string[] {
  return [name, ...[ndcg10, reciprocalRank, recall10, recall100, moment1, moment5].map(percent)];
}

const HEADINGS = ['', 'nDCG@10', 'MRR', 'recall@10', 'recall@100', 'moment@1', 'moment@5'];

export interface Section {
  title: string;
  text?: string[];
  table?: string[][];
}

/** Sections of a report; values of measures in per cent. */
export function reportSections(
  { receipt, groups, silence, grading, meanMs }: Measurement,
  comparison?: Comparison,
): Section[] {
  const { dataset, index, models } = receipt;
  const sections: Section[] = [
    {
      title: 'Search quality',
      text: [
        `${dataset.queries} questions of "${dataset.name}" (labels ${dataset.checksum.slice(0, 12)}) over ${index.videos} videos in ${index.generation}.`,
        `Text encoder ${models.text}; picture space ${models.space}; relevance ${models.relevance}. Mean time ${meanMs.toFixed(0)} ms.`,
        ...(silence.asked > 0
          ? [`Of ${silence.asked} questions that nothing answers, ${silence.silent} are answered by nothing.`]
          : []),
        ...(dataset.failed.length > 0
          ? [
              `Left out, for they cannot be indexed: ${dataset.failed.map(({ name, reason }) => `${name} (${reason})`).join(', ')}.`,
            ]
          : []),
      ],
    },
  ];
  for (const [name, { full, answered, bm25, channels, againstBm25 }] of Object.entries(groups)) {
    const best = Object.entries(channels)
      .filter(([, { recall100 }]) => recall100 > 0)
      .sort(([, a], [, b]) => b.ndcg10 - a.ndcg10);
    sections.push({
      title: `${name}: ${full.queries} questions${full.timed > 0 ? `, ${full.timed} with a moment` : ''}`,
      text: [
        verdict('Full search against plain BM25', againstBm25),
        `A right video is above the cut-off for ${percent(answered)} % of the questions.`,
      ],
      table: [
        HEADINGS,
        row('full', full),
        row('plain BM25', bm25),
        ...best.map(([channel, each]) => row(channel, each)),
      ],
    });
  }
  sections.push(gradingSection(grading));
  if (comparison) sections.push(...comparisonSections(comparison));
  return sections;
}

function gradingSection({ pairs, correlation, auc, calibration }: Grading): Section {
  const number = (value: number | null) => (value === null ? '–' : value.toFixed(3));
  return {
    title: 'Grades',
    text: [
      `${pairs} judged pairs: rank correlation of grades with judgements ${number(correlation)}, area under the curve ${number(auc)}.`,
      'Of all that was found, by grade. Grades are meant for even odds: a calibrated one is about the share that would be relevant if as many videos were relevant as not.',
    ],
    table: [
      ['grade', 'found', 'relevant', 'mean grade', 'at even odds'],
      ...calibration.map(({ from, to, found, relevant, meanGrade, evenOdds }) => [
        `${from.toFixed(1)}–${to.toFixed(1)}`,
        String(found),
        String(relevant),
        found > 0 ? meanGrade.toFixed(2) : '–',
        evenOdds === null ? '–' : evenOdds.toFixed(2),
      ]),
    ],
  };
}

function verdict(what: string, { difference, p, better, equal, worse }: Significance): string {
  return `${what}: nDCG@10 ${difference >= 0 ? '+' : ''}${percent(difference)} (p = ${p.toFixed(4)}; ${better} better, ${equal} equal, ${worse} worse).`;
}

function comparisonSections({ changed, significance, cases }: Comparison): Section[] {
  return [
    {
      title: 'Against another configuration',
      text: [
        `Before: ${JSON.stringify(changed)}.`,
        ...Object.entries(significance).map(([group, each]) =>
          verdict(`${group}, after against before`, each),
        ),
      ],
    },
    ...cases.map(({ query, kind, language, ndcgBefore, ndcgAfter, before, after }): Section => {
      const cell = (answer: CaseAnswer | undefined) =>
        answer
          ? `${answer.relevant ? '✔ ' : ''}${answer.title} [${answer.video}] ${answer.grade.toFixed(2)}`
          : '';
      return {
        title: `“${query}”`,
        text: [`${kind}, ${language}: nDCG@10 ${percent(ndcgBefore)} → ${percent(ndcgAfter)}`],
        table: [
          ['', 'before', 'after'],
          ...Array.from({ length: Math.max(before.length, after.length) }, (_, i) => [
            String(i + 1),
            cell(before[i]),
            cell(after[i]),
          ]),
        ],
      };
    }),
  ];
}

export function asMarkdown(sections: readonly Section[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return sections
    .flatMap(({ title, text = [], table = [] }, i) => {
      const [head, ...rows] = table;
      return [
        `${i === 0 ? '#' : '##'} ${title.replaceAll('\n', ' ')}`,
        '',
        ...text.flatMap((each) => [each, '']),
        ...(head ? [line(head), line(head.map(() => '---')), ...rows.map(line), ''] : []),
      ];
    })
    .join('\n');
}

const ENTITY: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string) => text.replace(/[&<>"]/g, (character) => ENTITY[character]!);

/** One file, without scripts; dark where the reader's system is. */
export function asPage(sections: readonly Section[]): string {
  const cells = (name: string, values: readonly string[]) =>
    `<tr>${values.map((value) => `<${name}>${escaped(value)}</${name}>`).join('')}</tr>`;
  const body = sections.map(({ title, text = [], table = [] }, i) => {
    const [head, ...rows] = table;
    const grid = head
      ? `<div class="wide"><table><thead>${cells('th', head)}</thead><tbody>${rows.map((each) => cells('td', each)).join('')}</tbody></table></div>`
      : '';
    const level = i === 0 ? 'h1' : 'h2';
    return `<section><${level}>${escaped(title)}</${level}>${text.map((each) => `<p>${escaped(each)}</p>`).join('')}${grid}</section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Search quality</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2rem; font-size: 1.1rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; }
th, td { padding: .25rem .75rem; text-align: left; border-bottom: 1px solid #8884; font-variant-numeric: tabular-nums; }
</style></head><body>
${body.join('\n')}
</body></html>
`;
}
