import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import { describeIndexed } from '../../test/fixtures/stages.ts';
import type { SearchResults, VideoPage } from './answers.ts';
import { type TestApi, testApi } from './testing.ts';

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api.dispose());

/** Servers of single tests. */
const made: TestApi[] = [];
afterEach(async () => {
  for (const each of made.splice(0)) await each.dispose();
});
async function another(...args: Parameters<typeof testApi>): Promise<TestApi> {
  const one = await testApi(...args);
  made.push(one);
  return one;
}

const results = async (url: string, of = api): Promise<SearchResults> => {
  const response = await of.ask(url);
  expect(response.statusCode, response.body).toBe(200);
  return response.json();
};
const videos = ({ results: found }: SearchResults) => found.map(({ video }) => video);

describeIndexed('GET and POST /v1/search', () => {
  it('find videos and moments, with addresses of what to show', async () => {
    const answer = await results('/v1/search?q=Newton%20thought%20about%20gravity');
    expect(answer).toMatchObject({ total: 1, next: null, partial: null, weak: [] });
    const [{ moments }] = answer.results as [SearchResults['results'][number]];
    expect(moments[0]).toMatchObject({
      ...{
        startSec: 8,
        link: '/videos/lecture?t=8',
        thumbnail: expect.stringMatching(/^\/v1\/images\/[0-9a-f]{64}\?moment=/),
      },
      words: { kind: 'said', text: 'Newton thought about gravity.' },
    });
    expect(answer.results[0]).toMatchObject({
      video: 'lecture',
      title: 'Evening lecture',
      poster: expect.stringMatching(/^\/v1\/images\/[0-9a-f]{64}\?video=lecture$/),
      media: '/v1/videos/lecture/media',
      page: '/videos/lecture',
    });
    expect(answer.results[0]).not.toHaveProperty('explain');
  });

  it('give the same answer to the same question, however it is asked', async () => {
    const asked = await results('/v1/search?q=gravity&language=en&limit=5&moments=1');
    const body = { q: 'gravity', filter: { language: 'en' }, limit: 5, moments: 1 };
    const posted = await api.ask('/v1/search', { method: 'POST', payload: body });
    const untimed = ({ tookMs: _, ...rest }: SearchResults) => rest;
    expect(untimed(posted.json())).toEqual(untimed(asked));
    expect(videos(asked)).toEqual(['lecture']);
  });

  it('filter', async () => {
    expect(videos(await results('/v1/search?q=gravity&language=zh'))).toEqual([]);
    expect(videos(await results('/v1/search?q=dog&tag=ANIMALS&tag=other'))).toEqual(['dogs']);
    expect(videos(await results('/v1/search?q=gravity&durationFrom=100'))).toEqual([]);
    expect(videos(await results('/v1/search?q=gravity&hasFaces=true'))).toEqual(['lecture']);
  });

  it('explain when they are asked to', async () => {
    const { results: found, channels, model } = await results('/v1/search?q=gravity&explain=true');
    expect(found[0]!.explain).toMatchObject({ grade: expect.any(Number), features: expect.any(Array) });
    expect(channels!.length).toBeGreaterThan(5);
    expect(model).toEqual(expect.any(String));
  });

  it('find others like a video or a moment', async () => {
    const like = { like: { video: 'sailing-one' }, limit: 5 };
    const posted = await api.ask('/v1/search', { method: 'POST', payload: like });
    expect(videos(posted.json())).toEqual(expect.arrayContaining(['sailing-two', 'sailing-three']));
    const page: VideoPage = (await api.ask('/v1/videos/sailing-one')).json();
    const similar = await results(`/v1/moments/${page.shots[0]!.id}/similar?limit=5`);
    expect(videos(similar)).not.toContain('sailing-one');
    expect(similar.question.kind).toBe('example');
  });
});

