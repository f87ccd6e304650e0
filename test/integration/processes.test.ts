/** Several processes on the same stores, as far as one process can show it: two apps that each take some of the stages. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openEmbedded } from '../../shared/adapters/embedded/index.ts';
import type { Stores } from '../../shared/ports/stores.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { type App, createApp } from '../../workers/app.ts';
import {
  GENERATION,
  pipelineConfig,
  pipelineStages,
  type RunStage,
  ref,
  temporaryFolder,
  upload,
  withStartedQueue,
} from '../fixtures/pipeline.ts';

const { folder, remove } = temporaryFolder();
let stores: Stores | undefined;
let apps: App[] = [];

afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  apps = [];
  await stores?.close();
  stores = undefined;
  remove();
});

interface Part {
  work?: string[];
  intake?: boolean;
  behaviour?: Record<string, RunStage>;
  runtime?: Record<string, number>;
}

/** Apps on one set of stores, each with the list of what ran in it. */
async function open(...parts: Part[]): Promise<{ app: App; ran: string[] }[]> {
  await withStartedQueue(folder);
  const shared = await openEmbedded(folder);
  stores = shared;
  const opened = await Promise.all(
    parts.map(async ({ work, intake, behaviour, runtime = {} }) => {
      const ran: string[] = [];
      const config = pipelineConfig(folder, { runtime });
      const app = await createApp(config, {
        ...{ stages: pipelineStages({ ran, behaviour }), stores: shared, work, intake },
        logger: createLogger({ level: 'silent' }),
      });
      return { app, ran };
    }),
  );
  apps = opened.map(({ app }) => app);
  return opened;
}

const stagesIn = (ran: string[]) => [...new Set(ran.map((run) => run.split(':')[0]))].sort();

describe('processes that share the stages', () => {
  it('take only the jobs of theirs, and bring every video through', async () => {
    const [first, second] = await open(
      { work: ['frames', 'ocr'] },
      { work: ['audio', 'document'], intake: false },
    );
    await Promise.all(apps.map((app) => app.start()));
    await first!.app.publish(['v1', 'v2', 'v3'].map((id) => upload(id)));
    const records = await second!.app.settled();
    for (const { steps } of records) {
      expect(Object.values(steps).map(({ status }) => status)).toEqual(['done', 'done', 'done', 'done']);
    }
    expect(records).toHaveLength(3);
    expect(stagesIn(first!.ran)).toEqual(['frames', 'ocr']);
    expect(stagesIn(second!.ran)).toEqual(['audio', 'document']);
    expect(first!.ran.length + second!.ran.length).toBe(12);
  });

  it('forget a deleted video where its document is made', async () => {
    const [first] = await open({ work: ['frames', 'ocr', 'audio'] }, { work: ['document'], intake: false });
    await Promise.all(apps.map((app) => app.start()));
    await first!.app.publish([upload('v1')]);
    await first!.app.settled();
    await first!.app.publish([{ type: 'video.deleted.v1', data: ref('v1') }]);
    await first!.app.settled();
    expect(await stores!.index.count(GENERATION, 'videos')).toBe(0);
  });

  it('leave what is of no one to whom it belongs, until somebody comes', async () => {
    const [first, second] = await open(
      { work: ['frames', 'ocr', 'document'] },
      { work: ['audio'], intake: false },
    );
    await first!.app.start();
    await first!.app.publish([upload('v1')]);
    await vi.waitFor(async () =>
      expect((await first!.app.status(ref('v1')))?.steps).toMatchObject({
        ocr: { status: 'done' },
        audio: { status: 'queued' },
      }),
    );
    await second!.app.start();
    const [record] = await first!.app.settled();
    expect(record?.steps).toMatchObject({ audio: { status: 'done' }, document: { status: 'done' } });
  });

  it('finish what another gave back when it was stopped, without counting it', async () => {
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const ocr: RunStage = () => {
      entered();
      return new Promise(() => undefined);
    };
    const [first, second] = await open(
      { behaviour: { ocr }, runtime: { shutdownMs: 0, leaseMs: 60_000 } },
      { intake: false, runtime: { leaseMs: 60_000 } },
    );
    await first!.app.start();
    await first!.app.publish([upload('v1')]);
    await inside;
    await first!.app.stop();
    await second!.app.start();
    const [record] = await second!.app.settled();
    expect(record?.steps.ocr).toMatchObject({ status: 'done', attempts: 1 });
  });

  it('refuse a stage that there is not', async () => {
    const [first] = await open({ work: ['orc'] });
    await expect(first!.app.start()).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('a process', () => {
  it('is ready between its warm-up and its stop, and alive all the time', async () => {
    const [only] = await open({});
    const { app } = only!;
    expect(await app.ready()).toEqual({ ok: false, reasons: ['models are loading'] });
    await app.start();
    expect(await app.ready()).toEqual({ ok: true, reasons: [] });
    expect(app.live()).toEqual({ ok: true, reasons: [] });
    await app.stop();
    expect(await app.ready()).toEqual({ ok: false, reasons: ['the process is stopping'] });
    expect(app.live().ok).toBe(true);
  });

  it('makes topics with as many partitions as it is told', async () => {
    const [only] = await open({ runtime: { partitions: 3 } });
    const { app } = only!;
    await app.publish([upload('v1')]);
    await app.start();
    for (const topic of ['videos.ugc', 'video.frames'])
      expect(await app.stores.bus.offsets(topic)).toHaveLength(3);
  });

  it('counts what it did, what waits, and what failed', async () => {
    const [only] = await open({
      behaviour: {
        frames: ({ note }) => {
          note({ mediaSec: 12 });
          return undefined;
        },
        audio: () => {
          throw new Error('a bug');
        },
      },
    });
    const { app } = only!;
    await app.start();
    await app.publish([upload('v1')]);
    await app.settled();
    await vi.waitFor(async () => {
      const text = await app.metrics.registry.metrics();
      expect(text).toContain('cinedex_jobs_total{stage="frames",outcome="done",code="none"} 1');
      expect(text).toContain('cinedex_stage_duration_seconds_count{stage="frames",outcome="done"} 1');
      expect(text).toContain('cinedex_media_seconds_total{stage="frames"} 12');
      expect(text).toContain('cinedex_queue_waiting_jobs{stage="frames",lane="ugc"} 0');
      expect(text).toContain('cinedex_queue_oldest_age_seconds{stage="frames",lane="ugc"} 0');
      expect(text).toContain('cinedex_dead_letters_total{stage="audio",code="STAGE_BUG"} 1');
      expect(text).toContain('cinedex_queue_jobs{stage="audio",state="failed"} 1');
      expect(text).toContain('cinedex_bus_lag_records{group="cinedex-intake",topic="videos.ugc"} 0');
    }, 20_000);
  });
});
