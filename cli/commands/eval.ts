import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { compareRuns } from '../../query/evaluation/evaluate.ts';
import { type Baseline, readBaseline, regressions } from '../../query/evaluation/gate.ts';
import { type LabelledSet, readLabelledFile } from '../../query/evaluation/labelled-set.ts';
import { linkAll, linkingSections } from '../../query/evaluation/linking.ts';
import { flatten, measure, type Target, UNANSWERABLE } from '../../query/evaluation/measure.ts';
import { probeIndex, resolveSet } from '../../query/evaluation/probe.ts';
import {
  asMarkdown,
  asPage,
  type Comparison,
  effectCases,
  reportSections,
} from '../../query/evaluation/report.ts';
import { withScratchLibrary } from '../../query/evaluation/scratch-library.ts';
import { readCaptions } from '../../query/evaluation/sets/captions.ts';
import type { DocumentSet } from '../../query/evaluation/sets/documents.ts';
import { readEntities } from '../../query/evaluation/sets/entities.ts';
import { readTitles } from '../../query/evaluation/sets/titles.ts';
import { readVideoLabels } from '../../query/evaluation/sets/videos.ts';
import { trainOn } from '../../query/evaluation/training.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { indexModels } from '../../shared/index/generation.ts';
import { SEARCH_SECTIONS, type SearchConfig } from '../../shared/search-config.ts';
import { type App, createApp } from '../../workers/app.ts';
import { STAGES } from '../../workers/stages.ts';
import type { Enter } from '../main.ts';
import { fileLogger, type Session } from '../session.ts';

const EXAMPLE = `
Examples:
  cinedex eval --labels ../shared/data --report ./report
  cinedex eval --set captions --labels ../shared/data
  cinedex eval --labels questions.json --against fusion=score --against cutoff=0
  cinedex eval --labels questions.json --baseline bench/search-baseline.json`;

/** Labelled media beside the checkout. */
const BESIDE = path.resolve(import.meta.dirname, '../../../shared/data');
const TOLERANCE = 0.02;
const SETS = ['videos', 'captions', 'titles', 'entities'] as const;

interface EvalOptions {
  labels?: string;
  set: (typeof SETS)[number];
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
      'Asks labelled questions and measures the answers: nDCG@10, MRR, recall of the whole and of each channel, moments, grades.',
    )
    .option('--labels <path>', 'JSON file of labelled questions, or a folder of labelled media')
    .addOption(
      new Option(
        '--set <name>',
        'which labels of the folder: of its videos, which have to be indexed; or captions of pictures, judged titles or names of films, which bring what is searched along',
      )
        .choices(SETS)
        .default('videos'),
    )
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
      const place = placeOfLabels(options.labels);
      if (options.set === 'entities') return evaluateLinking(session, options, place);
      const app = await createApp(session.config, { stages: STAGES, logger: fileLogger(session.config) });
      try {
        await withTarget(session, app, options.set, place, (target) => evaluate(session, target, options));
      } finally {
        await app.stop();
      }
    });
}

function placeOfLabels(given: string | undefined): string {
  const place = given ?? (existsSync(path.join(BESIDE, 'manifest.json')) ? BESIDE : undefined);
  if (place === undefined) throw new CinedexError('USAGE', 'Name labelled questions with --labels.');
  return place;
}

async function withTarget(
  session: Session,
  app: App,
  name: Exclude<EvalOptions['set'], 'entities'>,
  place: string,
  use: (target: Target) => Promise<void>,
): Promise<void> {
  const { tenant, signal, output } = session;
  const { index, encoders, identities, models } = app.services;
  if (name === 'videos') {
    const labels = place.endsWith('.json') ? await readLabelledFile(place) : await readVideoLabels(place);
    const library = await probeIndex({ index, ledger: app.stores.ledger }, tenant, labels);
    const set = resolveSet(labels, library);
    if (set.queries.length === 0) {
      throw new CinedexError('USAGE', 'None of the labelled questions is about a video that is indexed.');
    }
    const services = { index, encoders, identities };
    return use({ services, tenant, set, index: library, failed: library.failed, unanswerable: UNANSWERABLE });
  }
  const set: DocumentSet = name === 'captions' ? await readCaptions(place) : await readTitles(place);
  const progress = output.progress('indexing the set');
  const onProgress = (done: number, total: number) => progress.update(done, total, '');
  const options = { encoders, models: indexModels({ encoders, models }), tenant, signal, onProgress };
  return withScratchLibrary(set.documents, options, async ({ index: own, generation }) => {
    progress.stop();
    await use({
      ...{ services: { index: own, encoders, identities: null }, tenant, set, failed: [] },
      index: { generation, videos: set.documents.length },
      // Pages of the web are about anything.
      unanswerable: name === 'captions' ? UNANSWERABLE : [],
    });
  }).finally(() => progress.stop());
}

async function evaluate(session: Session, target: Target, options: EvalOptions): Promise<void> {
  const { output, config } = session;
  const before = otherConfig(config.search, options.against);
  const after = await run(session, target, config.search, 'asking');
  let comparison: Comparison | undefined;
  if (Object.keys(options.against).length > 0) {
    const other = await run(session, target, before, 'asking the other configuration');
    comparison = {
      changed: options.against,
      before: other.measurement,
      significance: compareRuns(other.outcomes, after.outcomes),
      cases: effectCases(other.outcomes, after.outcomes, options.named),
    };
  }
  if (options.train) await trainWeights(session, target, options.train);
  const sections = reportSections(after.measurement, comparison);
  const result = { ...after.measurement, comparison };
  if (options.report) await writeReport(options.report, sections, result);
  const measures = flatten(after.measurement);
  if (options.saveBaseline) {
    const baseline: Baseline = { tolerance: TOLERANCE, dataset: target.set.checksum, measures };
    await writeFile(options.saveBaseline, `${JSON.stringify(baseline, null, 2)}\n`);
  }
  output.result(result, () => asMarkdown(sections).split('\n'));
  if (options.baseline) await checkBaseline(session, options.baseline, target.set, measures);
}

async function run(session: Session, target: Target, config: SearchConfig, title: string) {
  const progress = session.output.progress(title);
  try {
    return await measure(target, config, {
      command: `cinedex ${process.argv.slice(2).join(' ')}`,
      signal: session.signal,
      onProgress: (done, total) => progress.update(done, total, ''),
    });
  } finally {
    progress.stop();
  }
}

async function evaluateLinking({ output }: Session, options: EvalOptions, place: string): Promise<void> {
  const result = linkAll(await readEntities(place));
  const sections = linkingSections(result);
  if (options.report) await writeReport(options.report, sections, result);
  output.result(result, () => asMarkdown(sections).split('\n'));
}

/** All candidates are looked at, those that are cut off too: the model has to learn where to cut. */
async function trainWeights(session: Session, target: Target, file: string): Promise<void> {
  const { outcomes } = await run(
    session,
    target,
    { ...session.config.search, cutoff: 0 },
    'gathering examples',
  );
  const trained = trainOn(outcomes, target.set.name);
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
