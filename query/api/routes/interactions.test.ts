import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { describeIndexed } from '../../../test/fixtures/stages.ts';
import { type TestApi, type TestApiOptions, testApi } from '../testing.ts';

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api.dispose());

async function another(options: TestApiOptions = {}): Promise<TestApi> {
  const one = await testApi(options);
  onTestFinished(() => one.dispose());
  return one;
}

describeIndexed('POST /v1/interactions', () => {
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
    const one = await another();
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
