/**
 * What the embedded stores do in a second, each against a plain baseline in the same run: grouped writes against single
 * ones, our queue against bare BullMQ on the same database, a search after compaction against the same one before.
 * Usage: node bench/embedded-stores.ts
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Queue, Worker } from 'bullmq';
import { openEmbedded } from '../shared/adapters/embedded/index.ts';
import { openPgliteBackend } from '../shared/adapters/embedded/pglite-bullmq.ts';
import type { CollectionSchema, Point } from '../shared/ports/video-index.ts';
import { videoRecord } from '../test/contract/ledger.contract.ts';

const VIDEOS = 200;
const MOMENTS = 10;
const DIMENSIONS = 384;
const JOBS = 400;

interface Rate {
  perSecond: number;
  cpuMsEach: number;
}

async function rate(count: number, work: () => Promise<unknown>): Promise<Rate> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: Math.round(count / ((performance.now() - started) / 1_000)),
    cpuMsEach: Number(((user + system) / 1_000 / count).toFixed(3)),
  };
}
const range = (length: number) => Array.from({ length }, (_, i) => i);
const ratio = (of: Rate, to: Rate) => Number((of.perSecond / to.perSecond).toFixed(2));
const inTurn = async (count: number, work: (i: number) => Promise<unknown>) => {
  for (let i = 0; i < count; i++) await work(i);
};

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-bench-'));
const stores = await openEmbedded(path.join(folder, 'stores'));
const { bus, ledger, queue, index } = stores;

const value = JSON.stringify({ pad: 'x'.repeat(400) });
const record = (i: number) => ({ key: `v${i}`, value, headers: {} });
await bus.ensureTopics([{ name: 't', partitions: 8, retentionMs: null }]);
const publishSingle = await rate(300, () => inTurn(300, (i) => bus.publish('t', [record(i)])));
const publishAtOnce = await rate(3_000, () =>
  inTurn(30, (b) => Promise.all(range(100).map((i) => bus.publish('t', [record(b * 100 + i)])))),
);
const publishBatch = await rate(20_000, () => inTurn(200, () => bus.publish('t', range(100).map(record))));
const read = await rate(23_300, async () => {
  for await (const _ of bus.read('t'));
});

const ref = (i: number) => ({ tenant: 't', videoId: `v${i}` });
const touch = (i: number) =>
  ledger.update(ref(i), (current) => videoRecord(ref(i), { revision: (current?.revision ?? 0) + 1 }));
const ledgerSingle = await rate(300, () => inTurn(300, touch));
const ledgerAtOnce = await rate(3_000, () => inTurn(30, () => Promise.all(range(100).map(touch))));

const add = await rate(JOBS, () =>
  inTurn(JOBS, (i) => queue.add('ours', [{ id: `a${i}`, data: i, lane: 'ugc' }])),
);
const ours = await rate(JOBS, async () => {
  let left = JOBS;
  await new Promise<void>((resolve) => {
    void queue.process('ours', {
      concurrency: 8,
      handler: async () => {
        left -= 1;
        if (left === 0) resolve();
        return { kind: 'done' };
      },
    });
  });
});
const bareBackend = await openPgliteBackend(path.join(folder, 'bare'));
const bareQueue = new Queue('bare', { connection: bareBackend.connection }, bareBackend.factory);
const bareAdd = await rate(JOBS, () =>
  inTurn(JOBS, (i) => bareQueue.add('bare', { i }, { jobId: `a${i}`, removeOnComplete: true })),
);
let bareWorker: Worker | undefined;
const bare = await rate(JOBS, async () => {
  let left = JOBS;
  await new Promise<void>((resolve) => {
    bareWorker = new Worker(
      'bare',
      async () => {
        left -= 1;
        if (left === 0) resolve();
      },
      { connection: bareBackend.connection, concurrency: 8 },
      bareBackend.factory,
    ) as unknown as Worker;
  });
});
await bareWorker?.close();
await bareQueue.close();
await bareBackend.close();

const schema: CollectionSchema = {
  name: 'moments',
  vectors: { text: { dimensions: DIMENSIONS, distance: 'cosine' } },
  lexical: ['text'],
  filterable: { video: 'keyword' },
};
await index.ensureGeneration('g', [schema]);
const vector = (seed: number) => Array.from({ length: DIMENSIONS }, (_, i) => Math.sin(seed * 7.3 + i * 1.7));
const moments = (video: number): Point[] =>
  range(MOMENTS).map((i) => ({
    id: `${video}-${i}`,
    vectors: { text: vector(video * MOMENTS + i) },
    lexical: { text: range(20).map((word) => `w${(video * 31 + i * 7 + word * 13) % 500}`) },
    payload: { video: `v${video}` },
  }));
const upsertSingle = await rate(20, () =>
  inTurn(20, (i) => index.upsert('g', 'moments', [moments(0)[i % 10]!])),
);
const memory: number[] = [];
const upsert = await rate(VIDEOS * MOMENTS, () =>
  inTurn(VIDEOS, async (video) => {
    await index.upsert('g', 'moments', moments(video));
    if (video % 20 === 19) memory.push(Math.round(process.memoryUsage().rss / 1e6));
  }),
);
const search = () =>
  inTurn(20, (i) =>
    index.query('g', 'moments', [
      { kind: 'dense', vector: 'text', values: vector(i * 3 + 0.5), limit: 20 },
      { kind: 'lexical', field: 'text', tokens: [`w${i}`, `w${i + 50}`], limit: 20 },
    ]),
  );
await search();
const searchBefore = await rate(20, search);
await index.optimize('g');
const searchAfter = await rate(20, search);
await stores.close();
rmSync(folder, { recursive: true });

const half = memory.slice(memory.length / 2);
const result = {
  command: 'node bench/embedded-stores.ts',
  node: process.version,
  rates: {
    ...{ publishSingle, publishAtOnce, publishBatch, read, ledgerSingle, ledgerAtOnce },
    ...{ add, bareAdd, process: ours, bareProcess: bare },
    ...{ upsertSingle, upsert, searchBefore, searchAfter },
  },
  ratios: {
    'publish, 100 callers at once / one after the other': ratio(publishAtOnce, publishSingle),
    'publish, batches of 100 / single': ratio(publishBatch, publishSingle),
    'ledger, 100 callers at once / one after the other': ratio(ledgerAtOnce, ledgerSingle),
    'queue add, ours / bare BullMQ': ratio(add, bareAdd),
    'queue process, ours / bare BullMQ': ratio(ours, bare),
    'upsert, 10 points a write / single': ratio(upsert, upsertSingle),
    'search (dense + BM25, 2 000 points), compacted / not': ratio(searchAfter, searchBefore),
  },
  memory: {
    what: 'resident MB after every 20 videos of 10 moments',
    megabytes: memory,
    slopeMbPerVideoSecondHalf: Number(((half.at(-1)! - half[0]!) / ((half.length - 1) * 20)).toFixed(3)),
  },
};
writeFileSync(
  new URL('results/embedded-stores.json', import.meta.url),
  `${JSON.stringify(result, null, 2)}\n`,
);
console.log(JSON.stringify(result, null, 2));
