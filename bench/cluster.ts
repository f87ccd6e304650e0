/**
 * What the runtime costs on real servers: events a second through one empty stage against bare kafkajs and BullMQ that
 * do the same hand-overs in the same run, without keeping what was made and with it; then all stages with empty handlers,
 * worked by one process and by two.
 *
 *   KAFKA_BROKERS=localhost:9092 REDIS_URL=redis://localhost:6379/0 node bench/cluster.ts [events]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import { FolderArtifactStore } from '../shared/adapters/embedded/folder-artifact-store.ts';
import { upload } from '../test/fixtures/pipeline.ts';
import { emptyStages, median, openEmptyPipeline, round, uploads } from './empty-pipeline.ts';

const brokers = process.env.KAFKA_BROKERS;
const redis = process.env.REDIS_URL;
if (!brokers || !redis) throw new Error('KAFKA_BROKERS and REDIS_URL must name the servers.');
const servers = { brokers, redis };

const CONCURRENCY = 32;
/** How long a handler of the scaling run waits: it costs no processor, as if a GPU or another service did the work. */
const WAIT_MS = 250;
const WAITING_CONCURRENCY = 4;
/**
 * Where artifacts lie. Redis and Kafka write to memory and let the system carry it to the disk; only in `memory` are the
 * runtime's artifacts kept as they keep theirs. On `disk` each of them is forced down before its step counts as done.
 */
const PLACES = { memory: '/dev/shm', disk: os.tmpdir() };
type Place = keyof typeof PLACES;

interface Timing {
  seconds: number;
  cpuSeconds: number;
  eventsPerSecond: number;
}

async function timed(events: number, work: () => Promise<unknown>): Promise<Timing> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - started) / 1_000;
  return {
    seconds: round(seconds),
    cpuSeconds: round((user + system) / 1e6),
    eventsPerSecond: round(events / seconds),
  };
}

/** Counts to a number that can be set before each run. */
class Countdown {
  #left = 0;
  #finish: () => void = () => undefined;

