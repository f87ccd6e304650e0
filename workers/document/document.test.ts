import { describe, expect, it } from 'vitest';
import type { DescribedVideo } from '../../test/fixtures/described-video.ts';
import { describedRecord } from '../../test/fixtures/described-video.ts';
import { documentBench } from '../../test/fixtures/document-services.ts';

const walk: DescribedVideo = {
  videoId: 'walk',
  metadata: { title: 'A walk with the dog', tags: ['pets', '宠物'], description: 'Filmed in spring.' },
  shots: [
    { seen: 'dog grass', said: 'Come here, good boy!', shown: 'Chapter one', faces: [1] },
    { seen: 'river bridge', said: 'We cross the old bridge now.' },
    { seen: 'dog house', shown: '全剧终', faces: [1, 2] },
  ],
};

function output<T>(outcome: { kind: string; output?: T }): T {
  if (outcome.output === undefined) throw new Error(`no output: ${outcome.kind}`);
  return outcome.output;
}

describe('document', () => {
  it('joins what all stages found into points', async () => {
    const bench = await documentBench();
    const outcome = await bench.indexVideo(walk);
    expect(outcome.kind).toBe('ok');
    const result = output(outcome);
    expect(result.points).toEqual({ videos: 1, moments: 3, faces: 2, audio: 3 });
    expect(result.fields).toMatchObject({
      title: 'A walk with the dog',
      speech: 'Come here, good boy!\nWe cross the old bridge now.',
      screen: 'Chapter one\n全剧终',
    });
    expect(result.keywords.map(({ text }) => text)).toContain('walk');
    const [video] = await bench.payloads('videos');
    expect(video).toMatchObject({
      title: 'A walk with the dog',
      complete: true,
      durationSec: 15,
      sounds: ['speech'],
    });
    const generation = await bench.index.active();
    const [point] = bench.index.dump(generation!, 'videos');
    expect(Object.keys(point!.vectors).sort()).toEqual(['about', 'gist', 'title', 'words']);
    expect(point!.lexical.title).toContain('dog');
  });

  it('gives the same points when it runs twice', async () => {
    const bench = await documentBench();
    await bench.indexVideo(walk);
    const generation = (await bench.index.active())!;
    const all = () =>
      (['videos', 'moments', 'faces', 'audio'] as const).map((name) => bench.index.dump(generation, name));
    const first = structuredClone(all());
    await bench.indexVideo(walk);
    expect(all()).toEqual(first);
  });

  it('leaves nothing of an earlier revision, and no hole meanwhile', async () => {
    const bench = await documentBench();
    await bench.indexVideo(walk);
    bench.index.log.length = 0;
    const shorter = { ...walk, shots: walk.shots.slice(0, 1) };
    const outcome = await bench.indexVideo(shorter, {
      revision: 2,
      contentHash: 'other bytes',
      updatedAt: 2,
    });
    expect(output(outcome).points).toEqual({ videos: 1, moments: 1, faces: 1, audio: 1 });
    const operations = bench.index.log.map(({ operation }) => operation);
    expect(operations.lastIndexOf('upsert')).toBeLessThan(operations.indexOf('delete'));
  });

  it('tells a video by a vector for each of its texts, of a long one by a few of them', async () => {
    const bench = await documentBench();
    await bench.indexVideo(walk);
    const shots = Array.from({ length: 60 }, (_, i) => ({
      seen: 'dog',
      said: `Sentence number${i} is said.`,
    }));
    await bench.indexVideo({ ...walk, videoId: 'long', shots });
    const generation = (await bench.index.active())!;
    const points = bench.index.dump(generation, 'videos');
    const parts = new Map(points.map(({ payload, multivectors }) => [payload.video, multivectors!.parts!]));
    expect(parts.get(walk.videoId)!.length).toBeGreaterThan(1);
    expect(parts.get('long')!.length).toBeGreaterThan(20);
    expect(parts.get('long')!.length).toBeLessThanOrEqual(32);
  });

  it('re-encodes nothing when only the statistics change', async () => {
    const bench = await documentBench();
    await bench.indexVideo(walk);
    bench.encoded.length = 0;
    const changed = {
      revision: 2,
      updatedAt: 2,
      interactions: {
        ...{ impressions: 9, clicks: 4, watchSeconds: 30, ranked: { impressions: 4, sumOfRanks: 10 } },
        queries: { dogs: { impressions: 2, clicks: 1, watchSeconds: 5 } },
      },
    };
    const outcome = await bench.indexVideo(walk, changed);
    expect(bench.encoded).toEqual([]);
    expect(output(outcome)).toMatchObject({ revision: 2, points: { videos: 1, moments: 3 } });
    expect((await bench.payloads('videos'))[0]).toMatchObject({
      ...{ revision: 2, clicks: 4, impressions: 9, meanPosition: 2.5 },
      queries: [{ query: 'dogs', clicks: 1, impressions: 2, meanPosition: null }],
    });
  });

  it('writes again when a title changes and changes back', async () => {
    const bench = await documentBench();
    await bench.indexVideo(walk);
    await bench.indexVideo({ ...walk, metadata: { title: 'Renamed' } }, { revision: 2, updatedAt: 2 });
    expect((await bench.payloads('videos'))[0]).toMatchObject({ title: 'Renamed' });
    await bench.indexVideo(walk, { revision: 3, updatedAt: 3 });
    expect((await bench.payloads('videos'))[0]).toMatchObject({ title: 'A walk with the dog' });
  });

  it('does not let an older revision overwrite a newer one', async () => {
    const bench = await documentBench();
    await bench.indexVideo({ ...walk, metadata: { title: 'New' } }, { revision: 2, updatedAt: 20 });
    await expect(bench.indexVideo(walk, { revision: 1, updatedAt: 10 })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect((await bench.payloads('videos'))[0]).toMatchObject({ title: 'New' });
  });

  it('is partial where a stage failed, but not where there was nothing to do', async () => {
    const bench = await documentBench();
    const silent = { ...walk, sound: false };
    expect((await bench.indexVideo(silent)).kind).toBe('ok');
    const steps = describedRecord(silent).steps;
    const failed = { ...steps, ocr: { ...steps.ocr!, status: 'failed' as const } };
    const outcome = await bench.indexVideo(silent, { steps: failed, revision: 2, updatedAt: 2 }, ['ocr']);
    expect(outcome).toMatchObject({ kind: 'partial', missing: ['ocr'] });
    expect((await bench.payloads('videos'))[0]).toMatchObject({ complete: false, missing: ['ocr'] });
  });

  it('does not index a video without pictures, and takes out what its earlier media left', async () => {
    const bench = await documentBench();
    await bench.indexVideo(walk);
    expect((await bench.indexVideo(walk, {}, ['frames'])).kind).toBe('skip');
    expect(await bench.payloads('videos')).toHaveLength(1);
    expect((await bench.indexVideo(walk, { contentHash: 'broken' }, ['frames'])).kind).toBe('skip');
    for (const collection of ['videos', 'moments', 'faces', 'audio'] as const) {
      expect(await bench.payloads(collection)).toEqual([]);
    }
  });

  it('forgets a deleted video and nothing of another tenant', async () => {
    const bench = await documentBench();
    await bench.indexVideo(walk);
    await bench.indexVideo({ ...walk, tenant: 'other' });
    await bench.forget(walk);
    expect((await bench.payloads('moments')).map(({ tenant }) => tenant)).toEqual([
      'other',
      'other',
      'other',
    ]);
    const { identities } = bench.services;
    expect(await identities.exemplars('default')).toEqual([]);
    expect(await identities.exemplars('other')).toHaveLength(2);
  });
});

describe('people', () => {
  const again = { videoId: 'again', shots: [{ seen: 'kitchen', faces: [2] }] };

  it('are the same in two videos, and are found by the name that they were given', async () => {
    const bench = await documentBench();
    const first = output(await bench.indexVideo(walk));
    const [person] = output(await bench.indexVideo(again)).people;
    expect(first.people.map(({ identity }) => identity)).toContain(person!.identity);
    await bench.services.identities.rename(person!.identity, 'Ada Lovelace');
    const renamed = output(await bench.indexVideo(again, { galleryRevision: 1, updatedAt: 2 }));
    expect(renamed.people).toEqual([{ ...person, name: 'Ada Lovelace' }]);
    expect(renamed.fields.people).toBe('Ada Lovelace');
    const moment = (await bench.payloads('moments')).find(({ video }) => video === 'again');
    expect(moment).toMatchObject({ names: ['ada lovelace'], people: [person!.identity] });
  });

  it('stay in the gallery when the faces could not be computed again', async () => {
    const bench = await documentBench();
    await bench.indexVideo(walk);
    await bench.indexVideo(walk, { revision: 2, updatedAt: 2 }, ['faces']);
    expect(await bench.services.identities.exemplars('default')).toHaveLength(2);
  });
});

describe('near-duplicates', () => {
  const shots = ['one', 'two', 'three', 'four'].map((seen) => ({ seen }));
  it('share a group whatever the order, and leave it', async () => {
    const bench = await documentBench();
    const copy = { videoId: 'b-copy', shots };
    const original = { videoId: 'a-original', shots };
    const stranger = { videoId: 'c', shots: ['five', 'six', 'seven', 'eight'].map((seen) => ({ seen })) };
    expect(output(await bench.indexVideo(copy)).nearDuplicateGroup).toBeNull();
    expect(output(await bench.indexVideo(stranger)).nearDuplicateGroup).toBeNull();
    expect(output(await bench.indexVideo(original)).nearDuplicateGroup).toBe('a-original');
    const groups = async () =>
      Object.fromEntries(
        (await bench.payloads('videos')).map((each) => [each.video, each.nearDuplicateGroup]),
      );
    expect(await groups()).toEqual({ 'a-original': 'a-original', 'b-copy': 'a-original', c: null });
    await bench.forget(original);
    expect(await groups()).toEqual({ 'b-copy': null, c: null });
  });

  it('are not found across tenants', async () => {
    const bench = await documentBench();
    await bench.indexVideo({ videoId: 'a', shots });
    expect(
      output(await bench.indexVideo({ videoId: 'b', tenant: 'other', shots })).nearDuplicateGroup,
    ).toBeNull();
  });
});
