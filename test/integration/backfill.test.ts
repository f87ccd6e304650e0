/** Backfills over the small pipeline on the embedded stores. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type BackfillDeps,
  cancelBackfill,
  listBackfills,
  planBackfill,
  resumeBackfill,
  runBackfill,
} from '../../ops/backfill/index.ts';
import type { BackfillRequest } from '../../shared/contracts/backfill.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import type { App } from '../../workers/app.ts';
import type { AnyStage } from '../../workers/runtime/stage.ts';
import {
  GENERATION,
  openPipeline,
  pipelineStages,
  ref,
  temporaryFolder,
  upload,
} from '../fixtures/pipeline.ts';

let folder: string;
let remove: () => void;
let app: App;
let deps: BackfillDeps;

beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(async () => {
  await app.stop();
  remove();
});

async function open(stages: AnyStage[]): Promise<void> {
  app = await openPipeline(folder, stages);
  const { bus, ledger, queue, index } = app.stores;
  deps = {
    ...{ bus, ledger, queue, index, stages: app.stages },
    drive: (video, change) => app.drive(video, change),
    running: () => app.running(),
  };
  await app.start();
}

async function reopen(stages: AnyStage[]): Promise<void> {
  await app.stop();
  await open(stages);
}

async function settleUploads(ids: string[], source?: 'ogc' | 'ugc'): Promise<void> {
  await app.publish(ids.map((id) => upload(id, undefined, source)));
  await app.settled();
}

const ids = (count: number, prefix = 'v') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const backfill = async (request: Partial<BackfillRequest>) =>
  runBackfill(deps, await planBackfill(deps, { parallel: 3, ...request }));

describe('a backfill', () => {
  it('does no stage work over finished videos', async () => {
    const ran: string[] = [];
    await open(pipelineStages({ ran }));
    await settleUploads(ids(12));
    ran.length = 0;
    const plan = await planBackfill(deps, { topics: [TOPICS.ugc] });
    expect(plan).toMatchObject({ records: 12, videos: 12, matched: 12, stale: 0, stages: [], seconds: 0 });
    const result = await runBackfill(deps, plan);
    expect(result).toMatchObject({ state: 'done', counts: { records: 12, upToDate: 12, enqueued: 0 } });
    expect(ran).toEqual([]);
  });

  it('plans and runs a stage with a new version and what needs it, in the lowest lane', async () => {
    const ran: string[] = [];
    await open(pipelineStages());
    await settleUploads(ids(5));
    const lanes = new Set<string>();
    const ocr = () => void 0;
    await reopen(
      pipelineStages({
        ran,
        versions: { ocr: 2 },
        behaviour: {
          ocr,
          document: ({ video }) => {
            lanes.add(video.backfill ? 'backfill' : video.lane);
            return undefined;
          },
        },
      }),
    );
    const plan = await planBackfill(deps, { topics: [TOPICS.ugc], parallel: 2, where: 'stage.ocr<2' });
    expect(plan.stages).toMatchObject([
      { stage: 'ocr', videos: 5, meanMs: expect.any(Number), seconds: expect.any(Number) },
      { stage: 'document', videos: 5 },
    ]);
    expect(ran).toEqual([]);
    const result = await runBackfill(deps, plan);
    expect(result.counts).toMatchObject({ enqueued: 5, outstanding: 0 });
    expect(ran.sort()).toEqual([...ids(5).map((id) => `document:${id}`), ...ids(5).map((id) => `ocr:${id}`)]);
    expect([...lanes]).toEqual(['backfill']);
    const video = await app.status(ref('v0'));
    expect(video?.backfill).toBeUndefined();
    expect(video?.steps.ocr).toMatchObject({ status: 'done', version: 2 });
    expect((await planBackfill(deps, { topics: [TOPICS.ugc], where: 'stage.ocr<2' })).matched).toBe(0);
  });

  it('runs the asked stage only, though others are stale too', async () => {
    const ran: string[] = [];
    await open(pipelineStages());
    await settleUploads(ids(3));
    await reopen(pipelineStages({ ran, versions: { ocr: 2, audio: 2, frames: 2 } }));
    await backfill({ stages: ['ocr'] });
    expect(ran.filter((run) => /frames|audio/.test(run))).toEqual([]);
    expect(ran.filter((run) => run.startsWith('ocr'))).toHaveLength(3);
    expect(ran.filter((run) => run.startsWith('document'))).toHaveLength(3);
    // An event that changes a video brings all of it up to date, as ever.
    ran.length = 0;
    await app.publish([upload('v0', 'Another title')]);
    await app.settled();
    expect(ran.sort()).toEqual(['audio:v0', 'document:v0', 'frames:v0', 'ocr:v0']);
  });

  it('runs a stage that is up to date only when forced, once a backfill, and all that needs it', async () => {
    const ran: string[] = [];
    await open(pipelineStages({ ran }));
    await settleUploads(ids(3));
    ran.length = 0;
    await backfill({ stages: ['ocr'] });
    expect(ran).toEqual([]);
    // Every video twice in the topic: it is still done once.
    await app.publish(ids(3).map((id) => upload(id)));
    await backfill({ stages: ['ocr'], force: true, topics: [TOPICS.ugc], where: 'video!=v1' });
    expect(ran.sort()).toEqual(['document:v0', 'document:v2', 'ocr:v0', 'ocr:v2']);
  });

  it('chooses by topic, time and offsets', async () => {
    await open(pipelineStages());
    await settleUploads(ids(6));
    await settleUploads(ids(2, 'o'), 'ogc');
    await reopen(pipelineStages({ versions: { audio: 2 } }));
    const stale = async (request: Partial<BackfillRequest>) => (await planBackfill(deps, request)).stale;
    expect(await stale({})).toBe(8);
    expect(await stale({ topics: [TOPICS.ogc] })).toBe(2);
    expect(await stale({ topics: [TOPICS.ogc, TOPICS.ugc], where: 'source=ugc and video<=v3' })).toBe(4);
    expect(await stale({ topics: [TOPICS.ugc], since: Date.now() + 60_000 })).toBe(0);
    expect(await stale({ topics: [TOPICS.ugc], until: 5 })).toBe(0);
    const { partition } = (await app.stores.bus.offsets(TOPICS.ugc)).find(({ end }) => end !== '0')!;
    const one = [{ partition, from: '0', to: '1' }];
    expect(await stale({ topics: [TOPICS.ugc], offsets: one })).toBe(1);
    const result = await backfill({ topics: [TOPICS.ugc], offsets: one });
    expect(result.counts).toMatchObject({ records: 1, enqueued: 1 });
    await expect(planBackfill(deps, { topics: ['nowhere'] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(planBackfill(deps, { stages: ['orc'] })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('lets a live video overtake what it has queued', async () => {
    const ran: string[] = [];
    await open(pipelineStages());
    await settleUploads(ids(30));
    const underWay = Promise.withResolvers<void>();
    const slow = async () => {
      if (ran.length === 4) underWay.resolve();
      await delay(40);
      return undefined;
    };
    const stages = { ran, versions: { frames: 2 }, concurrency: 1 };
    await reopen(pipelineStages({ ...stages, behaviour: { frames: slow, ocr: slow, document: slow } }));
    const whole = backfill({ stages: ['frames'], parallel: 30 });
    await underWay.promise;
    const before = ran.length;
    await app.publish([upload('live')]);
    await app.settled({ refs: [ref('live')] });
    const between = ran.slice(before).filter((run) => !run.endsWith(':live'));
    const result = await whole;
    expect(result.counts).toMatchObject({ enqueued: 30, outstanding: 0 });
    expect(ran.filter((run) => run.endsWith(':live'))).toHaveLength(4);
    // A job that runs is not taken away, and the stages go on with others while the live video is in one of them; in
    // the order of their arrival some 75 would have gone before it.
    expect(between.length).toBeLessThan(30);
  });

  it('goes on where it was stopped, and lists and cancels', async () => {
    const ran: string[] = [];
    await open(pipelineStages());
    await settleUploads(ids(12));
    const stop = new AbortController();
    await reopen(
      pipelineStages({
        ran,
        versions: { ocr: 2 },
        behaviour: {
          ocr: () => {
            if (ran.filter((run) => run.startsWith('ocr')).length === 4) stop.abort();
            return undefined;
          },
        },
      }),
    );
    const plan = await planBackfill(deps, { topics: [TOPICS.ugc] });
    const stopped = await runBackfill(deps, plan, { signal: stop.signal });
    expect(stopped.state).toBe('open');
    expect((await listBackfills(deps))[0]).toMatchObject({ state: 'open', plan: { id: plan.id } });
    await app.settled();
    const before = ran.length;
    expect(before).toBeLessThan(24);
    await reopen(pipelineStages({ ran, versions: { ocr: 2 } }));
    const resumed = await resumeBackfill(deps, plan.id);
    expect(resumed.state).toBe('done');
    expect(ran.filter((run) => run.startsWith('ocr')).sort()).toEqual(
      ids(12)
        .map((id) => `ocr:${id}`)
        .sort(),
    );
    expect((await listBackfills(deps))[0]).toMatchObject({ state: 'done', replayed: 12 });
    await expect(resumeBackfill(deps, plan.id)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(cancelBackfill(deps, plan.id)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('stops when somebody else cancels it', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await open(pipelineStages());
    await settleUploads(ids(4));
    const ocr = async () => {
      await gate;
      return undefined;
    };
    await reopen(pipelineStages({ versions: { ocr: 2 }, behaviour: { ocr }, timeoutMs: 30_000 }));
    const plan = await planBackfill(deps, {});
    const running = runBackfill(deps, plan);
    await vi.waitFor(async () => expect(await listBackfills(deps)).toHaveLength(1));
    await cancelBackfill(deps, plan.id);
    expect((await running).state).toBe('cancelled');
    release();
    await app.settled();
  });

  it('keeps to its rate, and has no more in work than it may', async () => {
    let most = 0;
    await open(pipelineStages());
    await settleUploads(ids(6));
    await reopen(
      pipelineStages({
        versions: { ocr: 2 },
        behaviour: {
          ocr: () => {
            most = Math.max(most, app.running().length);
            return undefined;
          },
        },
      }),
    );
    const started = performance.now();
    await backfill({ rate: 10, parallel: 2 });
    expect(performance.now() - started).toBeGreaterThan(490);
    expect(most).toBeLessThanOrEqual(2);
  });

  it('is overtaken by a live video, and by an event about a video that it has queued', async () => {
    const ran: string[] = [];
    await open(pipelineStages());
    await settleUploads(ids(6));
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const audio = async () => {
      await gate;
      return undefined;
    };
    const stages = { ran, versions: { audio: 2 }, behaviour: { audio }, concurrency: 1, timeoutMs: 30_000 };
    await reopen(pipelineStages(stages));
    const running = backfill({ parallel: 6 });
    await vi.waitFor(async () => expect((await app.stores.queue.counts('audio')).waiting).toBe(5), 20_000);
    await app.publish([upload('live'), upload('v5', 'Changed meanwhile')]);
    await vi.waitFor(async () => expect((await app.stores.queue.counts('audio')).waiting).toBe(7), 20_000);
    release();
    await running;
    await app.settled();
    const order = ran.filter((run) => run.startsWith('audio'));
    expect(order.slice(1, 3).sort()).toEqual(['audio:live', 'audio:v5']);
    expect(order).toHaveLength(7);
    expect(await app.stores.index.count(GENERATION, 'videos')).toBe(7);
  });

  it('hands nothing over while live videos wait', async () => {
    await open(pipelineStages());
    await settleUploads(ids(3));
    await reopen(pipelineStages({ versions: { ocr: 2 } }));
    const queue = Object.create(app.stores.queue) as typeof app.stores.queue;
    let live = true;
    let looks = 0;
    queue.lanes = async (name) => {
      if (name === 'frames') looks += 1;
      return live && name === 'frames' ? { ugc: { waiting: 1, oldestMs: 10 } } : {};
    };
    const plan = await planBackfill(deps, {});
    const running = runBackfill({ ...deps, queue }, plan);
    await vi.waitFor(() => expect(looks).toBeGreaterThan(2), { timeout: 10_000 });
    expect((await app.status(ref('v0')))?.steps.ocr?.version).toBe(1);
    live = false;
    expect((await running).counts.enqueued).toBe(3);
  });
});
