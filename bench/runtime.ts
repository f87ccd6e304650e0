/**
 * What the runtime itself costs: events a second through all stages with empty handlers, and a replay of the same events
 * over the finished library, both against bare publishing and queueing.
 * Usage: node bench/runtime.ts [videos]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { openEmbedded } from '../shared/adapters/embedded/index.ts';
import { openPipeline, pipelineStages, temporaryFolder, upload } from '../test/fixtures/pipeline.ts';

const videos = Number(process.argv[2] ?? 200);
const STAGES = 4;

async function timed(work: () => Promise<void>): Promise<{ seconds: number; cpuSeconds: number }> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - started) / 1_000, cpuSeconds: (user + system) / 1e6 };
}

/** The hand-overs alone: one publish a video, and for each stage one job and one event. No ledger and no artifacts. */
async function bare(): Promise<{ seconds: number; cpuSeconds: number }> {
  const { folder, remove } = temporaryFolder();
  const stores = await openEmbedded(folder);
  await stores.bus.ensureTopics([
    { name: 'in', partitions: 8, retentionMs: null },
    { name: 'out', partitions: 8, retentionMs: null },
  ]);
  let left = videos;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  for (let stage = 0; stage < STAGES; stage++) {
    await stores.queue.process<{ key: string }>(`stage${stage}`, {
      concurrency: 4,
      handler: async ({ data }) => {
        await stores.bus.publish('out', [{ key: data.key, value: '{}', headers: {} }]);
        if (stage + 1 < STAGES)
          await stores.queue.add(`stage${stage + 1}`, [{ id: `j${stage}${data.key}`, data, lane: 'ugc' }]);
        else if (--left === 0) finish();
        return { kind: 'done' };
      },
    });
  }
  const result = await timed(async () => {
    const subscription = await stores.bus.subscribe({
      group: 'bench',
      topics: ['in'],
      handler: async (batch) => {
        for (const { key } of batch)
          await stores.queue.add('stage0', [{ id: `j${key}`, data: { key }, lane: 'ugc' }]);
      },
    });
    await stores.bus.publish(
      'in',
      Array.from({ length: videos }, (_, i) => ({ key: `v${i}`, value: '{}', headers: {} })),
    );
    await finished;
    await subscription.stop();
  });
  await stores.close();
  remove();
  return result;
}

const baseline = await bare();
const { folder, remove } = temporaryFolder();
const ran: string[] = [];
const app = await openPipeline(folder, pipelineStages({ ran }));
await app.start();
const events = Array.from({ length: videos }, (_, i) => upload(`v${i}`));
const first = await timed(async () => {
  await app.publish(events);
  await app.settled();
});
const worked = ran.length;
const replay = await timed(async () => {
  await app.publish(events);
  await app.settled();
});
const result = {
  command: `node bench/runtime.ts ${videos}`,
  videos,
  stages: STAGES,
  bare: { ...baseline, videosPerSecond: videos / baseline.seconds },
  first: { ...first, videosPerSecond: videos / first.seconds, stepsPerSecond: worked / first.seconds },
  replay: { ...replay, eventsPerSecond: videos / replay.seconds, stageRuns: ran.length - worked },
  ratios: {
    firstOverBare: first.seconds / baseline.seconds,
    replayOverFirst: replay.seconds / first.seconds,
  },
};
await app.stop();
remove();
const file = new URL('./results/runtime.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
console.log(readFileSync(file, 'utf8'));
