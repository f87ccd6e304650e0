/**
 * What a search takes, stage by stage, in a growing library, alone and beside fifteen others, against what the store takes for
 * the same channels' queries alone (their vectors computed before); and what growing costs. Encoders are the bundled ones.
 * Usage: node bench/search.ts [--sizes 1000,10000,100000] [--stores embedded,qdrant] [--out <file>]
 * Qdrant is measured where QDRANT_URL or QDRANT_BINARY gives one.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createSearch } from '../query/search.ts';
import type { SearchStage } from '../query/timings.ts';
import { LanceVideoIndex } from '../shared/adapters/embedded/lance-video-index.ts';
import { loadConfig } from '../shared/config.ts';
import { collectionSchemas } from '../shared/index/schema.ts';
import { createEncoders } from '../shared/models/encoders.ts';
import { ModelStore } from '../shared/models/store.ts';
import type { CollectionName, Query, VideoIndex } from '../shared/ports/video-index.ts';
import { cpuSeconds } from '../shared/telemetry/cpu.ts';
import { qdrantUrl } from '../test/servers/index.ts';
import { encodeSubjects, MOMENTS_PER_VIDEO, questions, TENANT, videoPoints } from './search/corpus.ts';

const QUESTIONS = 110;
const CONCURRENCY = [1, 16];
/** Videos written together while the library grows, and one by one once it has grown. */
const VIDEOS_A_WRITE = 25;
const SINGLE_VIDEOS = 10;
const GENERATION = 'bench';
const STAGES: SearchStage[] = ['intent', 'vectors', 'recall', 'candidates', 'ranking', 'moments'];

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    stores: { type: 'string', default: 'embedded,qdrant' },
    out: { type: 'string', default: path.join(import.meta.dirname, 'results/search.json') },
  },
});
const sizes = values.sizes.split(',').map(Number);

const round = (value: number) => Number(value.toPrecision(3));