describeIndexed('paging', () => {
  it('goes through all answers, each once', async () => {
    const first = await results('/v1/search?q=sailing&limit=2');
    expect(first).toMatchObject({ total: 3, next: expect.any(String) });
    const second = await results(`/v1/search?q=sailing&limit=2&cursor=${encodeURIComponent(first.next!)}`);
    expect(second.next).toBeNull();
    expect([...videos(first), ...videos(second)].sort()).toEqual([
      'sailing-one',
      'sailing-three',
      'sailing-two',
    ]);
  });

  it('refuses a cursor of another question, another tenant or another index, and one that was made up', async () => {
    const { next } = await results('/v1/search?q=sailing&limit=2');
    const cursor = encodeURIComponent(next!);
    const rival = await api.key(['search'], 'rival');
    const refused = [
      await api.ask(`/v1/search?q=gravity&limit=2&cursor=${cursor}`),
      await api.ask(`/v1/search?q=sailing&language=en&cursor=${cursor}`),
      await api.ask(`/v1/search?q=sailing&cursor=${cursor}`, { key: rival }),
      await api.ask(`/v1/search?q=sailing&cursor=${cursor.slice(0, -2)}AA`),
      await api.ask(`/v1/search?q=sailing&cursor=WzUwMDAwMDAwMCxudWxsXQ.AAAAAAAAAAAAAAAAAAAAAA`),
    ];
    expect(refused.map(({ statusCode }) => statusCode)).toEqual([400, 400, 400, 400, 400]);
  });

  it('begins again when the generation has changed', async () => {
    const one = await another({});
    const { next } = await results('/v1/search?q=sailing&limit=2', one);
    await one.index.ensureGeneration('g-next', []);
    await one.index.ensureGeneration('g-next', await schemas(one));
    await one.index.activate('g-next');
    const response = await one.ask(`/v1/search?q=sailing&limit=2&cursor=${encodeURIComponent(next!)}`);
    expect(response.json()).toMatchObject({ status: 400, detail: expect.stringContaining('earlier index') });
  });
});

async function schemas({ bench }: TestApi) {
  const { collectionSchemas } = await import('../../shared/index/schema.ts');
  const { indexModels } = await import('../../shared/index/generation.ts');
  return collectionSchemas(indexModels(bench.services));
}

describeIndexed('the deadline', () => {
  const slow = (collection: string) => (index: VideoIndex) => ({
    ...index,
    query: (generation: string, name: 'videos', queries: Parameters<VideoIndex['query']>[2]) =>
      name === collection && queries.some(({ kind }) => kind !== 'scan')
        ? new Promise<never>(() => undefined)
        : index.query(generation, name, queries),
  });

  it('leaves channels out that are late, says which, and keeps no such answer', async () => {
    const one = await another({ index: slow('moments') });
    const headers = { 'x-deadline-ms': '400' };
    for (const _ of [1, 2]) {
      const response = await one.ask('/v1/search?q=lecture', { headers });
      const { partial, results: found }: SearchResults = response.json();
      expect(found[0]!.video).toBe('lecture');
      expect(partial).toMatchObject({ reason: 'deadline' });
      expect(partial!.missing).toContain('moments.speech');
      expect(partial!.missing).not.toContain('videos.title');
      expect(response.headers['x-cache']).toBe('miss');
    }
  });

  it('ends a search that does not come to an end, and lets nobody have more time', async () => {
    const one = await another({
      query: { timeoutMs: 100 },
      search: () => () => new Promise(() => undefined),
    });
    for (const headers of [{}, { 'x-deadline-ms': '60000' }]) {
      const response = await one.ask('/v1/search?q=a', { headers });
      expect(response.json()).toMatchObject({
        status: 504,
        code: 'STAGE_TIMEOUT',
        detail: expect.stringContaining('100 ms'),
      });
    }
    expect((await one.ask('/v1/search?q=a', { headers: { 'x-deadline-ms': 'soon' } })).statusCode).toBe(400);
  });
});

