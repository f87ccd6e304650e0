/**
 * What the layers of searching are worth: configurations compared on the same questions in one run, with significance, over
 * videos that are indexed, captions of pictures and judged titles; entity linking; weights trained and judged on other
 * questions; and what the cut-off keeps and keeps out.
 * Usage: node bench/search-quality.ts --data <data folder> [--labels <folder>] [--out <file>.json]
 * The videos of the labels have to be indexed there under titles that give nothing away.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compareRuns, type GroupResult, type QueryOutcome, round } from '../query/evaluation/evaluate.ts';
import { linkAll } from '../query/evaluation/linking.ts';
import { measure, type Target, UNANSWERABLE } from '../query/evaluation/measure.ts';
import { mean } from '../query/evaluation/metrics.ts';
import { probeIndex, resolveSet } from '../query/evaluation/probe.ts';
import { withScratchLibrary } from '../query/evaluation/scratch-library.ts';
import { readCaptions } from '../query/evaluation/sets/captions.ts';
import type { DocumentSet } from '../query/evaluation/sets/documents.ts';
import { readEntities } from '../query/evaluation/sets/entities.ts';
import { readTitles } from '../query/evaluation/sets/titles.ts';
import { readVideoLabels } from '../query/evaluation/sets/videos.ts';
import { trainOn } from '../query/evaluation/training.ts';
import { createSearch } from '../query/search.ts';
import { openEmbedded } from '../shared/adapters/embedded/index.ts';
import { loadConfig } from '../shared/config.ts';
import { indexModels } from '../shared/index/generation.ts';
import { createEncoders } from '../shared/models/encoders.ts';
import { ModelStore } from '../shared/models/store.ts';
import type { SearchConfig } from '../shared/search-config.ts';
import { type Compared, qualityReport } from './search-quality-report.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    labels: { type: 'string', default: path.resolve(import.meta.dirname, '../../shared/data') },
    out: { type: 'string', default: path.join(import.meta.dirname, 'results/search-quality.json') },
  },
});
if (!values.data) throw new Error('Usage: node bench/search-quality.ts --data <indexed data folder>');
const COMMAND = 'node bench/search-quality.ts --data <folder indexed from the labelled videos>';
const CUTOFFS = [0.2, 0.35, 0.5, 0.65];

type Configuration = { search?: Partial<SearchConfig>; channels?: (name: string) => boolean };

const CONFIGURATIONS: Record<string, Configuration> = {
  'score fusion': { search: { fusion: 'score' } },
  'without late interaction': { channels: (name) => name !== 'videos.parts~' },
  'words only': { channels: (name) => !name.endsWith('~') },
  'meaning only': { channels: (name) => name.endsWith('~') },
};

const config = loadConfig({}, {}, { core: { dataDir: values.data } });
const { tenant } = config.core;
const stores = await openEmbedded(config.core.dataDir);
const models = new ModelStore(config.core.modelsDir);
const encoders = createEncoders(config, models);

/** Channels that found something relevant, and the whole. */
function told({ full, bm25, channels, answered, againstBm25 }: GroupResult): GroupResult {
  const best = Object.entries(channels)
    .filter(([, { recall100 }]) => recall100 > 0)
    .sort(([, a], [, b]) => b.ndcg10 - a.ndcg10);
  return { full, answered, bm25, againstBm25, channels: Object.fromEntries(best) };
}

/** What different cut-offs would keep, from answers that none was applied to. */
async function cutoffs(target: Target, outcomes: readonly QueryOutcome[]): Promise<Compared['cutoffs']> {
  const search = createSearch(target.services, { config: { ...config.search, cutoff: 0 } });
  const stray: number[] = [];
  for (const text of target.unanswerable) {
    const { results } = await search({ tenant, text });
    stray.push(Math.max(0, ...results.map(({ grade }) => grade)));
  }
  return CUTOFFS.map((cutoff) => {
    const kept = outcomes.map(({ query, answer }) => {
      const above = answer.results.filter(({ grade }) => grade >= cutoff);
      const right = above.filter(({ video, similar }) =>
        [video, ...similar.map((each) => each.video)].some((id) => (query.relevant[id] ?? 0) > 0),
      );
      return { answers: above.length, right: right.length };
    });
    return {
      cutoff,
      questionsWithARightAnswer: round(mean(kept.map(({ right }) => Number(right > 0)))),
      shareOfAnswersThatAreRight: round(
        kept.reduce((sum, { right }) => sum + right, 0) /
          Math.max(
            1,
            kept.reduce((sum, { answers }) => sum + answers, 0),
          ),
      ),
      unanswerableLeftUnanswered:
        stray.length === 0 ? null : `${stray.filter((grade) => grade < cutoff).length}/${stray.length}`,
    };
  });
}

async function compare(name: string, target: Target): Promise<Compared> {
  const run = (search: Partial<SearchConfig>, channels?: Configuration['channels']) =>
    measure(target, { ...config.search, ...search }, { command: COMMAND, ...(channels && { channels }) });
  console.error(`${name}: ${target.set.queries.length} questions`);
  const whole = await run({});
  const comparisons: Compared['comparisons'] = {};
  for (const [title, { search = {}, channels }] of Object.entries(CONFIGURATIONS)) {
    const other = await run(search, channels);
    comparisons[title] = {
      ndcg10: other.measurement.groups.all!.full.ndcg10,
      wholeAgainstIt: compareRuns(other.outcomes, whole.outcomes),
    };
    console.error(`  ${title}: ${other.measurement.groups.all?.full.ndcg10}`);
  }
  const uncut = await run({ cutoff: 0 });
  const { model, held } = trainOn(uncut.outcomes, name);
  const { receipt, groups, silence, grading, meanMs } = whole.measurement;
  return {
    receipt,
    meanMs: Math.round(meanMs),
    silence,
    groups: Object.fromEntries(Object.entries(groups).map(([group, each]) => [group, told(each)])),
    comparisons,
    grading,
    cutoffs: await cutoffs(target, uncut.outcomes),
    training: { ...held, bias: model.bias, weights: model.weights },
  };
}

async function compareDocuments(set: DocumentSet, unanswerable: readonly string[]): Promise<Compared> {
  const own = { encoders, models: indexModels({ encoders, models }), tenant };
  return withScratchLibrary(set.documents, own, ({ index, generation }) =>
    compare(set.name, {
      services: { index, encoders, identities: null },
      index: { generation, videos: set.documents.length },
      ...{ tenant, set, failed: [], unanswerable },
    }),
  );
}

try {
  const labels = await readVideoLabels(values.labels);
  const library = await probeIndex(stores, tenant, labels);
  const services = { index: stores.index, encoders, identities: stores.identities };
  const compared: Record<string, Compared> = {
    videos: await compare('videos', {
      ...{ services, tenant, set: resolveSet(labels, library), index: library, failed: library.failed },
      unanswerable: UNANSWERABLE,
    }),
    captions: await compareDocuments(await readCaptions(values.labels), UNANSWERABLE),
    titles: await compareDocuments(await readTitles(values.labels), []),
  };
  const entities = linkAll(await readEntities(values.labels));
  const result = { command: COMMAND, ...compared, entities };
  mkdirSync(path.dirname(values.out), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(result, null, 1)}\n`);
  const report = qualityReport(COMMAND, compared);
  writeFileSync(values.out.replace(/\.json$/, '.md'), report);
  console.log(report);
} finally {
  await encoders.close();
  await stores.close();
}
