import { beforeEach, expect, it } from 'vitest';
import type { StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import { describedRecord } from '../../test/fixtures/described-video.ts';
import { type DocumentBench, documentBench } from '../../test/fixtures/document-services.ts';
import { describeIndexed } from '../../test/fixtures/stages.ts';
import type { LabelledQuery } from './labelled-set.ts';
import { probeIndex, resolveSet } from './probe.ts';

const video = (videoId: string) => ({
  videoId,
  shots: [{ seen: `dog ${videoId}`, said: `Words of ${videoId}.` }],
});
const step = (status: StepState['status'], more: Partial<StepState> = {}): StepState => ({
  ...{ status, key: 'k', epoch: 1, attempts: 1, since: 0, ...more },
});
const done = (videoId: string, document: StepState = step('done')): VideoRecord => {
  const record = describedRecord(video(videoId), { media: { uri: `file:///films/${videoId}%20cut.mp4` } });
  return { ...record, steps: { ...record.steps, document } };
};
const query = (...relevant: string[]): LabelledQuery => ({
  ...{ text: 'q', kind: 'seen', language: 'en', moments: [] },
  relevant: Object.fromEntries(relevant.map((name) => [name, 1])),
});

let bench: DocumentBench;
beforeEach(async () => {
  bench = await documentBench();
  for (const videoId of ['a', 'b']) await bench.indexVideo(video(videoId));
});

function probe(records: VideoRecord[], set: Parameters<typeof probeIndex>[2]) {
  const ledger = { list: async () => ({ records, cursor: null }) };
  return probeIndex(
    { index: bench.index, ledger } as unknown as Parameters<typeof probeIndex>[0],
    'default',
    set,
  );
}
const ids = (...names: string[]) => ({ names: 'id' as const, queries: [query(...names)] });

describeIndexed('the probe', () => {
  it('passes a whole index, by ids and by names of files', async () => {
    const byId = await probe([done('a'), done('b')], ids('a'));
    expect(byId).toMatchObject({ videos: 2, failed: [] });
    const byFile = await probe([done('a'), done('b')], { names: 'file', queries: [query('b cut.mp4')] });
    expect(resolveSet({ ...set, queries: [query('b cut.mp4')] }, byFile).queries[0]!.relevant).toEqual({
      b: 1,
    });
  });

  it.each([
    [
      'a video that is still worked on',
      [done('a', step('running')), done('b')],
      'is still worked on (document)',
    ],
    ['a labelled video that was never published', [done('b')], 'a was never published'],
    ['a video whose point is missing', [done('a'), done('b'), done('c')], 'c is not in the index'],
  ])('refuses %s', async (_, records, message) => {
    await expect(probe(records, ids('a'))).rejects.toMatchObject({
      ...{ code: 'INDEX_INCOMPLETE', message: expect.stringContaining(message) },
    });
  });

  it('refuses a video whose moments are lost, and an index that is not there', async () => {
    const generation = (await bench.index.active())!;
    await bench.index.delete(generation, 'moments', [{ field: 'video', equals: 'a' }]);
    await expect(probe([done('a'), done('b')], ids('a'))).rejects.toMatchObject({
      message: expect.stringContaining('a has no moments'),
    });
    bench = await documentBench();
    await expect(probe([], ids('a'))).rejects.toMatchObject({ code: 'INDEX_INCOMPLETE' });
  });

  it('leaves out what cannot be indexed, and says why', async () => {
    const broken = done(
      'c',
      step('failed', { error: { code: 'MEDIA_INVALID', message: 'x', at: 1 } as never }),
    );
    const library = await probe([done('a'), done('b'), broken], ids('a', 'c'));
    expect(library.failed).toEqual([{ name: 'c', reason: 'MEDIA_INVALID' }]);
    const resolved = resolveSet({ ...set, queries: [query('c'), query('a', 'c')] }, library);
    expect(resolved.queries.map(({ relevant }) => relevant)).toEqual([{ a: 1 }]);
  });
});

const set = { name: 'x', checksum: 'x', names: 'file' as const };