  from(count: number): Promise<void> {
    this.#left = count;
    return new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  tick(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#finish();
  }
}

/**
 * The same hand-overs without a runtime: an event is consumed, a job with an id of its own is added in bulk before the
 * offset is committed, an empty handler runs, and its output event is acknowledged by the broker before the job is.
 * @param keeps whether the handler's result is kept, too, before the output event: in the same store, forced to the disk
 */
async function bare(events: number, keeps: boolean): Promise<Timing> {
  const name = `bare-${randomUUID().slice(0, 8)}`;
  const folder = folderIn('disk');
  const results = new FolderArtifactStore(folder);
  const kafka = new kafkajs.Kafka({
    clientId: name,
    brokers: brokers!.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  const topics = [`${name}.in`, `${name}.out`];
  await admin.createTopics({
    waitForLeaders: true,
    topics: topics.map((topic) => ({ topic, numPartitions: 8 })),
  });
  const producer = kafka.producer();
  await producer.connect();
  const connections: Redis[] = [];
  const connection = () => {
    const made = new Redis(redis!, { maxRetriesPerRequest: null });
    connections.push(made);
    return made;
  };
  const queue = new Queue(name, { connection: connection() });
  const count = new Countdown();
  const worker = new Worker(
    name,
    async ({ data, id }) => {
      if (keeps) await results.putManifest(createHash('sha1').update(id!).digest('hex'), { made: true });
      await producer.send({
        topic: topics[1]!,
        acks: -1,
        messages: [{ key: data.key, value: JSON.stringify(data) }],
      });
      count.tick();
    },
    { connection: connection(), concurrency: CONCURRENCY, removeOnComplete: { count: 0 } },
  );
  await worker.waitUntilReady();
  const consumer = kafka.consumer({ groupId: name });
  await consumer.connect();
  await consumer.subscribe({ topics: [topics[0]!], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 8,
    async eachBatch({ batch: { topic, partition, messages } }) {
      await queue.addBulk(
        messages.map(({ key, value, offset }) => ({
          name: 'step',
          data: { key: String(key), value: String(value) },
          opts: { jobId: `j${partition}-${offset}`, priority: 2 },
        })),
      );
      const next = String(BigInt(messages.at(-1)!.offset) + 1n);
      await consumer.commitOffsets([{ topic, partition, offset: next }]);
    },
  });
  const send = (from: number, to: number) =>
    producer.send({
      topic: topics[0]!,
      acks: -1,
      messages: Array.from({ length: to - from }, (_, i) => ({
        key: `default/v${from + i}`,
        value: JSON.stringify(upload(`v${from + i}`).data),
      })),
    });
  const warm = count.from(200);
  await send(0, 200);
  await warm;
  const result = await timed(events, async () => {
    const finished = count.from(events);
    for (let i = 200; i < 200 + events; i += 1_000) await send(i, Math.min(i + 1_000, 200 + events));
    await finished;
  });
  await consumer.disconnect();
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
  // BullMQ leaves open what it was handed.
  for (const each of connections) await each.quit();
  await producer.disconnect();
  await admin.deleteTopics({ topics });
  await admin.disconnect();
  rmSync(folder, { recursive: true, force: true });
  return result;
}

async function runtime(events: number, place: Place): Promise<Timing> {
  const name = `bench-${randomUUID().slice(0, 8)}`;
  const folder = folderIn(place);
  const count = new Countdown();
  const { app, close } = await openEmptyPipeline(
    servers,
    name,
    folder,
    emptyStages('one', CONCURRENCY, 0),
    () => count.tick(),
  );
  await app.start();
  const warm = count.from(200);
  await app.publish(uploads(0, 200));
  await warm;
  const result = await timed(events, async () => {
    const finished = count.from(events);
    for (let i = 200; i < 200 + events; i += 1_000)
      await app.publish(uploads(i, Math.min(i + 1_000, 200 + events)));
    await finished;
  });
  await close();
  rmSync(folder, { recursive: true, force: true });
  return result;
}

/** Events a second through all stages, worked by so many processes. */
async function processes(howMany: number, events: number, waitMs: number): Promise<number> {
  const name = `bench-${randomUUID().slice(0, 8)}`;
  const folder = folderIn('memory');
  const count = new Countdown();
  const publisher = await openEmptyPipeline(servers, name, folder, emptyStages('all', 1, 0), () => undefined);
  const children: ChildProcess[] = [];
  for (let n = 0; n < howMany; n++) {
    const child = fork(import.meta.filename, ['work', name, folder, String(waitMs)]);
    child.on('message', (message) => {
      if (message === 'document') count.tick();
    });
    await once(child, 'message');
    children.push(child);
  }
  const warm = count.from(20);
  await publisher.app.publish(uploads(0, 20));
  await warm;
  const { eventsPerSecond } = await timed(events, async () => {
    const finished = count.from(events);
    await publisher.app.publish(uploads(20, 20 + events));
    await finished;
  });
  for (const child of children) child.send('stop');
  await Promise.all(children.map((child) => once(child, 'exit')));
  await publisher.close();
  rmSync(folder, { recursive: true, force: true });
  return eventsPerSecond;
}

async function work(name: string, folder: string, waitMs: number): Promise<void> {
  const concurrency = waitMs > 0 ? WAITING_CONCURRENCY : CONCURRENCY;
  const { app, close } = await openEmptyPipeline(
    servers,
    name,
    folder,
    emptyStages('all', concurrency, waitMs),
    ({ stage }) => process.send!(stage),
  );
  await app.start();
  process.send!('ready');
  await once(process, 'message');
  await close();
  process.disconnect();
}

function folderIn(place: Place): string {
  return mkdtempSync(path.join(PLACES[place], 'cinedex-bench-'));
}

if (process.argv[2] === 'work') {
  await work(process.argv[3]!, process.argv[4]!, Number(process.argv[5]));
} else {
  const events = Number(process.argv[2] ?? 3_000);
  if (!existsSync(PLACES.memory)) throw new Error(`${PLACES.memory} is needed: a file system in memory.`);
  // In turns, so that what else the machine does falls on all.
  const rounds: ({ bare: Timing; bareKeeping: Timing } & Record<Place, Timing>)[] = [];
  for (let n = 0; n < 5; n++) {
    rounds.push({
      bare: await bare(events, false),
      bareKeeping: await bare(events, true),
      memory: await runtime(events, 'memory'),
      disk: await runtime(events, 'disk'),
    });
  }
  const over = (place: Place, base: 'bare' | 'bareKeeping') => {
    const ratio = (of: 'seconds' | 'cpuSeconds') =>
      round(median(rounds.map((each) => each[place][of] / each[base][of])));
    return { wall: ratio('seconds'), cpu: ratio('cpuSeconds') };
  };
  const few = Math.ceil(events / 10);
  const scaling = async (waitMs: number) => {
    const turns = [];
    for (let n = 0; n < 3; n++) {
      const [one, two] = [await processes(1, few, waitMs), await processes(2, few, waitMs)];
      turns.push({ one, two });
    }
    return { videosPerSecond: turns, twoOverOne: round(median(turns.map(({ one, two }) => two / one))) };
  };
  const result = {
    command: `KAFKA_BROKERS=… REDIS_URL=… node bench/cluster.ts ${events}`,
    ...{ events, concurrency: CONCURRENCY, cpus: os.availableParallelism(), rounds },
    // Of the median round. cpu: of the process alone, without the servers.
    runtimeOverBare: {
      artifactsInMemory: over('memory', 'bare'),
      artifactsForcedToDisk: over('disk', 'bare'),
    },
    // Against bare handlers whose results survive a power cut as well.
    runtimeOverBareKeeping: { artifactsForcedToDisk: over('disk', 'bareKeeping') },
    allStages: {
      // The two processes, Redis and Kafka share the processors: nothing is left for the second.
      emptyHandlers: await scaling(0),
      waitingHandlers: {
        ...{ waitMs: WAIT_MS, concurrencyOfEachStage: WAITING_CONCURRENCY },
        ...(await scaling(WAIT_MS)),
      },
    },
  };
  writeFileSync(new URL('./results/cluster.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
}
