/**
 * What the index on Qdrant costs: writing through the adapter against the bare client sending the same points, batches
 * against single points; the channels of a search in one request against one after the other, and against the bare client.
 * The two sides of a ratio take turns in one run.
 * Usage: QDRANT_URL=http://… (or QDRANT_BINARY=…/qdrant) node bench/qdrant.ts
 */
import { writeFileSync } from 'node:fs';
import { QdrantClient, type Schemas } from '@qdrant/js-client-rest';
import { v5 as uuidv5 } from 'uuid';
import { storedLayout } from '../shared/adapters/cluster/qdrant-collections.ts';
import { NOTHING, toQdrantPoint, toQueryRequest } from '../shared/adapters/cluster/qdrant-points.ts';
import { QdrantVideoIndex } from '../shared/adapters/cluster/qdrant-video-index.ts';
import { loadConfig } from '../shared/config.ts';
import { collectionSchemas } from '../shared/index/schema.ts';
import type { Point, Query } from '../shared/ports/video-index.ts';
import { cpuSeconds } from '../shared/telemetry/cpu.ts';
import { qdrantUrl } from '../test/servers/index.ts';

const POINTS = 3_000;
const BATCH = 100;
const SINGLE = 150;
const SEARCHES = 150;
const DIMENSIONS = 384;
const NAMESPACE = '5b0f2e8e-8a44-4a5d-9c8c-3d2a8f6e1b11';

const url = await qdrantUrl();
if (!url) process.exit(1);
const config = loadConfig({}, {}, { qdrant: { url, prefix: `bench-${process.pid}` } }).qdrant;
const index = await QdrantVideoIndex.open(config);
const { port, hostname } = new URL(url);
const bare = new QdrantClient({
  ...{ host: hostname, port: Number(port), checkCompatibility: false },
  // As the adapter does, or the two would differ by how often an answer waits for an acknowledgement.
  headers: { 'accept-encoding': 'identity' },
});
const { version } = await bare.versionInfo();

const model = { id: 'bench', dimensions: DIMENSIONS };
const videos = collectionSchemas({ text: model, multimodal: model, face: model, audio: model })[0]!;
await index.ensureGeneration('ours', [videos]);
await index.ensureGeneration('bare', [videos]);
const nameOf = (generation: string) => `${config.prefix}.${generation}.videos`;
const layout = storedLayout(nameOf('ours'), await bare.getCollection(nameOf('ours')));

const vector = (seed: number) =>
  Float32Array.from({ length: DIMENSIONS }, (_, i) => Math.sin(seed * 7.3 + i * 1.7 + ((seed * i) % 13)));
const words = (seed: number, count: number) =>
  Array.from({ length: count }, (_, i) => `w${(seed * 31 + i * i * 7) % 5_000}`);
const point = (i: number): Point => ({
  id: uuidv5(`${i}`, NAMESPACE),
  vectors: { title: vector(i), about: vector(i + 0.3), words: vector(i + 0.6), gist: vector(i + 0.9) },
  lexical: {
    title: words(i, 8),
    about: words(i + 1, 40),
    speech: words(i + 2, 200),
    people: words(i + 3, 6),
  },
  payload: {
    tenant: `t${i % 3}`,
    video: `v${i}`,
    revision: 1,
    content: 'c',
    title: `Title ${i}`,
    source: i % 4 ? 'ugc' : 'ogc',
    language: 'en',
    tags: [`tag${i % 20}`, `tag${i % 7}`],
    publishedAt: 1_700_000_000_000 + i,
    durationSec: 60 + (i % 600),
    views: i,
    complete: true,
  },
});

interface Rate {
  perSecond: number;
  cpuMsEach: number;
}
class Meter {
  seconds = 0;
  cpu = 0;
  count = 0;
  async take(count: number, work: () => Promise<unknown>): Promise<void> {
    const cpu = cpuSeconds();
    const started = performance.now();
    await work();
    this.seconds += (performance.now() - started) / 1_000;
    this.cpu += cpuSeconds() - cpu;
    this.count += count;
  }
  rate(): Rate {
    return {
      perSecond: Number((this.count / this.seconds).toFixed(1)),
      cpuMsEach: Number(((this.cpu * 1_000) / this.count).toFixed(2)),
    };
  }
}
const meters = {
  upsertOurs: new Meter(),
  upsertBare: new Meter(),
  upsertSingle: new Meter(),
  searchBatch: new Meter(),
  searchOneByOne: new Meter(),
  searchBare: new Meter(),
};

