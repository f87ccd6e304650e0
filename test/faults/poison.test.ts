/** Events that cannot be understood, among those that can. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropDeadLetters, listDeadLetters, replayDeadLetters } from '../../ops/dead-letters/index.ts';
import { encodeEvent } from '../../shared/contracts/envelope.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import { pipelineStages, ref, temporaryFolder, topicRecords, upload } from '../fixtures/pipeline.ts';
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

const VIDEOS = Array.from({ length: 10 }, (_, i) => `v${i}`);
const headers = (type: string, more: Record<string, string> = {}) => ({
  ...{ ce_specversion: '1.0', ce_id: `poison-${type}`, ce_type: type, ce_source: '/test' },
  ...more,
});
// Control characters, which grow sixfold in JSON: the worst that a letter could have to hold.
const GARBAGE = '\u0001\u0002"\\'.repeat(256 * 1024);
const indexed = encodeEvent('video.indexed.v1', {
  ...ref('v0'),
  ...{ revision: 1, generation: 'g', points: {}, missing: [] },
});
const aboutNoVideo = encodeEvent('video.dead-letter-handled.v1', { letter: 'x', action: 'dropped' });

const POISON: [string, string, { key?: string; value: string; headers: Record<string, string> }][] = [
  ['is no JSON', 'EVENT_INVALID', { value: '{broken', headers: headers('video.uploaded.v1') }],
  ['is JSON of something else', 'EVENT_INVALID', { value: '[1, 2]', headers: headers('video.uploaded.v1') }],
  [
    'breaks its schema',
    'EVENT_INVALID',
    {
      value: JSON.stringify({ ...ref('v1'), source: 'tv', media: {} }),
      headers: headers('video.uploaded.v1'),
    },
  ],
  [
    'has an id that would climb out of a folder',
    'EVENT_INVALID',
    { value: JSON.stringify(ref('../../etc')), headers: headers('video.deleted.v1') },
  ],
  ['is a megabyte of garbage', 'EVENT_INVALID', { value: GARBAGE, headers: headers('video.uploaded.v1') }],
  ['is of an unknown type', 'EVENT_UNKNOWN_TYPE', { value: '{}', headers: headers('video.uploaded.v9') }],
  ['is of a type called __proto__', 'EVENT_UNKNOWN_TYPE', { value: '{}', headers: headers('__proto__') }],
  ['is no CloudEvent', 'EVENT_INVALID', { value: JSON.stringify(ref('v1')), headers: {} }],
  [
    'is of another version of CloudEvents',
    'EVENT_INVALID',
    { value: '{}', headers: headers('video.uploaded.v1', { ce_specversion: '9.9' }) },
  ],
  ['belongs on another topic', 'EVENT_UNKNOWN_TYPE', { value: indexed.value, headers: indexed.headers }],
  ['is about no video', 'EVENT_UNKNOWN_TYPE', { value: aboutNoVideo.value, headers: aboutNoVideo.headers }],
  ['has no key', 'EVENT_INVALID', { key: '', value: '', headers: headers('video.updated.v1') }],
];

describe.each(PLACES)('on $place, a poison event', { timeout: 150_000 }, ({ place, open }) => {
  it.skipIf(!open)('of any kind ends in the dead letters with its cause, and holds nothing up', async () => {
    app = await open!(folder, pipelineStages({ timeoutMs: 20_000 }));
    await app.publish([upload('v0')]);
    await app.start();
    await app.settled();
    for (const [, , { key = 'default/v1', ...record }] of POISON) {
      await app.stores.bus.publish(TOPICS.ugc, [{ key, ...record }]);
    }
    // Behind the poison in its own partition too, and in every other.
    await app.publish(VIDEOS.map((id) => upload(id)));
    await app.settled();

    const tally = await takeStock(app, `poison events, on ${place}`, VIDEOS);
    expect(tally).toMatchObject({ in: 10, settled: 10, lost: 0, doubled: 0 });
    const letters = await listDeadLetters({ bus: app.stores.bus });
    expect(letters).toHaveLength(POISON.length);
    const codes = letters.sort((a, b) => Number(a.origin!.offset) - Number(b.origin!.offset));
    const keyed = codes.filter(({ videoId }) => videoId === 'v1').map(({ code }) => code);
    expect(keyed).toEqual(POISON.filter(([, , { key }]) => key === undefined).map(([, code]) => code));
    for (const record of await topicRecords(app, TOPICS.dlq)) {
      // Every broker takes a megabyte by default.
      expect(Buffer.byteLength(record.value)).toBeLessThan(600_000);
      expect(record.headers).toMatchObject({ 'origin-topic': TOPICS.ugc, stage: 'intake', attempts: '1' });
    }
  });

  it.skipIf(!open)(
    'that is replayed unmended comes back as a new letter; a dropped one is gone from the list',
    async () => {
      app = await open!(folder, pipelineStages({ timeoutMs: 20_000 }));
      await app.publish([upload('v1')]);
      await app.start();
      await app.stores.bus.publish(TOPICS.ugc, [
        { key: 'default/v1', value: GARBAGE, headers: headers('video.uploaded.v1') },
      ]);
      await app.settled();
      const deps = { bus: app.stores.bus, retry: app.retry, status: app.status };
      const [first] = await listDeadLetters(deps);
      expect(first?.originalLength).toBe(GARBAGE.length);
      expect(await replayDeadLetters(deps, { ids: [first!.id] })).toMatchObject([{ outcome: 'replayed' }]);
      await app.settled();
      const [second, ...others] = await listDeadLetters(deps);
      expect(others).toEqual([]);
      expect(second?.id).not.toBe(first?.id);
      const events = await topicRecords(app, TOPICS.ugc);
      // All of it went back, though the letter holds a part only.
      expect(events.filter(({ value }) => value === GARBAGE)).toHaveLength(2);
      await dropDeadLetters(deps, { ids: [second!.id] }, 'a test of ours');
      expect(await listDeadLetters(deps)).toEqual([]);
      expect(await takeStock(app, `a poison event, replayed, on ${place}`, ['v1'])).toMatchObject({
        lost: 0,
        doubled: 0,
      });
    },
  );
});
