import { describe, expect, it } from 'vitest';
import type { ReceivedEvent } from '../../shared/contracts/envelope.ts';
import type { EventData, EventType } from '../../shared/contracts/events.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import { applyEvent } from './apply-event.ts';

let serial = 0;
function event<T extends EventType>(type: T, data: EventData<T>, id = `e${serial++}`): ReceivedEvent<T> {
  return { id, type, time: '2026-01-01T00:00:00Z', data };
}
const at = (offset: number) => ({ topic: 'videos.ugc', partition: 0, offset: String(offset) });
const ref = { tenant: 'default', videoId: 'v1' };
const upload = (title = 'First', sha256 = 'a'.repeat(64)) =>
  event('video.uploaded.v1', {
    ...ref,
    source: 'ugc',
    media: { uri: 'file:///v.mp4', sha256 },
    metadata: { title },
  });

function apply(...events: ReceivedEvent[]): VideoRecord | undefined {
  let record: VideoRecord | undefined;
  events.forEach((each, index) => {
    record = applyEvent(record, each, at(index), index) ?? record;
  });
  return record;
}

describe('applyEvent', () => {
  it('enters a first upload with revision 1', () => {
    expect(apply(upload())).toMatchObject({
      revision: 1,
      contentHash: 'a'.repeat(64),
      lane: 'ugc',
      deleted: false,
    });
  });

  it('does not count the same upload, published again, as a change', () => {
    expect(apply(upload(), upload())?.revision).toBe(1);
    expect(apply(upload(), upload('Second'))?.revision).toBe(2);
  });

  it('ignores what lies before the newest offset, so a replay changes nothing', () => {
    const record = apply(upload('First'), upload('Second'));
    expect(applyEvent(record, upload('First'), at(0), 9)).toBeUndefined();
  });

  it('merges updates and removes fields that are null', () => {
    const first = upload();
    first.data.metadata.tags = ['a'];
    first.data.metadata.description = 'kept';
    const record = apply(
      first,
      event('video.updated.v1', { ...ref, metadata: { title: 'New', tags: null } }),
    );
    expect(record?.metadata).toEqual({ title: 'New', description: 'kept' });
    expect(record?.revision).toBe(2);
  });

  it('adds interactions once, even when the producer sends the event twice', () => {
    const seen = event('video.interactions.v1', {
      ...ref,
      query: 'cats',
      impressions: 10,
      clicks: 2,
      watchSeconds: 3,
    });
    const record = apply(upload(), seen, seen);
    expect(record?.interactions).toEqual({
      impressions: 10,
      clicks: 2,
      watchSeconds: 3,
      queries: { cats: { impressions: 10, clicks: 2, watchSeconds: 3 } },
    });
  });

  it('adds up the ranks at which a video was shown, where they are known', () => {
    const shown = (impressions: number, meanPosition?: number) =>
      event('video.interactions.v1', {
        ...ref,
        query: 'cats',
        impressions,
        clicks: 0,
        watchSeconds: 0,
        ...(meanPosition !== undefined && { meanPosition }),
      });
    const interactions = apply(upload(), shown(10, 2), shown(5), shown(30, 4))?.interactions;
    expect(interactions).toMatchObject({ impressions: 45, ranked: { impressions: 40, sumOfRanks: 140 } });
    expect(interactions?.queries.cats?.ranked).toEqual({ impressions: 40, sumOfRanks: 140 });
  });

  it('adds up who called it not relevant, for each query', () => {
    const refused = (query: string, notRelevant?: number) =>
      event('video.interactions.v1', {
        ...{ ...ref, query, impressions: 1, clicks: 0, watchSeconds: 0 },
        ...(notRelevant !== undefined && { notRelevant }),
      });
    const { queries } = apply(
      upload(),
      refused('cats', 2),
      refused('cats'),
      refused('cats', 1),
      refused('dogs'),
    )!.interactions!;
    expect(queries).toMatchObject({ cats: { impressions: 3, notRelevant: 3 } });
    expect(queries.dogs).not.toHaveProperty('notRelevant');
  });

  it('keeps a query named like an object property apart', () => {
    const seen = event('video.interactions.v1', {
      ...ref,
      query: 'constructor',
      impressions: 1,
      clicks: 1,
      watchSeconds: 0,
    });
    expect(apply(upload(), seen)?.interactions?.queries).toEqual({
      constructor: { impressions: 1, clicks: 1, watchSeconds: 0 },
    });
  });

  it('brings a deleted video back with its next upload, whatever it was', () => {
    const deleted = apply(upload(), event('video.deleted.v1', ref));
    expect(deleted).toMatchObject({ deleted: true, revision: 2 });
    expect(applyEvent(deleted, upload(), at(5), 9)).toMatchObject({ deleted: false, revision: 3 });
  });

  it('refuses an update of a video that is not there', () => {
    const update = event('video.updated.v1', { ...ref, metadata: { title: 'x' } });
    expect(() => applyEvent(undefined, update, at(0), 0)).toThrowError(/never uploaded/);
    expect(() => apply(upload(), event('video.deleted.v1', ref), update)).toThrowError(/was deleted/);
  });
});
