import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOPICS } from '../../shared/contracts/events.ts';
import {
  GENERATION,
  openPipeline,
  pipelineStages,
  ref,
  temporaryFolder,
  topicRecords,
  upload,
} from '../../test/fixtures/pipeline.ts';
import type { App } from '../app.ts';
import { rebuildLedger } from './rebuild.ts';
import { type AnyStage, partial, reject, skip } from './stage.ts';

let folder: string;
let remove: () => void;
let app: App;
beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(async () => {
  await app.stop();
  remove();
});

async function open(stages: AnyStage[], start = true): Promise<void> {
  app = await openPipeline(folder, stages);
  if (start) await app.start();
}

/** Stops the app, takes its ledger away, and opens it again without taking work. */
async function loseLedger(stages: AnyStage[]): Promise<void> {
  await app.stop();
  for (const end of ['', '-wal', '-shm']) rmSync(path.join(folder, `ledger.db${end}`), { force: true });
  await open(stages, false);
}

const rebuild = () => rebuildLedger({ ...app.stores, stages: app.stages, drive: (one) => app.drive(one) });

/** What of a record a rebuild must bring back; times of settling and counts of attempts it cannot know. */
async function essence(videoId: string) {
  const record = await app.status(ref(videoId));
  if (!record) return undefined;
  const { steps, updatedAt: _, createdAt: __, traceparent: ___, checkAt, ...rest } = record;
  const states = Object.entries(steps).map(([stage, { status, key, missing }]) => [
    stage,
    { status, key, missing: missing ?? [] },
  ]);
  return { ...rest, settled: checkAt === null, steps: Object.fromEntries(states) };
}

describe('rebuildLedger', () => {
  it('brings every record back as it was, and no stage runs', async () => {
    const ran: string[] = [];
    const stages = pipelineStages({
      ran,
      behaviour: {
        audio: ({ video }) => (video.videoId === 'v2' ? skip('no audio track') : undefined),
        ocr: ({ video }) =>
          video.videoId === 'v3' ? partial({ by: 'ocr', of: video.videoId }, ['zh']) : undefined,
      },
    }).map((stage) => {
      if (stage.name !== 'document') return stage;
      return { ...stage, keyInputs: ({ metadata, galleryRevision }) => ({ metadata, galleryRevision }) };
    }) satisfies AnyStage[];
    await open(stages);
    await app.publish([upload('v1'), upload('v2', 'Two', 'ogc'), upload('v3')]);
    await app.settled();
    const videoId = 'v1';
    const counts = { impressions: 3, clicks: 1, watchSeconds: 9 };
    await app.publish([
      { type: 'video.updated.v1', data: { tenant: 'default', videoId, metadata: { title: 'Renamed' } } },
      { type: 'video.interactions.v1', data: { tenant: 'default', videoId, query: 'q', ...counts } },
    ]);
    await app.settled();
    // A change of the gallery, of which no event tells.
    for (const changes of [1, 2]) {
      await app.drive(ref('v3'), (video) => ({
        ...video,
        galleryRevision: video.galleryRevision + changes,
      }));
      await app.settled();
    }
    const ids = ['v1', 'v2', 'v3'];
    const before = await Promise.all(ids.map(essence));
    ran.length = 0;
    await loseLedger(stages);
    const done = await rebuild();
    expect(done).toMatchObject({ videos: 3, restored: 12, driven: 0, refused: 0 });
    expect(await Promise.all(ids.map(essence))).toEqual(before);
    await app.start();
    await app.settled();
    expect(ran).toEqual([]);
    const again = await rebuild();
    expect(again).toMatchObject({ videos: 0, restored: 0, driven: 0 });
    expect(await Promise.all(ids.map(essence))).toEqual(before);
  });

  it('forgets a deleted video again, and leaves no point of it', async () => {
    const ran: string[] = [];
    const stages = pipelineStages({ ran });
    await open(stages);
    await app.publish([upload('v1'), upload('v2')]);
    await app.settled();
    await app.publish([{ type: 'video.deleted.v1', data: { tenant: 'default', videoId: 'v1' } }]);
    await app.settled();
    ran.length = 0;
    await loseLedger(stages);
    expect(await rebuild()).toMatchObject({ videos: 2, driven: 1 });
    await app.start();
    await app.settled();
    expect(ran).toEqual([]);
    expect((await app.status(ref('v1')))?.deleted).toBe(true);
    expect(await app.stores.index.count(GENERATION, 'videos')).toBe(1);
  });

  it('has failed steps tried again, artifacts that are gone made again, unsent events sent', async () => {
    const ran: string[] = [];
    const stages = pipelineStages({ ran, behaviour: { audio: () => reject('MEDIA_CORRUPT', 'noise') } });
    await open(stages);
    await app.publish([upload('v1'), upload('v2')]);
    await app.settled();
    const { key } = (await app.status(ref('v2')))!.steps.ocr!;
    ran.length = 0;
    await loseLedger(stages);
    await app.stores.artifacts.deleteManifest(key);
    await rebuild();
    await app.start();
    await app.settled();
    expect([...ran].sort()).toEqual(['audio:v1', 'audio:v2', 'ocr:v2']);
    // The same failure told twice is one dead letter.
    const letters = await topicRecords(app, TOPICS.dlq);
    expect(new Set(letters.map(({ headers }) => headers.ce_id)).size).toBe(2);
    expect((await topicRecords(app, 'video.document')).length).toBeGreaterThanOrEqual(2);
  });

  it('runs while workers take in what is published', async () => {
    const ran: string[] = [];
    const stages = pipelineStages({ ran });
    await open(stages);
    await app.publish(Array.from({ length: 20 }, (_, i) => upload(`v${i}`)));
    await app.settled();
    ran.length = 0;
    await loseLedger(stages);
    await app.start();
    await app.publish([upload('v3', 'Another title'), upload('new')]);
    await rebuild();
    await app.settled();
    expect((await app.stores.ledger.list({ limit: 100 })).records).toHaveLength(21);
    expect((await app.status(ref('v3')))?.metadata.title).toBe('Another title');
    expect(ran.filter((run) => !run.endsWith(':new')).sort()).toEqual(['document:v3']);
    expect(await app.stores.index.count(GENERATION, 'videos')).toBe(21);
  });
});
