/**
 * What Redis keeps a video and a waiting job: for sizing it, since it may not evict.
 * Usage: node bench/redis-memory.ts [videos]; starts a Redis of its own.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { BullmqJobQueue } from '../shared/adapters/bullmq-job-queue.ts';
import { redisBackend } from '../shared/adapters/cluster/redis-bullmq.ts';
import { openRedis } from '../shared/adapters/cluster/redis-connection.ts';
import { RedisLedger } from '../shared/adapters/cluster/redis-ledger.ts';
import { loadConfig } from '../shared/config.ts';
import type { StepState } from '../shared/ports/ledger.ts';
import { videoRecord } from '../test/contract/ledger.contract.ts';
import { startRedis } from '../test/servers/index.ts';
import { STAGES } from '../workers/stages.ts';

const videos = Number(process.argv[2] ?? 20_000);
const BATCH = 500;
const server = await startRedis();
const { redis } = loadConfig({ CINEDEX_REDIS_URL: server.url });
const client = await openRedis(redis, 'store');
const ledger = new RedisLedger(client, redis.prefix);
const queue = new BullmqJobQueue(redisBackend(await openRedis(redis, 'queue'), redis.prefix));

async function usedBytes(): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))![1]);
}

const stages = STAGES.map(({ name }) => name);
const id = (i: number) => `holiday-in-the-mountains-${i.toString(16).padStart(8, '0')}`;

/** As the pipeline leaves a video: all stages done, a title and tags, its place on the topic. */
function finished(i: number) {
  const step = (stage: string): StepState => ({
    ...{ status: 'done', key: `${stage}-${i}`.padEnd(64, '0'), version: 1, epoch: 1, attempts: 1 },
    ...{ since: 1_700_000_000_000, durationMs: 12_345, reused: false },
  });
  const ref = { tenant: 'default', videoId: id(i) };
  const uri = `s3://uploads/2025/05/${id(i)}.mp4`;
  return videoRecord(ref, {
    media: { uri, sha256: 'd'.repeat(64) },
    metadata: {
      ...videoRecord(ref).metadata,
      title: `A holiday in the mountains, part ${i}`,
      description: 'Two weeks with the whole family: snow, sun, and the long way down. '.repeat(4),
      tags: ['holiday', 'mountains', 'family', 'skiing', 'winter'],
    },
    steps: Object.fromEntries(stages.map((stage) => [stage, step(stage)])),
    origin: { topic: 'videos.ugc', partition: i % 8, offset: String(i) },
    appliedEvents: [`0c9e5b7a-6a3c-4b7e-9d35-${String(i).padStart(12, '0')}`],
    appliedOffsets: { [`videos.ugc/${i % 8}`]: String(i) },
  });
}

const empty = await usedBytes();
for (let from = 0; from < videos; from += BATCH) {
  const some = Array.from({ length: Math.min(BATCH, videos - from) }, (_, i) => finished(from + i));
  await Promise.all(some.map((record) => ledger.update(record, () => record)));
}
const recorded = await usedBytes();
const lane = 'ugc' as const;
for (let from = 0; from < videos; from += BATCH) {
  const jobs = Array.from({ length: Math.min(BATCH, videos - from) }, (_, i) => {
    const videoId = id(from + i);
    const data = { tenant: 'default', videoId, stage: 'ocr', key: 'k'.repeat(64), epoch: 1 };
    return { id: `ocr-default-${videoId}-1-${'k'.repeat(16)}`, data, lane };
  });
  await queue.add('ocr', jobs);
}
const queued = await usedBytes();

const jsonBytes = Buffer.byteLength(JSON.stringify(finished(videos - 1)));
const videoBytes = (recorded - empty) / videos;
const result = {
  command: `node bench/redis-memory.ts ${videos}`,
  redis: /^redis_version:(\S+)/m.exec(await client.info('server'))![1],
  videos,
  recordJsonBytes: jsonBytes,
  ledgerBytesAVideo: Math.round(videoBytes),
  ledgerToJson: Number((videoBytes / jsonBytes).toFixed(2)),
  queueBytesAWaitingJob: Math.round((queued - recorded) / videos),
  gibibytesAMillionVideos: Number(((videoBytes * 1e6) / 1024 ** 3).toFixed(2)),
};
console.log(result);
writeFileSync(
  path.join(import.meta.dirname, 'results/redis-memory.json'),
  `${JSON.stringify(result, null, 2)}\n`,
);
await queue.close();
await ledger.close();
await server.dispose();
process.exit(0);
