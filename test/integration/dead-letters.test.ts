/** Dead letters on the embedded stores: what they say, and what becomes of them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type DeadLetterDeps,
  dropDeadLetters,
  listDeadLetters,
  replayDeadLetters,
} from '../../ops/dead-letters/index.ts';
import { encodeEvent } from '../../shared/contracts/envelope.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import type { App } from '../../workers/app.ts';
import type { AnyStage } from '../../workers/runtime/stage.ts';
import {
  openPipeline,
  pipelineStages,
  ref,
  temporaryFolder,
  topicRecords,
  upload,
} from '../fixtures/pipeline.ts';

let folder: string;
let remove: () => void;
let app: App;
let deps: DeadLetterDeps;

beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(async () => {
  await app.stop();
  remove();
});

async function open(stages: AnyStage[]): Promise<void> {
  app = await openPipeline(folder, stages);
  deps = {
    bus: app.stores.bus,
    retry: (video, options) => app.retry(video, options),
    status: (video) => app.status(video),
  };
  await app.start();
}

const retitled = (videoId: string, title: string) => ({
  type: 'video.updated.v1' as const,
  data: { ...ref(videoId), metadata: { title } },
});

describe('the dead letters', () => {
  it('say what failed, where, how often, where its event lies and in which trace', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const audio = () => {
      throw new CinedexError('MEDIA_CORRUPT', 'no sound in it');
    };
    await open(pipelineStages({ behaviour: { audio } }));
    const { type, data } = upload('v1');
    const [at] = await app.stores.bus
      .ensureTopics([{ name: TOPICS.ugc, partitions: 8, retentionMs: null }])
      .then(() => app.stores.bus.publish(TOPICS.ugc, [encodeEvent(type, data as never, { traceparent })]));
    await app.settled();
    const [record] = await topicRecords(app, TOPICS.dlq);
    expect(record?.headers).toMatchObject({
      ...{ code: 'MEDIA_CORRUPT', reason: 'no sound in it', stage: 'audio', attempts: '1' },
      'origin-topic': TOPICS.ugc,
      'origin-partition': String(at?.partition),
      'origin-offset': at?.offset,
      ce_traceparent: expect.stringContaining('a'.repeat(32)),
    });
    const [letter] = await listDeadLetters(deps);
    expect(letter).toMatchObject({ videoId: 'v1', tenant: 'default', stage: 'audio', handled: null });
    expect(JSON.parse(letter!.original)).toMatchObject({ videoId: 'v1' });
    expect(letter!.traceparent).toContain('a'.repeat(32));
  });

  it('are found by stage, code, video, time, id and number', async () => {
    const audio = () => {
      throw new CinedexError('MEDIA_CORRUPT', 'no sound in it');
    };
    await open(pipelineStages({ behaviour: { audio } }));
    await app.publish([upload('v1'), upload('v2'), retitled('nobody', 'A title')]);
    await app.settled();
    const list = async (filter: Parameters<typeof listDeadLetters>[1]) =>
      (await listDeadLetters(deps, filter)).map(({ videoId }) => videoId).sort();
    expect(await list({})).toEqual(['nobody', 'v1', 'v2']);
    expect(await list({ stage: 'audio' })).toEqual(['v1', 'v2']);
    expect(await list({ code: 'NOT_FOUND' })).toEqual(['nobody']);
    expect(await list({ videoId: 'v2' })).toEqual(['v2']);
    expect(await list({ tenant: 'other' })).toEqual([]);
    expect(await list({ since: Date.now() + 60_000 })).toEqual([]);
    expect(await list({ limit: 2 })).toHaveLength(2);
    const [letter] = await listDeadLetters(deps, { videoId: 'v1' });
    expect(await list({ ids: [letter!.id.slice(0, 10)] })).toEqual(['v1']);
    await expect(listDeadLetters(deps, { ids: ['ab'] })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(listDeadLetters(deps, { ids: ['zzzzzzzz'] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('of a stage are replayed by running it again; one that fails again is a new letter', async () => {
    let broken = true;
    const audio = () => {
      if (broken) throw new CinedexError('MEDIA_CORRUPT', 'no sound in it');
      return undefined;
    };
    await open(pipelineStages({ behaviour: { audio } }));
    await app.publish([upload('v1'), upload('v2')]);
    await app.settled();
    const first = await replayDeadLetters(deps, { stage: 'audio' });
    expect(first).toMatchObject([{ outcome: 'replayed', note: 'audio runs again' }, { outcome: 'replayed' }]);
    await app.settled();
    expect(await listDeadLetters(deps, {})).toHaveLength(2);
    expect(await listDeadLetters(deps, { handled: true })).toHaveLength(4);
    broken = false;
    await replayDeadLetters(deps, {});
    await app.settled();
    expect((await app.status(ref('v1')))?.steps.audio?.status).toBe('done');
    expect(await listDeadLetters(deps)).toEqual([]);
    expect((await listDeadLetters(deps, { handled: true })).map(({ handled }) => handled?.action)).toEqual(
      Array(4).fill('replayed'),
    );
  });

  it('of the intake are replayed to their topic: an update that came before its upload', async () => {
    await open(pipelineStages());
    await app.publish([retitled('v1', 'The later title')]);
    await app.settled();
    await app.publish([upload('v1')]);
    await app.settled();
    expect(await replayDeadLetters(deps, {})).toMatchObject([
      { outcome: 'replayed', note: expect.stringContaining(`sent to ${TOPICS.ugc} again`) },
    ]);
    await app.settled();
    const video = await app.status(ref('v1'));
    expect(video?.metadata.title).toBe('The later title');
    expect(video?.revision).toBe(2);
    expect(await listDeadLetters(deps)).toEqual([]);
  });

  it('are dropped with a reason, and refused when nothing can be done', async () => {
    await open(pipelineStages());
    await app.publish([retitled('v1', 'A title'), retitled('v2', 'A title')]);
    await app.settled();
    const dropped = await dropDeadLetters(deps, { videoId: 'v1' }, 'never existed');
    expect(dropped).toMatchObject([{ outcome: 'dropped' }]);
    expect(await listDeadLetters(deps, { handled: true, videoId: 'v1' })).toMatchObject([
      { handled: { action: 'dropped', note: 'never existed' } },
    ]);
    expect((await listDeadLetters(deps)).map(({ videoId }) => videoId)).toEqual(['v2']);
    // The topic has forgotten the event, but the letter has kept it.
    const bus = Object.create(app.stores.bus) as typeof app.stores.bus;
    bus.read = (topic, options) =>
      topic === TOPICS.dlq || topic === TOPICS.dlqHandled
        ? app.stores.bus.read(topic, options)
        : (async function* () {
            // Nothing is there any more.
          })();
    expect(await replayDeadLetters({ ...deps, bus }, { videoId: 'v2' })).toMatchObject([
      { outcome: 'replayed' },
    ]);
    await app.settled();
    expect(await listDeadLetters(deps, { videoId: 'v2' })).toHaveLength(1);
  });

  it('stop the work while they cannot be written, and are written in the end, once each', async () => {
    const audio = () => {
      throw new CinedexError('MEDIA_CORRUPT', 'no sound in it');
    };
    await open(pipelineStages({ behaviour: { audio } }));
    const { bus } = app.stores;
    const publish = bus.publish.bind(bus);
    let refused = 0;
    vi.spyOn(bus, 'publish').mockImplementation(async (topic, records) => {
      if (topic === TOPICS.dlq && refused < 6) {
        refused += 1;
        throw new CinedexError('STORE_UNAVAILABLE', 'the topic of dead letters does not answer');
      }
      return publish(topic, records);
    });
    // One dead letter of the intake, which holds up what comes after it in its partition, and one of a stage.
    await app.publish([retitled('v1', 'Too early'), upload('v1')]);
    await vi.waitFor(async () => expect(await topicRecords(app, TOPICS.dlq)).toHaveLength(2), {
      timeout: 30_000,
    });
    await app.settled();
    expect(refused).toBe(6);
    const letters = await listDeadLetters(deps);
    expect(letters.map(({ stage, code }) => `${stage} ${code}`).sort()).toEqual([
      'audio MEDIA_CORRUPT',
      'intake NOT_FOUND',
    ]);
    expect((await app.status(ref('v1')))?.steps.document?.status).toBe('done');
  });
});
