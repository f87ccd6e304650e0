import { beforeAll, expect, it } from 'vitest';
import type { Payload } from '../shared/ports/video-index.ts';
import type { DescribedVideo } from '../test/fixtures/described-video.ts';
import { type DocumentBench, documentBench } from '../test/fixtures/document-services.ts';
import { describeIndexed } from '../test/fixtures/stages.ts';
import { createSearch, type SearchAnswer, type SearchRequest } from './search.ts';

const library: DescribedVideo[] = [
  {
    videoId: 'dogs',
    metadata: { title: 'Dogs of the park', language: 'en' },
    shots: [{ seen: 'grass' }, { seen: 'dog run', said: 'Fetch the red ball, Rex!' }, { seen: 'bench' }],
  },
  {
    videoId: 'kitchen',
    metadata: { title: '早晨的厨房', language: 'zh' },
    shots: [
      { seen: 'kettle', shown: '先把水烧开' },
      { seen: 'cup coffee', shown: '慢慢倒入咖啡', said: '味道很香。' },
    ],
  },
  {
    videoId: 'lecture',
    metadata: { title: 'Evening lecture' },
    shots: [
      { seen: 'slide', said: 'To be or not to be asked about gravity.', seconds: 8 },
      {
        seen: 'board',
        said: 'Newton sat under an apple tree and thought about gravity.',
        seconds: 8,
        faces: [3],
      },
    ],
  },
];

let bench: DocumentBench;
let ask: (text: string, more?: Partial<SearchRequest>) => Promise<SearchAnswer>;
beforeAll(async () => {
  bench = await documentBench();
  for (const video of library) await bench.indexVideo(video);
  // Directions of random words are alike by chance up to about 0.3 at this size.
  const search = createSearch(bench.services, { floors: { visual: 0.4 } });
  ask = (text, more) => search({ tenant: 'default', text, ...more });
});

