import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { describeIndexed } from '../../../test/fixtures/stages.ts';
import type { VideoPage } from '../answers.ts';
import { LIBRARY, type TestApi, testApi } from '../testing.ts';

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api.dispose());

describeIndexed('GET /v1/videos/:id', () => {
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

describeIndexed('GET /v1/images/:sha256', () => {
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
    const one = await testApi();
    onTestFinished(() => one.dispose());
    const { poster: url }: VideoPage = (await one.ask('/v1/videos/dogs')).json();
    expect((await one.ask(url!)).statusCode).toBe(200);
    await one.bench.forget(LIBRARY[0]!);
    expect((await one.ask(url!)).statusCode).toBe(404);
  });
});
