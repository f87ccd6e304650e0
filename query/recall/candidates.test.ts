import { beforeAll, expect, it } from 'vitest';
import { type DocumentBench, documentBench } from '../../test/fixtures/document-services.ts';
import { describeIndexed } from '../../test/fixtures/stages.ts';
import { loadCandidates, momentsFilter, type Scope } from './candidates.ts';
import type { Recalled } from './recall.ts';

let bench: DocumentBench;
let scope: Scope;
beforeAll(async () => {
  bench = await documentBench();
  await bench.indexVideo({
    ...{ videoId: 'shown', metadata: { title: 'Harbour', language: 'en' } },
    shots: [{ seen: 'boat', shown: 'Ferry at nine' }, { seen: 'sea' }],
  });
  await bench.indexVideo({
    ...{ videoId: 'said', metadata: { title: '厨房', language: 'zh' } },
    shots: [{ seen: 'kettle', said: 'Boil the water.' }],
  });
  const { index } = bench;
  scope = { index, generation: (await index.active())!, tenant: 'default' };
});

const channel = (name: string, hits: [string, number][]): Recalled => {
  const found = hits.map(([video, score]) => ({ id: `${name} ${video}`, score, payload: { video } }));
  return { name, collection: 'videos', match: 'about', weight: 1, hits: found, all: found };
};
const options = { filter: {}, conditions: [], fusion: { by: 'rrf', k: 60 } } as const;
const load = async (recalled: Recalled[], more: Partial<Parameters<typeof loadCandidates>[2]> = {}) =>
  (await loadCandidates(scope, recalled, { ...options, conditions: [], ...more })).videos;

describeIndexed('candidates', () => {
  it('are whole videos, with what found them', async () => {
    const found = await load([
      channel('videos.title', [
        ['shown', 8],
        ['said', 2],
      ]),
      channel('videos.title~', [['said', 0.5]]),
    ]);
    const said = found.find(({ video }) => video === 'said')!;
    expect(said.payload.title).toBe('厨房');
    expect(said.why.map((each) => each.channel)).toEqual(['videos.title', 'videos.title~']);
    expect(said.lexical).toBeCloseTo(0.25);
    const shown = found.find(({ video }) => video === 'shown')!;
    expect(shown.lexical).toBe(1);
    for (const { fused } of found) {
      expect(fused).toBeGreaterThan(0);
      expect(fused).toBeLessThanOrEqual(1);
    }
  });

  it('have the whole fused score where they are first everywhere', async () => {
    const [only] = await load([
      channel('videos.title', [['shown', 8]]),
      channel('videos.gist~', [['shown', 1]]),
    ]);
    expect(only!.fused).toBeCloseTo(1);
  });

  it('leave out what is not there any more, and what the question asks to leave out', async () => {
    const recalled = [
      channel('videos.title', [
        ['gone', 9],
        ['shown', 8],
        ['said', 2],
      ]),
    ];
    expect((await load(recalled)).map(({ video }) => video).sort()).toEqual(['said', 'shown']);
    const like = await load(recalled, { like: { video: 'said' } });
    expect(like.map(({ video }) => video)).toEqual(['shown']);
    const zh = await load(recalled, { conditions: [{ field: 'language', equals: 'zh' }] });
    expect(zh.map(({ video }) => video)).toEqual(['said']);
  });

  it('know whether there is text in the picture', async () => {
    const recalled = [
      channel('videos.title', [
        ['shown', 8],
        ['said', 2],
      ]),
    ];
    const of = async (hasText: boolean) =>
      (await load(recalled, { filter: { hasText } })).map(({ video }) => video);
    expect(await of(true)).toEqual(['shown']);
    expect(await of(false)).toEqual(['said']);
  });

  it('of another tenant are none', async () => {
    const { videos } = await loadCandidates(
      { ...scope, tenant: 'other' },
      [channel('videos.title', [['shown', 8]])],
      { ...options, conditions: [] },
    );
    expect(videos).toEqual([]);
  });
});

describeIndexed('a filter on videos', () => {
  it('is passed on to their moments by id', async () => {
    expect(await momentsFilter(scope, [])).toEqual([]);
    expect(await momentsFilter(scope, [{ field: 'language', equals: 'zh' }])).toEqual([
      { field: 'video', anyOf: ['said'] },
    ]);
  });

  it('that no video passes, no moment passes', async () => {
    const filter = await momentsFilter(scope, [{ field: 'language', equals: 'fr' }]);
    const [hits] = await scope.index.query(scope.generation, 'moments', [{ kind: 'scan', limit: 9, filter }]);
    expect(hits).toEqual([]);
  });
});
