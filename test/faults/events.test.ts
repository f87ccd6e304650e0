/** Events that come several times, and events that come in the wrong order. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listDeadLetters, replayDeadLetters } from '../../ops/dead-letters/index.ts';
import { encodeEvent } from '../../shared/contracts/envelope.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import type { AnnouncedEvent } from '../../workers/runtime/stage.ts';
import {
  GENERATION,
  pipelineStages,
  ref,
  temporaryFolder,
  topicRecords,
  upload,
} from '../fixtures/pipeline.ts';
import { PLACES, type ServerPipeline } from './server-pipeline.ts';
import { takeStock } from './tally.fixture.ts';

let folder: string;
let remove: () => void;
let app: ServerPipeline;

beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(async () => {
  await app?.close();
  remove();
});

const VIDEOS = Array.from({ length: 12 }, (_, i) => `v${i}`);
const retitled = (videoId: string, title: string): AnnouncedEvent => ({
  type: 'video.updated.v1',
  data: { ...ref(videoId), metadata: { title } },
});
const deleted = (videoId: string): AnnouncedEvent => ({ type: 'video.deleted.v1', data: ref(videoId) });
const watched = (videoId: string): AnnouncedEvent => ({
  type: 'video.interactions.v1',
  data: { ...ref(videoId), query: 'a', impressions: 10, clicks: 1, watchSeconds: 5 },
});
const topicOf = ({ type }: AnnouncedEvent) =>
  type === 'video.interactions.v1' ? TOPICS.interactions : TOPICS.ugc;

/** Writes events as producers do, `copies` times each, in the order given; a copy has the id of its original. */
async function produce(events: AnnouncedEvent[], copies = 1): Promise<void> {
  for (const event of events) {
    const record = encodeEvent(event.type, event.data as never);
    for (let copy = 0; copy < copies; copy++) await app.stores.bus.publish(topicOf(event), [record]);
  }
}

/** Hands every batch of events to its consumer three times, as a broker does whose commits are lost. */
function deliverThreeTimes(): void {
  const { bus } = app.stores;
  const subscribe = bus.subscribe.bind(bus);
  vi.spyOn(bus, 'subscribe').mockImplementation((options) =>
    subscribe({
      ...options,
      handler: async (batch, signal) => {
        for (let time = 0; time < 3; time++) await options.handler(structuredClone(batch), signal);
      },
    }),
  );
}

describe.each(PLACES)('on $place, events', { timeout: 150_000 }, ({ place, open }) => {
  it.skipIf(!open)('that are produced three times and delivered three times each count once', async () => {
    const ran: string[] = [];
    app = await open!(folder, pipelineStages({ ran, timeoutMs: 20_000 }));
    deliverThreeTimes();
    await app.publish([]);
    await app.start();
    await produce(
      VIDEOS.map((id) => upload(id)),
      3,
    );
    await app.settled();
    await produce(VIDEOS.map(watched), 3);
    await produce([retitled('v0', 'Changed'), deleted('v1')], 3);
    await app.settled();

    const tally = await takeStock(app, `events three times, on ${place}`, VIDEOS);
    expect(tally).toMatchObject({ in: 12, settled: 12, lost: 0, doubled: 0 });
    // The copies of the deletion's event have its id; nothing is refused.
    expect(tally.deadLetters).toEqual({});
    expect(await app.stores.index.count(GENERATION, 'videos')).toBe(11);
    expect(ran.filter((run) => run.startsWith('frames'))).toHaveLength(12);
    for (const id of VIDEOS.slice(2)) {
      const video = await app.status(ref(id));
      expect(video?.interactions, id).toMatchObject({ impressions: 10, clicks: 1, watchSeconds: 5 });
    }
    expect((await app.status(ref('v0')))?.revision).toBe(3);
    const settledEvents = await topicRecords(app, 'video.frames');
    expect(new Set(settledEvents.map(({ headers }) => headers.ce_id)).size).toBe(12);
  });

  it.skipIf(!open)(
    'in the wrong order settle all the same: what came too early waits in the dead letters',
    async () => {
      app = await open!(folder, pipelineStages({ timeoutMs: 20_000 }));
      await app.publish([]);
      await app.start();
      // Updates, views and a deletion of videos that are not known yet.
      await produce([
        ...VIDEOS.slice(0, 4).map((id) => retitled(id, `Early ${id}`)),
        watched('v4'),
        deleted('v5'),
      ]);
      await app.settled();
      await produce(VIDEOS.map((id) => upload(id)));
      await app.settled();
      // Deletions late, in the midst of updates that come after them.
      await produce([deleted('v6'), retitled('v6', 'Too late'), retitled('v7', 'In time'), deleted('v7')]);
      await app.settled();

      const before = await takeStock(app, `events out of order, on ${place}`, VIDEOS);
      expect(before).toMatchObject({ in: 12, settled: 12, lost: 0, doubled: 0 });
      expect(before.deadLetters).toEqual({ 'intake NOT_FOUND': 7 });
      expect(await app.stores.index.count(GENERATION, 'videos')).toBe(10);

      const deps = {
        bus: app.stores.bus,
        retry: app.retry,
        status: app.status,
      };
      await replayDeadLetters(deps, {});
      await app.settled();
      const after = await takeStock(app, `events out of order, replayed, on ${place}`, VIDEOS);
      expect(after).toMatchObject({ in: 12, settled: 12, lost: 0, doubled: 0 });
      for (const id of VIDEOS.slice(0, 4))
        expect((await app.status(ref(id)))?.metadata.title).toBe(`Early ${id}`);
      expect((await app.status(ref('v4')))?.interactions).toMatchObject({ impressions: 10 });
      expect((await app.status(ref('v5')))?.deleted).toBe(true);
      expect(await app.stores.index.count(GENERATION, 'videos')).toBe(9);
      // The update of a video that is deleted is refused again, and says so.
      expect(await listDeadLetters(deps)).toMatchObject([{ videoId: 'v6', code: 'NOT_FOUND' }]);
    },
  );
});