for (let from = 0; from < POINTS; from += BATCH) {
  const points = Array.from({ length: BATCH }, (_, i) => point(from + i));
  const prepared = points.map((each) => toQdrantPoint(each, layout));
  const ours = () => meters.upsertOurs.take(BATCH, () => index.upsert('ours', 'videos', points));
  const bareWrite = () =>
    meters.upsertBare.take(BATCH, () => bare.upsert(nameOf('bare'), { points: prepared, wait: true }));
  for (const write of (from / BATCH) % 2 ? [ours, bareWrite] : [bareWrite, ours]) await write();
}
await meters.upsertSingle.take(SINGLE, async () => {
  for (let i = 0; i < SINGLE; i++) await index.upsert('ours', 'videos', [point(POINTS + i)]);
});
await index.optimize('ours');

/** The channels of a text search: three token fields, two towers of the document, text to picture. */
const channels = (i: number): Query[] => {
  const filter = [{ field: 'tenant', equals: `t${i % 3}` }];
  const tokens = words(i, 3);
  const limit = 50;
  return [
    ...['title', 'about', 'speech'].map(
      (field): Query => ({ kind: 'lexical', field, tokens, limit, filter }),
    ),
    ...['title', 'words', 'gist'].map(
      (name): Query => ({ kind: 'dense', vector: name, values: vector(i + 0.5), limit, filter }),
    ),
  ];
};
const requests = (queries: Query[]): Schemas['QueryRequest'][] =>
  queries.flatMap((query) => {
    if (query.kind === 'scan') return [];
    const request = toQueryRequest(query, layout.schema);
    return request === NOTHING ? [] : [request];
  });
let found = 0;
for (let i = 0; i < SEARCHES; i++) {
  const queries = channels(i);
  const prepared = requests(queries);
  // The first few warm both sides up.
  const take = (meter: Meter, work: () => Promise<unknown>) => (i < 10 ? work() : meter.take(1, work));
  const sides = [
    () =>
      take(meters.searchBatch, async () => {
        found += (await index.query('ours', 'videos', queries)).flat().length;
      }),
    () =>
      take(meters.searchOneByOne, async () => {
        for (const query of queries) await index.query('ours', 'videos', [query]);
      }),
    () => take(meters.searchBare, () => bare.queryBatch(nameOf('ours'), { searches: prepared })),
  ];
  for (let turn = 0; turn < sides.length; turn++) await sides[(turn + i) % sides.length]!();
}
if (found === 0) throw new Error('The searches found nothing: they measure nothing.');
for (const generation of ['ours', 'bare']) await index.dropGeneration(generation);
await index.close();

const rates = Object.fromEntries(
  Object.entries(meters).map(([name, meter]) => [name, meter.rate()]),
) as Record<keyof typeof meters, Rate>;
const ratio = (of: Rate, to: Rate, key: keyof Rate = 'perSecond') => Number((of[key] / to[key]).toFixed(2));
const result = {
  command: 'node bench/qdrant.ts',
  node: process.version,
  qdrant: version,
  material: {
    points: POINTS,
    pointsPerWrite: BATCH,
    vectorsPerPoint: `4 of ${DIMENSIONS} dimensions, int8 beside them`,
    tokensPerPoint: 254,
    searches: SEARCHES - 10,
    channelsPerSearch: 6,
  },
  rates,
  ratios: {
    'points written a second, adapter / bare client with ready requests': ratio(
      rates.upsertOurs,
      rates.upsertBare,
    ),
    'processor time a point here, adapter / bare client': ratio(
      rates.upsertOurs,
      rates.upsertBare,
      'cpuMsEach',
    ),
    'points written a second, 100 a write / single': ratio(rates.upsertOurs, rates.upsertSingle),
    'searches a second, six channels in one request / one after the other': ratio(
      rates.searchBatch,
      rates.searchOneByOne,
    ),
    'searches a second, adapter / bare client with ready requests': ratio(
      rates.searchBatch,
      rates.searchBare,
    ),
  },
};
writeFileSync(new URL('results/qdrant.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result, null, 2));
process.exit(0);