describeIndexed('search', () => {
  it('finds a quote at its time, and says that it was said', async () => {
    const { results } = await ask('Newton sat under an apple tree');
    expect(results[0]).toMatchObject({ video: 'lecture', coverage: 1 });
    expect(results[0]!.moments[0]).toMatchObject({ atSec: 8, words: { kind: 'said' } });
    expect(results[0]!.moments[0]!.matched).toContain('said');
  });

  it('plays a long speech from about where the words are', async () => {
    const { results } = await ask('thought about gravity');
    const { atSec } = results[0]!.moments[0]!;
    expect(atSec).toBeGreaterThan(11);
    expect(atSec).toBeLessThan(15);
  });

  it('finds Chinese words in the picture', async () => {
    const { results } = await ask('倒入咖啡');
    expect(results[0]).toMatchObject({ video: 'kitchen' });
    expect(results[0]!.moments[0]).toMatchObject({
      startSec: 5,
      words: { kind: 'shown', text: '慢慢倒入咖啡' },
    });
  });

  it('finds by what is seen, also across languages, and passes on the caveat', async () => {
    for (const text of ['running dog', '奔跑的狗']) {
      const { results, caveats } = await ask(text);
      expect(results[0]).toMatchObject({ video: 'dogs' });
      expect(results[0]!.moments[0]).toMatchObject({ startSec: 5 });
      expect(caveats).toEqual([
        { code: 'PICTURES_BY_WORDS', message: 'Pictures are searched by words only.' },
      ]);
    }
  });

  it('stems, ignores case and width', async () => {
    expect((await ask('ＦＥＴＣＨＩＮＧ red balls')).results[0]).toMatchObject({ video: 'dogs' });
  });

  it('answers nothing when nothing is relevant', async () => {
    expect((await ask('quarterly tax return form')).results).toEqual([]);
    expect((await ask('量子计算机')).results).toEqual([]);
  });

  it('finds people by the name in the gallery, where they are seen', async () => {
    const [face] = await bench.payloads('faces');
    await bench.services.identities.rename(String(face!.identity), '李小龙');
    const { results, question } = await ask('李小龙在哪里');
    expect(question.people).toEqual(['李小龙']);
    expect(results[0]).toMatchObject({ video: 'lecture' });
    expect(results[0]!.moments[0]).toMatchObject({ startSec: 8, people: ['李小龙'] });
    expect(results[0]!.moments[0]!.matched).toContain('who');
  });

  it('filters, and keeps tenants apart', async () => {
    expect((await ask('gravity', { filters: [{ field: 'language', equals: 'zh' }] })).results).toEqual([]);
    expect((await ask('gravity', { tenant: 'other' })).results).toEqual([]);
  });

  it('meets each part of a question with the part of the video that it is about', async () => {
    const { results } = await ask('gravity lecture in the evening', { explain: true });
    const parts = results[0]!.why.find(({ channel }) => channel === 'videos.parts~');
    expect(results[0]!.video).toBe('lecture');
    expect(parts!.score).toBeGreaterThan(0.4);
    expect(parts!.score).toBeLessThanOrEqual(1);
  });

  it('finds what the same question led to before, though nothing in it says so', async () => {
    const interactions = {
      ...{ impressions: 40, clicks: 30, watchSeconds: 200, ranked: { impressions: 40, sumOfRanks: 80 } },
      queries: { 'Good boy!': { impressions: 40, clicks: 30, watchSeconds: 200 } },
    };
    await bench.indexVideo(library[0]!, { revision: 2, updatedAt: 2, interactions });
    const searchNow = createSearch(bench.services, { floors: { visual: 0.4 } });
    const { results } = await searchNow({ tenant: 'default', text: 'good boy', explain: true });
    expect(results[0]).toMatchObject({ video: 'dogs', matched: expect.arrayContaining(['clicked']) });
    const clicked = results[0]!.explain!.features.find(({ feature }) => feature === 'queryClickRate');
    expect(clicked!.value).toBeGreaterThan(0.4);
  });

  it('believes viewers who say that it does not answer the question, when they are many', async () => {
    const text = 'running dog';
    const gradeAfter = async (notRelevant: number) => {
      const counts = { impressions: 100, clicks: notRelevant, watchSeconds: 0, notRelevant };
      const interactions = { ...counts, queries: { [text]: counts } };
      const revision = 3 + notRelevant;
      await bench.indexVideo(library[0]!, { revision, updatedAt: revision, interactions });
      const searchNow = createSearch(bench.services, { floors: { visual: 0.4 } });
      const { results, weak } = await searchNow({ tenant: 'default', text, explain: true, weak: true });
      const found = [...results, ...weak].find(({ video }) => video === 'dogs')!;
      expect(found.matched).not.toContain('clicked');
      return Math.log(found.grade / (1 - found.grade));
    };
    const content = await gradeAfter(0);
    expect(content - (await gradeAfter(1))).toBeLessThan(0.1);
    expect(content - (await gradeAfter(90))).toBeGreaterThan(4);
  });

  it('tells guesses apart from answers when asked, with grades below the cut-off', async () => {
    const { results, weak } = await ask('quarterly tax return form', { weak: true });
    expect(results).toEqual([]);
    expect(weak.length).toBeGreaterThan(0);
    for (const { grade } of weak) expect(grade).toBeLessThan(0.35);
    expect((await ask('quarterly tax return form')).weak).toEqual([]);
  });

  it('reads no field of a payload that it did not ask for', async () => {
    const { index } = bench.services;
    const unasked = new Set<string>();
    const watch = (payload: Payload, fields: readonly string[]): Payload =>
      new Proxy(payload, {
        get(target, name) {
          if (typeof name === 'string' && !fields.includes(name)) unasked.add(name);
          return Reflect.get(target, name);
        },
      });
    const query: typeof index.query = async (generation, collection, queries) => {
      const found = await index.query(generation, collection, queries);
      return found.map((hits, i) => {
        const { fields } = queries[i]!;
        return fields ? hits.map((hit) => ({ ...hit, payload: watch(hit.payload, fields) })) : hits;
      });
    };
    const watched = new Proxy(index, {
      get(target, name) {
        const value: unknown = name === 'query' ? query : Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const search = createSearch({ ...bench.services, index: watched }, { floors: { visual: 0.4 } });
    let found = 0;
    for (const filter of [
      undefined,
      { hasText: true },
      { hasSpeech: true, hasFaces: true, explicit: true },
    ]) {
      for (const text of ['gravity', '厨房 咖啡', 'dogs season 2 of 2024', 'kitchen under 1 minute, 720p']) {
        const request = { tenant: 'default', text, filter, explain: true, weak: true };
        found += (await search(request)).results.length;
      }
    }
    expect(found).toBeGreaterThan(4);
    // Moments have it; of a video it is looked for in vain.
    unasked.delete('startSec');
    expect([...unasked]).toEqual([]);
  });

  it('refuses weights of channels that there are not', () => {
    expect(() => createSearch(bench.services, { config: { channelWeights: { title: 2 } } })).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it('refuses an empty question', async () => {
    await expect(ask('  ')).rejects.toMatchObject({ code: 'USAGE' });
  });
});