describeIndexed('kept answers', () => {
  it('are given again, and never after a video came or went', async () => {
    const one = await another({});
    const url = '/v1/search?q=gravity';
    const state = async () => {
      const response = await one.ask(url);
      return [response.headers['x-cache'], ...videos(response.json())];
    };
    expect(await state()).toEqual(['miss', 'lecture']);
    expect(await state()).toEqual(['hit', 'lecture']);
    const shots = [{ seen: 'orchard', said: 'Gravity, and apples.' }];
    const more = { videoId: 'apples', metadata: { title: 'Gravity and apples' }, shots };
    await one.bench.indexVideo(more);
    expect(await state()).toEqual(['miss', 'apples', 'lecture']);
    expect(await state()).toEqual(['hit', 'apples', 'lecture']);
    await one.bench.forget(more);
    expect(await state()).toEqual(['miss', 'lecture']);
    // What others index is nothing to this tenant.
    await one.bench.indexVideo({ ...more, tenant: 'rival' });
    expect(await state()).toEqual(['hit', 'lecture']);
  });

  it('are not given to another tenant, nor after a name was given', async () => {
    const one = await another({});
    const rival = await one.key(['search'], 'rival');
    const url = '/v1/search?q=gravity';
    expect(videos((await one.ask(url)).json())).toEqual(['lecture']);
    expect(videos((await one.ask(url, { key: rival })).json())).toEqual(['secret']);
    expect((await one.ask(url)).headers['x-cache']).toBe('hit');
    const [face] = await one.bench.payloads('faces');
    await one.bench.services.identities.rename(String(face!.identity), 'Isaac Newton');
    expect((await one.ask(url)).headers['x-cache']).toBe('miss');
  });

  it('are none when the configuration says so', async () => {
    const one = await another({ query: { cacheEntries: 0 } });
    for (const _ of [1, 2]) expect((await one.ask('/v1/search?q=gravity')).headers['x-cache']).toBe('miss');
  });
});

describeIndexed('what describes the API', () => {
  it('is OpenAPI 3.1 and names every route of /v1', async () => {
    const document = (await api.ask('/openapi.json', { key: null })).json();
    expect(document.openapi).toBe('3.1.0');
    expect(
      Object.keys(document.paths)
        .filter((each) => each.startsWith('/v1'))
        .sort(),
    ).toEqual([
      '/v1/images/{sha256}',
      '/v1/interactions',
      '/v1/me',
      '/v1/moments/{id}/similar',
      '/v1/search',
      '/v1/search/audio',
      '/v1/search/face',
      '/v1/search/image',
      '/v1/session',
      '/v1/suggest',
      '/v1/videos',
      '/v1/videos/{id}',
      '/v1/videos/{id}/media',
    ]);
    const { schema } = document.paths['/v1/search'].get.responses['200'].content['application/json'];
    expect(Object.keys(schema.properties)).toContain('partial');
    expect((await api.ask('/docs', { key: null })).body).toContain('swagger');
  });
});

describeIndexed('failures', () => {
  it('say when the index is away, and tell nothing of bugs', async () => {
    let error: Error = new CinedexError('STORE_UNAVAILABLE', 'Qdrant does not answer.');
    const one = await another({ search: () => () => Promise.reject(error) });
    expect((await one.ask('/v1/search?q=a')).json()).toMatchObject({
      ...{ status: 503, code: 'STORE_UNAVAILABLE', retryable: true },
    });
    error = new Error('secret of /etc/passwd');
    const bug = await one.ask('/v1/search?q=a');
    expect([bug.statusCode, bug.headers['content-type']]).toEqual([
      500,
      expect.stringContaining('application/problem+json'),
    ]);
    expect(bug.body).not.toContain('secret');
    const metrics = (await one.ask('/metrics', { key: await one.key(['admin']) })).body;
    expect(metrics).toContain('cinedex_search_duration_seconds_count{code="STORE_UNAVAILABLE"} 1');
    expect(metrics).toContain('cinedex_search_duration_seconds_count{code="STAGE_BUG"} 1');
  });

  it('are told to a supervisor without a key', async () => {
    const one = await another({ server: { ready: async () => ({ ok: false, reasons: ['index: gone'] }) } });
    expect((await one.ask('/livez', { key: null })).statusCode).toBe(200);
    const ready = await one.ask('/readyz', { key: null });
    expect([ready.statusCode, ready.json()]).toEqual([503, { ok: false, reasons: ['index: gone'] }]);
    expect((await one.ask('/v1/nowhere')).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});
