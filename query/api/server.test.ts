import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import type { SearchResults, VideoPage } from './answers.ts';
import { LIBRARY, type TestApi, testApi } from './testing.ts';

let api: TestApi;
let admin: string;
beforeAll(async () => {
  api = await testApi();
  admin = await api.key(['admin']);
  await mkdir(api.root, { recursive: true });
  await writeFile(
    path.join(api.root, 'dogs.mp4'),
    Buffer.concat([Buffer.from('\0\0\0\x18ftypmp42'), Buffer.alloc(988, 7)]),
  );
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

describe('GET and POST /v1/search', () => {
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

describe('paging', () => {
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

describe('the deadline', () => {
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

describe('kept answers', () => {
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

describe('GET /v1/videos/:id', () => {
  it('tells everything that is known', async () => {
    const page: VideoPage = (await api.ask('/v1/videos/lecture')).json();
    expect(page).toMatchObject({
      video: 'lecture',
      ...{
        title: 'Evening lecture',
        source: 'ugc',
        language: 'en',
        durationSec: 16,
        width: 640,
        complete: true,
      },
      sounds: ['speech'],
      people: [{ name: null, spans: [[8, 16]] }],
      soundSegments: [
        { startSec: 0, endSec: 8, kind: 'speech' },
        { startSec: 8, endSec: 16, kind: 'speech' },
      ],
    });
    expect(page.stages).toContainEqual({ stage: 'ocr', state: 'done', attempts: 1 });
    expect(page.shots.map(({ startSec, labels }) => [startSec, labels])).toEqual([
      [0, ['slide']],
      [8, ['board']],
    ]);
    expect(page.shots[1]!.cues).toEqual([
      { kind: 'said', startSec: 8, endSec: 16, text: 'Newton thought about gravity.' },
    ]);
  });

  it('tells what the ledger knows of one that is not indexed yet', async () => {
    const waiting = { ...api.records.get('default/dogs')!, videoId: 'waiting', steps: {} };
    api.records.set('default/waiting', waiting);
    expect((await api.ask('/v1/videos/waiting')).json()).toMatchObject({
      ...{ title: 'Dogs of the park', durationSec: null, complete: false, shots: [], stages: [] },
    });
  });
});

describe('GET /v1/images/:sha256', () => {
  const poster = async () => ((await api.ask('/v1/videos/dogs')).json() as VideoPage).poster!;

  it('gives a picture with a strong ETag, once', async () => {
    const url = await poster();
    const response = await api.ask(url);
    expect(response.body).toBe('poster dogs');
    expect(response.headers).toMatchObject({
      'content-type': 'image/webp',
      'cache-control': 'private, max-age=31536000, immutable',
      etag: `"${/images\/(\w+)/.exec(url)![1]}"`,
      'x-content-type-options': 'nosniff',
    });
    const again = await api.ask(url, { headers: { 'if-none-match': `"x", W/${response.headers.etag}` } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  it('gives only what a point of the tenant shows', async () => {
    const url = await poster();
    const rival = await api.key(['search'], 'rival');
    const hash = /images\/(\w+)/.exec(url)![1]!;
    const asked = [
      await api.ask(url, { key: rival }),
      await api.ask(`/v1/images/${hash}?video=kitchen`),
      await api.ask(`/v1/images/${'0'.repeat(64)}?video=dogs`),
    ];
    expect(asked.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404]);
    const wrong = [await api.ask(`/v1/images/${hash}`), await api.ask(`/v1/images/..%2F..%2Fetc?video=dogs`)];
    expect(wrong.map(({ statusCode }) => statusCode)).toEqual([400, 400]);
  });

  it('has no picture of a video that was deleted', async () => {
    const one = await another({});
    const { poster: url }: VideoPage = (await one.ask('/v1/videos/dogs')).json();
    expect((await one.ask(url!)).statusCode).toBe(200);
    await one.bench.forget(LIBRARY[0]!);
    expect((await one.ask(url!)).statusCode).toBe(404);
  });
});

describe('GET /v1/videos/:id/media', () => {
  const url = '/v1/videos/dogs/media';

  it('gives the whole, and parts', async () => {
    const whole = await api.ask(url);
    expect(whole.headers).toMatchObject({
      'content-type': 'video/mp4',
      'accept-ranges': 'bytes',
      'content-length': '1000',
    });
    const head = await api.ask(url, { method: 'HEAD' });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '1000', '']);
    const part = await api.ask(url, { headers: { range: 'bytes=4-11' } });
    expect([part.statusCode, part.headers['content-range'], part.body]).toEqual([
      206,
      'bytes 4-11/1000',
      'ftypmp42',
    ]);
    const beyond = await api.ask(url, { headers: { range: 'bytes=1000-' } });
    expect([beyond.statusCode, beyond.headers['content-range']]).toEqual([416, 'bytes */1000']);
  });

  it('gives the whole to who has a part of another state of the file', async () => {
    const { etag } = (await api.ask(url)).headers;
    const range = 'bytes=0-9';
    expect((await api.ask(url, { headers: { range, 'if-range': etag! } })).statusCode).toBe(206);
    expect((await api.ask(url, { headers: { range, 'if-range': '"other"' } })).statusCode).toBe(200);
    expect((await api.ask(url, { headers: { 'if-none-match': etag! } })).statusCode).toBe(304);
  });

  it('says when the file is gone, and what may not be read', async () => {
    expect((await api.ask('/v1/videos/lecture/media')).json()).toMatchObject({
      status: 404,
      code: 'MEDIA_NOT_FOUND',
    });
    const at = (uri: string) => {
      const record = api.records.get('default/dogs')!;
      api.records.set('default/odd', { ...record, videoId: 'odd', media: { uri } });
      return api.ask('/v1/videos/odd/media');
    };
    for (const uri of [
      '/etc/passwd',
      'file:///etc/passwd',
      `${api.root}/../api-keys.json`,
      'https://127.0.0.1/a',
      'ftp://a/b',
    ]) {
      expect((await at(uri)).json(), uri).toMatchObject({ status: 400, code: 'URI_NOT_ALLOWED' });
    }
    const public_ = await at('https://93.184.216.34/a.mp4');
    expect([public_.statusCode, public_.headers.location]).toEqual([302, 'https://93.184.216.34/a.mp4']);
  });
});

describe('GET /v1/suggest', () => {
  const suggest = async (q: string, of = api) =>
    ((await of.ask(`/v1/suggest?q=${encodeURIComponent(q)}`)).json() as { suggestions: { text: string }[] })
      .suggestions;

  it('completes titles and series, Chinese ones by pinyin and initials too', async () => {
    expect(await suggest('dogs o')).toEqual([{ text: 'Dogs of the park', kind: 'title' }]);
    expect(await suggest('jiachang')).toContainEqual({ text: '家常菜', kind: 'series' });
    expect(await suggest('bei')).toContainEqual({ text: '北京早晨的厨房', kind: 'title' });
  });

  it('offers what was asked with success, to the same tenant only', async () => {
    const one = await another({});
    await one.ask('/v1/search?q=newton%20gravity');
    await one.ask('/v1/search?q=newspaper%20of%20mars');
    expect(await suggest('new', one)).toEqual([{ text: 'newton gravity', kind: 'recent' }]);
    expect(await suggest('', one)).toEqual([{ text: 'newton gravity', kind: 'recent' }]);
    const rival = await one.key(['search'], 'rival');
    expect((await one.ask('/v1/suggest?q=new', { key: rival })).json()).toEqual({ suggestions: [] });
  });
});

describe('POST /v1/interactions', () => {
  it('counts what was done and publishes it, for videos that are known', async () => {
    const events = [
      { query: 'dog', video: 'dogs', kind: 'impression', position: 1 },
      { query: 'dog', video: 'dogs', kind: 'impression', position: 3 },
      { query: 'dog', video: 'dogs', kind: 'click', position: 3, at: '2026-01-02T03:04:05Z' },
      { query: 'dog', video: 'dogs', kind: 'watch', watchSeconds: 12.5 },
      { query: 'cat', video: 'dogs', kind: 'not-relevant' },
      { video: 'secret', kind: 'click' },
    ];
    const response = await api.ask('/v1/interactions', { method: 'POST', payload: { events } });
    expect([response.statusCode, response.json()]).toEqual([202, { accepted: 5, unknown: ['secret'] }]);
    const published = await api.published('videos.interactions');
    const time = '2026-01-02T03:04:05.000Z';
    expect(published.map(({ data }) => data)).toEqual([
      {
        ...{
          tenant: 'default',
          videoId: 'dogs',
          query: 'dog',
          impressions: 2,
          clicks: 1,
          watchSeconds: 12.5,
        },
        ...{ meanPosition: 2, from: time, to: time },
      },
      {
        tenant: 'default',
        videoId: 'dogs',
        query: 'cat',
        impressions: 0,
        clicks: 0,
        watchSeconds: 0,
        notRelevant: 1,
      },
    ]);
  });

  it('searches go on where there is no broker', async () => {
    const away = async () => {
      throw new CinedexError('STORE_UNAVAILABLE', 'Kafka does not answer.');
    };
    const one = await another({});
    const { services } = one.bench;
    const cut = await another({
      server: { services: { ...services, index: one.index, ledger: null, bus: away } },
    });
    expect((await cut.ask('/v1/search?q=gravity')).statusCode).toBe(200);
    const payload = { events: [{ video: 'dogs', kind: 'click' }] };
    expect((await cut.ask('/v1/interactions', { method: 'POST', payload })).json()).toMatchObject({
      status: 503,
    });
    expect((await cut.ask('/v1/videos/dogs')).json()).toMatchObject({ stages: null });
  });
});

describe('POST /v1/videos', () => {
  const upload = (videoId: string, uri = 'https://93.184.216.34/a.mp4') => ({
    ...{ videoId, source: 'ogc', media: { uri }, metadata: { title: 'A film' } },
  });
  const post = async (key: string, payload: object, idempotency: string | null) =>
    api.ask('/v1/videos', {
      ...{ method: 'POST', key, payload },
      ...(idempotency !== null && { headers: { 'idempotency-key': idempotency } }),
    });

  it('announces a video once for a key, however often and from however many it is sent', async () => {
    const ingest = await api.key(['ingest']);
    const sent = await Promise.all([1, 2, 3].map(() => post(ingest, upload('film-1'), 'a')));
    expect(sent.map(({ statusCode }) => statusCode)).toEqual([202, 202, 202]);
    expect(sent.map((each) => each.json().status).sort()).toEqual(['accepted', 'repeated', 'repeated']);
    const [event, ...more] = (await api.published('videos.ogc')).filter(
      ({ data }) => (data as { videoId: string }).videoId === 'film-1',
    );
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      id: sent[0]!.json().eventId,
      type: 'video.uploaded.v1',
      data: { tenant: 'default' },
    });
  });

  it('refuses the key for another body, and takes it from another tenant', async () => {
    const ingest = await api.key(['ingest']);
    await post(ingest, upload('film-2'), 'b');
    expect((await post(ingest, upload('film-3'), 'b')).json()).toMatchObject({
      status: 409,
      code: 'CONFLICT',
    });
    const rival = await api.key(['ingest'], 'rival');
    expect((await post(rival, upload('film-3'), 'b')).json()).toMatchObject({ status: 'accepted' });
    expect((await post(ingest, upload('film-4'), null)).statusCode).toBe(400);
  });

  it('lets only the operator name files, and only those that may be read', async () => {
    const ingest = await api.key(['ingest']);
    const file = path.join(api.root, 'dogs.mp4');
    for (const uri of [file, `file://${file}`, 's3://bucket/key']) {
      expect((await post(ingest, upload('film-5', uri), 'c')).json(), uri).toMatchObject({ status: 403 });
    }
    expect((await post(ingest, upload('film-5', 'https://10.0.0.1/a'), 'c')).json()).toMatchObject({
      code: 'URI_NOT_ALLOWED',
    });
    expect((await post(admin, upload('film-5', '/etc/passwd'), 'c')).json()).toMatchObject({
      code: 'URI_NOT_ALLOWED',
    });
    expect((await post(admin, upload('film-5', file), 'c')).statusCode).toBe(202);
  });
});

describe('what describes the API', () => {
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
