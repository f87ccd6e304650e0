import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import type { App } from '../../workers/app.ts';
import { type AnyStage, partial, reject, retryAfter, skip } from '../../workers/runtime/stage.ts';
import {
  GENERATION,
  openPipeline,
  pipelineStages,
  ref,
  temporaryFolder,
  topicRecords,
  upload,
} from '../fixtures/pipeline.ts';

let folder: string;
let remove: () => void;
let app: App | undefined;

beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(async () => {
  await app?.stop();
  app = undefined;
  remove();
});

async function open(stages: AnyStage[], overrides?: Record<string, Record<string, unknown>>): Promise<App> {
  await app?.stop();
  app = await openPipeline(folder, stages, { overrides });
  await app.start();
  return app;
}

const statuses = async (videoId: string) => {
  const record = await app!.status(ref(videoId));
  return Object.fromEntries(
    Object.entries(record?.steps ?? {}).map(([stage, { status }]) => [stage, status]),
  );
};
const allDone = { frames: 'done', ocr: 'done', audio: 'done', document: 'done' };

describe('the runtime on embedded stores', () => {
  it('takes a video through every stage, leaves one event a stage, and one point', async () => {
    const ran: string[] = [];
    await open(pipelineStages({ ran }));
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect(await statuses('v1')).toEqual(allDone);
    expect(ran.sort()).toEqual(['audio:v1', 'document:v1', 'frames:v1', 'ocr:v1']);
    for (const topic of ['video.frames', 'video.ocr', 'video.audio', 'video.document', TOPICS.indexed]) {
      expect(await topicRecords(app!, topic), topic).toHaveLength(1);
    }
    expect(await app!.stores.index.count(GENERATION, 'videos')).toBe(1);
  });

  it('does nothing for the same upload again, runs only the document for a new title', async () => {
    const ran: string[] = [];
    await open(pipelineStages({ ran }));
    await app!.publish([upload('v1'), upload('v2')]);
    await app!.settled();
    ran.length = 0;
    await app!.publish([upload('v1'), upload('v2')]);
    await app!.settled();
    expect(ran).toEqual([]);
    await app!.publish([upload('v1', 'Another title')]);
    await app!.settled();
    expect(ran).toEqual(['document:v1']);
    expect(await app!.stores.index.count(GENERATION, 'videos')).toBe(2);
  });

  it('runs a stage with a new version again, and what needs it, and nothing else', async () => {
    const ran: string[] = [];
    await open(pipelineStages());
    await app!.publish([upload('v1')]);
    await app!.settled();
    await open(pipelineStages({ ran, versions: { ocr: 2 } }));
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect(ran).toEqual(['ocr:v1', 'document:v1']);
  });

  it('tries again after an unknown error, within bounds, and leaves a dead letter with the cause', async () => {
    const ran: string[] = [];
    const audio = () => {
      throw new Error('a bug');
    };
    await open(pipelineStages({ ran, behaviour: { audio } }));
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect(ran.filter((run) => run === 'audio:v1')).toHaveLength(3);
    expect(await statuses('v1')).toEqual({ ...allDone, audio: 'failed' });
    const [letter] = await topicRecords(app!, TOPICS.dlq);
    expect(letter?.headers).toMatchObject({
      code: 'STAGE_BUG',
      stage: 'audio',
      attempts: '3',
      'origin-topic': 'videos.ugc',
    });
    expect(JSON.parse(letter!.value)).toMatchObject({ reason: 'a bug', stage: 'audio' });
  });

  it('does not repeat what is permanent, and skips what needs it', async () => {
    const ran: string[] = [];
    const frames = () => reject('MEDIA_CORRUPT', 'no picture in it');
    await open(pipelineStages({ ran, behaviour: { frames } }));
    await app!.publish([upload('v1'), upload('v2')]);
    await app!.settled();
    expect(ran.filter((run) => run === 'frames:v1')).toHaveLength(1);
    expect(await statuses('v1')).toEqual({
      frames: 'failed',
      ocr: 'skipped',
      audio: 'done',
      document: 'skipped',
    });
    expect((await app!.status(ref('v1')))?.steps.frames?.error).toMatchObject({
      code: 'MEDIA_CORRUPT',
      hint: expect.any(String),
    });
    expect(await topicRecords(app!, TOPICS.dlq)).toHaveLength(2);
  });

  it('keeps partial and skipped outcomes apart from failures', async () => {
    await open(
      pipelineStages({
        behaviour: {
          audio: () => skip('no audio track'),
          ocr: ({ video }) => partial({ by: 'ocr', of: video.videoId }, ['zh']),
        },
      }),
    );
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect(await statuses('v1')).toEqual({ ...allDone, audio: 'skipped', ocr: 'partial' });
    expect((await app!.status(ref('v1')))?.steps.ocr?.missing).toEqual(['zh']);
    expect(await topicRecords(app!, TOPICS.dlq)).toHaveLength(0);
  });

  it('does not count "not now" as an attempt', async () => {
    let calls = 0;
    const ocr = () => (++calls <= 5 ? retryAfter(5, 'busy elsewhere') : undefined);
    await open(pipelineStages({ behaviour: { ocr } }));
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect(calls).toBe(6);
    expect((await app!.status(ref('v1')))?.steps.ocr).toMatchObject({ status: 'done', attempts: 1 });
  });

  it('ends a stage that does not heed its signal', async () => {
    let calls = 0;
    const audio = () => (++calls === 1 ? new Promise<undefined>(() => undefined) : undefined);
    await open(pipelineStages({ behaviour: { audio } }));
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect((await app!.status(ref('v1')))?.steps.audio).toMatchObject({ status: 'done', attempts: 2 });
  });

  it('refuses a stage output that its contract does not allow', async () => {
    const ocr = () => ({ kind: 'ok', output: { by: 7 } }) as never;
    await open(pipelineStages({ behaviour: { ocr } }));
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect((await app!.status(ref('v1')))?.steps.ocr?.error?.code).toBe('STAGE_OUTPUT_INVALID');
  });

  it('puts a poison event into the dead letters and goes on with the next', async () => {
    await open(pipelineStages());
    await app!.stores.bus.publish(TOPICS.ugc, [
      {
        key: 'default/v1',
        value: '{broken',
        headers: { ce_id: '1', ce_type: 'video.uploaded.v1', ce_specversion: '1.0' },
      },
    ]);
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect(await statuses('v1')).toEqual(allDone);
    const [letter] = await topicRecords(app!, TOPICS.dlq);
    expect(JSON.parse(letter!.value)).toMatchObject({
      code: 'EVENT_INVALID',
      stage: 'intake',
      original: '{broken',
    });
  });

  it('forgets a deleted video, and takes it again when it is uploaded again', async () => {
    await open(pipelineStages());
    await app!.publish([upload('v1'), upload('v2')]);
    await app!.settled();
    await app!.publish([{ type: 'video.deleted.v1', data: ref('v1') }]);
    await app!.settled();
    expect(await app!.stores.index.count(GENERATION, 'videos')).toBe(1);
    await app!.publish([upload('v1')]);
    await app!.settled();
    expect(await statuses('v1')).toMatchObject(allDone);
    expect(await app!.stores.index.count(GENERATION, 'videos')).toBe(2);
  });

  it('makes a lost artifact again', async () => {
    const ran: string[] = [];
    await open(pipelineStages({ ran }));
    await app!.publish([upload('v1')]);
    await app!.settled();
    const key = (await app!.status(ref('v1')))!.steps.ocr!.key;
    await app!.stores.artifacts.deleteManifest(key);
    ran.length = 0;
    await app!.publish([upload('v1', 'Another title')]);
    await app!.settled();
    expect(ran).toEqual(['ocr:v1', 'document:v1']);
  });

  it('repairs a failed stage on request, and completes the document', async () => {
    const ran: string[] = [];
    let broken = true;
    const audio = () => {
      if (broken) throw new CinedexError('MEDIA_CORRUPT', 'for now');
      return undefined;
    };
    await open(pipelineStages({ ran, behaviour: { audio } }));
    await app!.publish([upload('v1')]);
    await app!.settled();
    broken = false;
    ran.length = 0;
    expect(await app!.retry(ref('v1'))).toEqual(['audio']);
    await app!.settled();
    expect(ran).toEqual(['audio:v1', 'document:v1']);
    expect(await statuses('v1')).toEqual(allDone);
  });

  it('gives a running step back at a stop, without counting it, and finishes it at the next start', async () => {
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const ocr = () => {
      entered();
      return new Promise<undefined>(() => undefined);
    };
    await open(pipelineStages({ behaviour: { ocr } }), { runtime: { leaseMs: 60_000, shutdownMs: 0 } });
    await app!.publish([upload('v1')]);
    await inside;
    await open(pipelineStages());
    await app!.settled();
    expect(await statuses('v1')).toEqual(allDone);
    expect((await app!.status(ref('v1')))?.steps.ocr?.attempts).toBe(1);
  });

  it('re-drives a step whose job the queue has lost', async () => {
    await open(pipelineStages(), { runtime: { leaseMs: 1_000, sweepMs: 50 } });
    await app!.publish([upload('v1')]);
    await app!.settled();
    // As after a crash between the ledger and the queue: queued in the ledger, no job anywhere.
    await app!.stores.ledger.update(ref('v1'), (video) => ({
      ...video!,
      steps: {
        ...video!.steps,
        ocr: { status: 'queued', key: video!.steps.ocr!.key, epoch: 9, attempts: 0, since: 0 },
      },
      checkAt: 0,
    }));
    await app!.settled();
    expect(await statuses('v1')).toEqual(allDone);
  });

  it('serves OGC before UGC', async () => {
    const ran: string[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const audio = async () => {
      await gate;
      return undefined;
    };
    await open(pipelineStages({ ran, behaviour: { audio }, concurrency: 1, timeoutMs: 30_000 }));
    await app!.publish([upload('first')]);
    await vi.waitFor(() => expect(ran).toContain('audio:first'));
    await app!.publish(['u1', 'u2', 'u3'].map((id) => upload(id)));
    await app!.publish([upload('o1', 'professional', 'ogc')]);
    // All of them wait behind the first one in the audio queue.
    await vi.waitFor(async () => expect((await app!.stores.queue.counts('audio')).waiting).toBe(4));
    release();
    await app!.settled();
    const order = ran.filter((run) => run.startsWith('audio'));
    expect(order[1]).toBe('audio:o1');
  });
});
