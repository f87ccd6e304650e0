/**
 * What the runtime itself costs: events a second through all stages with empty handlers, and a replay of the same events
 * over the finished library, both against the same steps written by hand: the hand-overs alone, and with a record of each
 * video, artifacts and points, which the runtime keeps too.
 * Usage: node bench/runtime.ts [videos]
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { openEmbedded } from '../shared/adapters/embedded/index.ts';
import type { StepStatus, VideoRecord } from '../shared/ports/ledger.ts';
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

/**
 * What anybody would write by hand on the same stores, in the same number of steps: a publish a video, and for each stage a
 * job and an event. With `keeps` it also remembers: each step writes the video's record when it begins and when it ends,
 * and an artifact between; the last one writes the video's point. It checks nothing, retries nothing and survives nothing.
 */
async function byHand(keeps: boolean): Promise<{ seconds: number; cpuSeconds: number }> {
  const { folder, remove } = temporaryFolder();
  const stores = await openEmbedded(folder);
  await stores.bus.ensureTopics([
    { name: 'in', partitions: 8, retentionMs: null },
    { name: 'out', partitions: 8, retentionMs: null },
  ]);
  await stores.index.ensureGeneration('bench', [
    {
      ...{ name: 'videos', vectors: { title: { dimensions: 4, distance: 'cosine' } }, lexical: ['title'] },
      filterable: { tenant: 'keyword', videoId: 'keyword', revision: 'integer' },
    },
  ]);
  const record = async (videoId: string, step: string, status: StepStatus) => {
    const now = Date.now();
    await stores.ledger.update({ tenant: 'default', videoId }, (current = newRecord(videoId)) => ({
      ...current,
      steps: {
        ...current.steps,
        [step]: { status, key: `${step}${videoId}`, epoch: 0, attempts: 1, since: now },
      },
      updatedAt: now,
    }));
  };
  const work = async (videoId: string, step: string, last: boolean) => {
    await record(videoId, step, 'running');
    await stores.artifacts.putManifest(sha256(`${step}${videoId}`), {
      output: { by: step, of: videoId },
    });
    if (last) {
      const id = `00000000-0000-4000-8000-${videoId.slice(1).padStart(12, '0')}`;
      const payload = { tenant: 'default', videoId, revision: 1, title: videoId };
      await stores.index.upsert('bench', 'videos', [
        { id, vectors: { title: [1, 0, 0, 0] }, lexical: { title: [videoId] }, payload },
      ]);
    }
    await record(videoId, step, 'done');
  };
  let left = videos;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  for (let stage = 0; stage < STAGES; stage++) {
    await stores.queue.process<{ key: string }>(`stage${stage}`, {
      concurrency: 4,
      handler: async ({ data }) => {
        const last = stage + 1 === STAGES;
        if (keeps) await work(data.key, `stage${stage}`, last);
        await stores.bus.publish('out', [{ key: data.key, value: '{}', headers: {} }]);
        if (!last)
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

function newRecord(videoId: string): VideoRecord {
  return {
    ...{ tenant: 'default', videoId, revision: 1, source: 'ugc', lane: 'ugc', contentHash: videoId },
    ...{
      media: { uri: `file:///media/${videoId}.mp4` },
      metadata: { title: videoId },
    },
    ...{ galleryRevision: 0, deleted: false, steps: {}, appliedEvents: [], appliedOffsets: {} },
    ...{ createdAt: Date.now(), updatedAt: Date.now(), checkAt: null },
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const handOvers = await byHand(false);
const keeping = await byHand(true);
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
  handOversAlone: { ...handOvers, videosPerSecond: videos / handOvers.seconds },
  byHand: { ...keeping, videosPerSecond: videos / keeping.seconds },
  first: { ...first, videosPerSecond: videos / first.seconds, stepsPerSecond: worked / first.seconds },
  replay: { ...replay, eventsPerSecond: videos / replay.seconds, stageRuns: ran.length - worked },
  ratios: {
    firstOverByHand: first.seconds / keeping.seconds,
    firstOverByHandCpu: first.cpuSeconds / keeping.cpuSeconds,
    firstOverHandOversAlone: first.seconds / handOvers.seconds,
    replayOverFirst: replay.seconds / first.seconds,
  },
};
await app.stop();
remove();
const file = new URL('./results/runtime.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
console.log(readFileSync(file, 'utf8'));
