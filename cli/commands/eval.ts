import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { askAll, compareRuns, groupResults, round, silence } from '../../query/evaluation/evaluate.ts';
import { type Baseline, readBaseline, regressions } from '../../query/evaluation/gate.ts';
import { type LabelledSet, readLabelledFile } from '../../query/evaluation/labelled-set.ts';
import { probeIndex, resolveSet } from '../../query/evaluation/probe.ts';
import {
  asMarkdown,
  asPage,
  type Comparison,
  effectCases,
  type Measurement,
  reportSections,
} from '../../query/evaluation/report.ts';
import { trainOn } from '../../query/evaluation/training.ts';
import { readVideoLabels } from '../../query/evaluation/video-labels.ts';
import { readModel } from '../../query/relevance/stored-model.ts';
import { createSearch, type SearchOptions, type SearchServices } from '../../query/search.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { SEARCH_SECTIONS, type SearchConfig } from '../../shared/search-config.ts';
import { type App, createApp } from '../../workers/app.ts';
import { STAGES } from '../../workers/stages.ts';
import type { Enter } from '../main.ts';
import { fileLogger, type Session } from '../session.ts';

const EXAMPLE = `
Examples:
  cinedex eval --labels ../shared/data --report ./report
  cinedex eval --labels questions.json --against fusion=score --against cutoff=0
  cinedex eval --labels questions.json --baseline bench/search-baseline.json`;

/** Labelled media beside the checkout. */
const BESIDE = path.resolve(import.meta.dirname, '../../../shared/data');
const TOLERANCE = 0.02;
/** Questions whose answer is in no collection of everyday videos. */
const UNANSWERABLE = [
  'quarterly tax return form',
  'how to change a car tyre step by step',
  'parliamentary election results',
  'violin concerto in d major',
  'knitting pattern for a sweater vest',
  '量子计算机的工作原理',
  '股票市场分析报告',
  '婚礼上的誓言',
];

interface EvalOptions {
  labels?: string;
  against: Record<string, string>;
  named: string[];
  report?: string;
  baseline?: string;
  saveBaseline?: string;
  train?: string;
}

export function registerEval(program: Command, enter: Enter): void {
  program
    .command('eval')
    .summary('measure the quality of searching')
    .description(
      'Asks labelled questions and measures the answers: nDCG@10, MRR, recall of the whole and of each channel, moments.',
    )
    .option('--labels <path>', 'JSON file of labelled questions, or a folder of labelled media')
    .option(
      '--against <key=value>',
      'compare with this key of search set otherwise; may be repeated',
      pair,
      {},
    )
    .option('--named <question>', 'show this question before and after; may be repeated', repeated, [])
    .option('--report <folder>', 'write report.md, report.html and result.json there')
    .option('--baseline <file>', 'fail when a measure is below this baseline')
    .option('--save-baseline <file>', 'write the measures as a new baseline')
    .option('--train <file>', 'train weights of relevance on the questions, and write them')
    .addHelpText('after', EXAMPLE)
    .action(async (options: EvalOptions, command: Command) => {
      const session = enter(command);
      const app = await createApp(session.config, { stages: STAGES, logger: fileLogger(session.config) });
      try {
        await evaluate(session, app, options);
      } finally {
        await app.stop();
      }
    });
}

async function evaluate(session: Session, app: App, options: EvalOptions): Promise<void> {
  const { output, config, tenant } = session;
  const before = otherConfig(config.search, options.against);
  const labels = await readLabels(options.labels);
  const library = await probeIndex({ index: app.services.index, ledger: app.stores.ledger }, tenant, labels);
  const set = resolveSet(labels, library);
  if (set.queries.length === 0) {
    throw new CinedexError('USAGE', 'None of the labelled questions is about a video that is indexed.');
  }
  const run = async (search: SearchConfig, name: string) => {
    const { outcomes, silent } = await ask(session, app, set, { config: search }, name);
    const { text, multimodal } = {
      text: app.services.encoders.text(),
      multimodal: app.services.encoders.multimodal(),
    };
    const measurement: Measurement = {
      receipt: {
        command: `cinedex ${process.argv.slice(2).join(' ')}`,
        dataset: {
          name: labels.name,
          checksum: labels.checksum,
          queries: set.queries.length,
          failed: library.failed,
        },
        index: { generation: library.generation, videos: library.videos },
        models: {
          text: text.id,
          space: multimodal.space.id,
          relevance: (await readModel(search.relevanceModel)).id,
        },
        config: search,
        node: process.version,
        at: new Date().toISOString(),
      },
      groups: groupResults(outcomes),
      silence: { asked: UNANSWERABLE.length, silent },
      meanMs: outcomes.reduce((sum, { tookMs }) => sum + tookMs, 0) / outcomes.length,
    };
    return { outcomes, measurement };
  };
  const after = await run(config.search, 'asking');
  let comparison: Comparison | undefined;
  if (Object.keys(options.against).length > 0) {
    const other = await run(before, 'asking the other configuration');
    comparison = {
      changed: options.against,
      before: other.measurement,
      significance: compareRuns(other.outcomes, after.outcomes),
      cases: effectCases(other.outcomes, after.outcomes, options.named),
    };
  }
  if (options.train) await trainWeights(session, app, set, options.train);
  const sections = reportSections(after.measurement, comparison);
  if (options.report) await writeReport(options.report, sections, { ...after.measurement, comparison });
  const measures = flatten(after.measurement);
  if (options.saveBaseline) {
    const baseline: Baseline = { tolerance: TOLERANCE, dataset: labels.checksum, measures };
    await writeFile(options.saveBaseline, `${JSON.stringify(baseline, null, 2)}\n`);
  }
  output.result({ ...after.measurement, comparison }, () => asMarkdown(sections).split('\n'));
  if (options.baseline) await checkBaseline(session, options.baseline, labels, measures);
}

