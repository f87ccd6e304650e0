/**
 * A backfill over finished videos, on Kafka and Redis and with empty handlers: that it does no stage work, how fast it
 * replays against bare kafkajs on the same topic, and what it costs live videos, which are published one by one at a steady
 * rate, in turns with and without a backfill beside them. As with `cinedex backfill` in a cluster, the backfill has a process
 * of its own, of low priority; all processes, and both servers, share the processors of one machine.
 *
 *   KAFKA_BROKERS=localhost:9092 REDIS_URL=redis://localhost:6379/0 node bench/backfill.ts [videos]
 */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { type BackfillDeps, planBackfill, runBackfill } from '../ops/backfill/index.ts';
import { TOPICS } from '../shared/contracts/events.ts';
import { upload } from '../test/fixtures/pipeline.ts';
import { emptyStages, median, openEmptyPipeline, round, uploads } from './empty-pipeline.ts';

const brokers = process.env.KAFKA_BROKERS;
const redis = process.env.REDIS_URL;
if (!brokers || !redis) throw new Error('KAFKA_BROKERS and REDIS_URL must name the servers.');
const servers = { brokers, redis };

/** Live videos: one each so many milliseconds. */
const EVERY_MS = 200;
/** Live videos measured in each half of a turn. */
const LIVE = 150;
const TURNS = 5;

interface Backfilled {
  planSeconds: number;
  replaySeconds: number;
}

/** The other process: one backfill over all finished videos, planned and run, whenever it is told to. */
async function backfills(name: string, folder: string): Promise<void> {
  os.setPriority(os.constants.priority.PRIORITY_LOW);
  const { app, close } = await openEmptyPipeline(
    servers,
    name,
    folder,
    emptyStages('all', 32, 0),
    () => undefined,
  );
  const { bus, ledger, queue, index } = app.stores;
  const deps: BackfillDeps = {
    ...{ bus, ledger, queue, index, stages: app.stages },
    drive: (ref, change) => app.drive(ref, change),
    running: () => app.running(),
  };
  process.on('message', async (message) => {
    if (message === 'end') {
      await close();
      process.disconnect();
      return;
    }
    const planned = performance.now();
    const plan = await planBackfill(deps, { topics: [TOPICS.ugc], where: 'video>=v' });
    const replayed = performance.now();
    const { counts } = await runBackfill(deps, plan);
    if (counts.enqueued > 0) throw new Error(`${counts.enqueued} finished videos were handed to workers`);
    process.send!({
      planSeconds: round((replayed - planned) / 1_000),
      replaySeconds: round((performance.now() - replayed) / 1_000),
    });
  });
  process.send!('ready');
}

/** Reads the topic with a consumer group and nothing else; videos a second. */
async function bareReplay(name: string, videos: number): Promise<number> {
  const kafka = new kafkajs.Kafka({
    clientId: name,
    brokers: brokers!.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const consumer = kafka.consumer({ groupId: `${name}-${randomUUID().slice(0, 8)}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [TOPICS.ugc], fromBeginning: true });
  let left = videos;
  const started = performance.now();
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 8,
        async eachBatch({ batch: { topic, partition, messages } }) {
          for (const { value } of messages) JSON.parse(String(value));
          const offset = String(BigInt(messages.at(-1)!.offset) + 1n);
          await consumer.commitOffsets([{ topic, partition, offset }]);
          left -= messages.length;
          if (left <= 0) resolve();
        },
      })
      .catch(reject);
  });
  const seconds = (performance.now() - started) / 1_000;
  await consumer.disconnect();
  return round(videos / seconds);
}

const quantile = (values: number[], q: number) =>
  round(values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]!);
const summary = (values: number[]) => ({
  ...{ videos: values.length, p50Ms: quantile(values, 0.5), p95Ms: quantile(values, 0.95) },
});

async function main(): Promise<void> {
  const videos = Number(process.argv[2] ?? 10_000);
  const name = `bench-${randomUUID().slice(0, 8)}`;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-bench-'));
  const finished = new Set<string>();
  let onFinished: () => void = () => undefined;
  /** Jobs of videos that were finished before; a backfill must cause none. */
  let stageJobs = 0;
  let counting = false;
  const liveSince = new Map<string, { at: number; done: (ms: number) => void }>();
  const { app, close } = await openEmptyPipeline(servers, name, folder, emptyStages('all', 32, 0), (job) => {
    const live = liveSince.get(job.videoId);
    if (job.stage === 'document') {
      live?.done(performance.now() - live.at);
      if (!live) finished.add(job.videoId);
      onFinished();
    }
    if (counting && !live) stageJobs += 1;
  });

  let published = 0;
  /** From publishing a video to the end of its last stage, milliseconds. */
  async function liveVideo(): Promise<number> {
    const videoId = `live${published++}`;
    const done = new Promise<number>((resolve) => {
      liveSince.set(videoId, { at: performance.now(), done: resolve });
    });
    await app.publish([upload(videoId)]);
    return done;
  }

  /** Publishes at the steady rate; resolves with the latencies, in milliseconds. */
  async function liveTraffic(): Promise<number[]> {
    const started = performance.now();
    const latencies: Promise<number>[] = [];
    while (latencies.length < LIVE) {
      await delay(Math.max(0, started + latencies.length * EVERY_MS - performance.now()));
      latencies.push(liveVideo());
    }
    return Promise.all(latencies);
  }

  await app.start();
  const filled = new Promise<void>((resolve) => {
    onFinished = () => finished.size === videos && resolve();
  });
  for (let at = 0; at < videos; at += 1_000) await app.publish(uploads(at, Math.min(videos, at + 1_000)));
  await filled;
  await app.settled();
  counting = true;

  const child = fork(import.meta.filename, ['backfills', name, folder]);
  await once(child, 'message');
  const backfill = async () => {
    const answered = once(child, 'message');
    child.send('backfill');
    return (await answered)[0] as Backfilled;
  };

  // Without live traffic: how fast it is, against bare consumption, in turns.
  const replays = [];
  for (let turn = 0; turn < 3; turn++) {
    const bare = await bareReplay(name, videos);
    const { planSeconds, replaySeconds } = await backfill();
    replays.push({ bareVideosPerSecond: bare, planSeconds, videosPerSecond: round(videos / replaySeconds) });
  }
  await liveTraffic();
  const turns = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const alone = summary(await liveTraffic());
    let measured = false;
    const during = liveTraffic().finally(() => {
      measured = true;
    });
    // One after the other, so that there is always one beside the live videos.
    const beside = [];
    while (!measured) beside.push(await backfill());
    turns.push({ alone, during: summary(await during), backfills: beside });
  }
  child.send('end');
  await once(child, 'exit');
  const result = {
    command: `KAFKA_BROKERS=… REDIS_URL=… node bench/backfill.ts ${videos}`,
    ...{ finishedVideos: videos, liveVideosPerSecond: 1_000 / EVERY_MS, cpus: os.availableParallelism() },
    stageJobs,
    replays,
    replayOverBare: round(median(replays.map((each) => each.bareVideosPerSecond / each.videosPerSecond))),
    turns,
    // Of the median turn.
    liveP95Ratio: round(median(turns.map(({ alone, during }) => during.p95Ms / alone.p95Ms))),
    liveP50Ratio: round(median(turns.map(({ alone, during }) => during.p50Ms / alone.p50Ms))),
  };
  writeFileSync(new URL('./results/backfill.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
  await close();
  rmSync(folder, { recursive: true, force: true });
}

if (process.argv[2] === 'backfills') await backfills(process.argv[3]!, process.argv[4]!);
else await main();