function percentiles(latencies: readonly number[]) {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Does `work` for each number below `count`, so many at once. @returns each one's latency and the time of all, ms */
async function timed(count: number, atOnce: number, work: (i: number) => Promise<unknown>) {
  const latencies: number[] = [];
  let next = 0;
  const started = performance.now();
  const worker = async () => {
    while (next < count) {
      const i = next++;
      const begun = performance.now();
      await work(i);
      latencies.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { latencies, tookMs: performance.now() - started };
}

type Batch = [collection: CollectionName, queries: Query[]];

/** Keeps the batches of recall, the only ones that rank. */
function recording(index: VideoIndex): { index: VideoIndex; batches: Batch[] } {
  const batches: Batch[] = [];
  const query: VideoIndex['query'] = (generation, collection, queries) => {
    if (queries.some(({ kind }) => kind !== 'scan')) batches.push([collection, queries]);
    return index.query(generation, collection, queries);
  };
  const recorder = new Proxy(index, {
    get: (target, name) => {
      if (name === 'query') return query;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { index: recorder, batches };
}

const config = loadConfig({});
const encoders = createEncoders(config, new ModelStore(config.core.modelsDir));
const text = encoders.text();
const { space } = encoders.multimodal();
const subjects = await encodeSubjects({
  text: (texts) => text.encode(texts),
  visual: (texts) => encoders.multimodal().encodeTexts(texts),
});
const asked = questions(subjects, QUESTIONS);
const schemas = collectionSchemas({
  text: { id: text.id, dimensions: text.dimensions },
  multimodal: { id: space.id, dimensions: space.dimensions },
  face: { id: 'none', dimensions: 128 },
  audio: { id: 'none', dimensions: 104 },
});

async function write(index: VideoIndex, from: number, count: number): Promise<void> {
  const made = Array.from({ length: count }, (_, i) => videoPoints(from + i, subjects));
  await index.upsert(
    GENERATION,
    'moments',
    made.flatMap(({ moments }) => moments),
  );
  await index.upsert(
    GENERATION,
    'videos',
    made.map(({ video }) => video),
  );
}

async function measureSearch(index: VideoIndex) {
  const services = { encoders, identities: null };
  const recorder = recording(index);
  const watched = createSearch({ ...services, index: recorder.index });
  const search = createSearch({ ...services, index });
  const batches: Batch[][] = [];
  let found = 0;
  // Also warms everything up: the dictionary, the store's caches, the compiled code.
  for (const question of asked) {
    await search({ tenant: TENANT, text: question });
    found += (await watched({ tenant: TENANT, text: question })).total;
    batches.push(recorder.batches.splice(0));
  }
  if (found === 0) throw new Error('The searches found nothing: they measure nothing.');
  const bare = (i: number) =>
    Promise.all(batches[i]!.map(([collection, queries]) => index.query(GENERATION, collection, queries)));
  const result: Record<string, unknown> = { relevantVideosPerQuestion: round(found / asked.length) };
  for (const atOnce of CONCURRENCY) {
    const stages = Object.fromEntries(STAGES.map((stage) => [stage, [] as number[]]));
    const whole = async (i: number) => {
      const { timings } = await search({ tenant: TENANT, text: asked[i]!, explain: true });
      for (const stage of STAGES) stages[stage]!.push(timings?.[stage] ?? 0);
    };
    const sides = {
      search: { latencies: [] as number[], tookMs: 0 },
      store: { latencies: [] as number[], tookMs: 0 },
    };
    const add = (side: keyof typeof sides, { latencies, tookMs }: Awaited<ReturnType<typeof timed>>) => {
      sides[side].latencies.push(...latencies);
      sides[side].tookMs += tookMs;
    };
    // The sides take turns, and begin in turn.
    for (const turn of [0, 1]) {
      if (turn === 0) add('store', await timed(asked.length, atOnce, bare));
      add('search', await timed(asked.length, atOnce, whole));
      if (turn === 1) add('store', await timed(asked.length, atOnce, bare));
    }
    const ms = { search: percentiles(sides.search.latencies), store: percentiles(sides.store.latencies) };
    const perSecond = (side: keyof typeof sides) =>
      round(sides[side].latencies.length / (sides[side].tookMs / 1_000));
    result[`concurrency ${atOnce}`] = {
      ms,
      stagesMs: Object.fromEntries(STAGES.map((stage) => [stage, percentiles(stages[stage]!)])),
      perSecond: { search: perSecond('search'), store: perSecond('store') },
      ratios: {
        'p50, search / bare queries': round(ms.search.p50 / ms.store.p50),
        'p95, search / bare queries': round(ms.search.p95 / ms.store.p95),
      },
    };
  }
  return result;
}

async function measureStore(index: VideoIndex, bytes: () => number | null) {
  await index.ensureGeneration(GENERATION, schemas);
  await index.activate(GENERATION);
  const steps: Record<string, unknown> = {};
  let videos = 0;
  for (const size of sizes) {
    const wanted = Math.ceil(size / MOMENTS_PER_VIDEO);
    const before = { at: performance.now(), cpu: cpuSeconds(), videos };
    for (; videos < wanted; videos += VIDEOS_A_WRITE)
      await write(index, videos, Math.min(VIDEOS_A_WRITE, wanted - videos));
    videos = wanted;
    const writtenAt = performance.now();
    await index.optimize(GENERATION);
    const optimised = performance.now();
    const points = (videos - before.videos) * (MOMENTS_PER_VIDEO + 1);
    const growth = {
      pointsAdded: points,
      pointsPerSecond: round(points / ((writtenAt - before.at) / 1_000)),
      optimiseSeconds: round((optimised - writtenAt) / 1_000),
      cpuMsPerPoint: round(((cpuSeconds() - before.cpu) * 1_000) / points),
      bytesPerMoment: bytes() === null ? null : Math.round(bytes()! / (videos * MOMENTS_PER_VIDEO)),
    };
    console.error(size, growth);
    const searching = await measureSearch(index);
    // Videos come one by one: each is two writes.
    const single = await timed(SINGLE_VIDEOS, 1, (i) => write(index, i, 1));
    steps[`${size} moments`] = {
      videos,
      growth: { ...growth, oneMoreVideoMs: percentiles(single.latencies) },
      ...searching,
    };
    console.error(JSON.stringify(steps[`${size} moments`], null, 1));
  }
  return steps;
}

const stores: Record<string, unknown> = {};
if (values.stores.includes('embedded')) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-bench-search-'));
  const index = await LanceVideoIndex.open(folder);
  try {
    stores.embedded = await measureStore(index, () =>
      Number(execFileSync('du', ['-sb', folder], { encoding: 'utf8' }).split('\t')[0]),
    );
  } finally {
    await index.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
const url = values.stores.includes('qdrant') ? await qdrantUrl() : null;
if (url) {
  const { QdrantVideoIndex } = await import('../shared/adapters/cluster/qdrant-video-index.ts');
  const index = await QdrantVideoIndex.open(
    loadConfig({}, {}, { qdrant: { url, prefix: `bench-${process.pid}` } }).qdrant,
  );
  try {
    stores.qdrant = await measureStore(index, () => null);
  } finally {
    await index.dropGeneration(GENERATION);
    await index.close();
  }
}
await encoders.close();
const result = {
  command: 'node bench/search.ts',
  node: process.version,
  cores: os.availableParallelism(),
  material: {
    questions: QUESTIONS,
    searchesPerRow: QUESTIONS * 2,
    momentsPerVideo: MOMENTS_PER_VIDEO,
    dimensions: { text: text.dimensions, visual: space.dimensions },
  },
  stores,
};
writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result, null, 2));
process.exit(0);