async function ask(session: Session, app: App, set: LabelledSet, options: SearchOptions, title: string) {
  const { index, encoders, identities } = app.services;
  const services: SearchServices = { index, encoders, identities };
  const search = createSearch(services, options);
  const progress = session.output.progress(title);
  try {
    const outcomes = await askAll(search, session.tenant, set.queries, {
      signal: session.signal,
      onProgress: (done, total) => progress.update(done, total, ''),
    });
    return { outcomes, silent: await silence(search, session.tenant, UNANSWERABLE) };
  } finally {
    progress.stop();
  }
}

/** All candidates are looked at, those that are cut off too: the model has to learn where to cut. */
async function trainWeights(session: Session, app: App, set: LabelledSet, file: string): Promise<void> {
  const config = { ...session.config.search, cutoff: 0 };
  const { outcomes } = await ask(session, app, set, { config }, 'gathering examples');
  const trained = trainOn(outcomes, set.name);
  await writeFile(file, `${JSON.stringify(trained.model, null, 2)}\n`);
  for (const line of trained.report) session.output.note(line);
}

async function checkBaseline(
  { output }: Session,
  file: string,
  labels: LabelledSet,
  measures: Record<string, number>,
): Promise<void> {
  const baseline = await readBaseline(file);
  if (baseline.dataset !== labels.checksum) {
    throw new CinedexError('USAGE', `${file} was made from other labels, so it says nothing about these.`);
  }
  const fallen = regressions(baseline, measures);
  if (fallen.length > 0) {
    throw new CinedexError(
      'QUALITY_REGRESSED',
      fallen
        .map(({ measure, baseline: was, now }) => `${measure} was ${was}, is ${now ?? 'missing'}`)
        .join('\n'),
    );
  }
  output.note(`All ${Object.keys(baseline.measures).length} measures reach the baseline.`);
}

async function readLabels(given: string | undefined): Promise<LabelledSet> {
  const place = given ?? (existsSync(path.join(BESIDE, 'manifest.json')) ? BESIDE : undefined);
  if (place === undefined) throw new CinedexError('USAGE', 'Name labelled questions with --labels.');
  return place.endsWith('.json') ? readLabelledFile(place) : readVideoLabels(place);
}

function otherConfig(config: SearchConfig, changes: Record<string, string>): SearchConfig {
  const { shape } = SEARCH_SECTIONS.search;
  const changed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(changes)) {
    const field = Object.hasOwn(shape, key) ? shape[key as keyof typeof shape] : undefined;
    const parsed = field?.safeParse(value);
    if (!parsed?.success) throw new CinedexError('USAGE', `search has no key ${key} that can be "${value}".`);
    changed[key] = parsed.data;
  }
  return { ...config, ...changed };
}

/** Measures by `group.measure`, which baselines name. */
function flatten({ groups }: Measurement): Record<string, number> {
  return Object.fromEntries(
    ['all', 'en', 'zh'].flatMap((group) => {
      const full = groups[group]?.full;
      if (!full) return [];
      const { ndcg10, reciprocalRank, recall10, moment5 } = full;
      return Object.entries({ ndcg10, reciprocalRank, recall10, moment5 }).flatMap(([name, value]) =>
        value === null ? [] : [[`${group}.${name}`, round(value)]],
      );
    }),
  );
}

async function writeReport(
  folder: string,
  sections: ReturnType<typeof reportSections>,
  result: object,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'report.md'), asMarkdown(sections));
  await writeFile(path.join(folder, 'report.html'), asPage(sections));
  await writeFile(path.join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
}

function pair(text: string, known: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be key=value.');
  return { ...known, [text.slice(0, at)]: text.slice(at + 1) };
}

function repeated(text: string, known: string[]): string[] {
  return [...known, text];
}
