import { afterEach, describe, expect, it } from 'vitest';
import { CinedexError } from '../shared/contracts/errors.ts';
import { createLogger } from '../shared/telemetry/logger.ts';
import { createMetrics } from '../shared/telemetry/metrics.ts';
import type { SearchAnswer, SearchRequest } from './search.ts';
import { createQueryServer } from './server.ts';

let close: () => Promise<void> = async () => undefined;
afterEach(() => close());

function serve(search: (request: SearchRequest) => Promise<SearchAnswer>, timeoutMs = 5_000) {
  const metrics = createMetrics();
  const server = createQueryServer({
    ...{ search, tenant: 'default', timeoutMs, metrics },
    logger: createLogger({ level: 'silent' }),
    live: () => ({ ok: true, reasons: [] }),
    ready: async () => ({ ok: false, reasons: ['index: gone'] }),
  });
  close = () => server.close();
  return { get: (url: string) => server.inject(url), metrics };
}

const nothing = { results: [], caveats: [] } as unknown as SearchAnswer;

describe('GET /v1/search', () => {
  it('asks the search, with the tenant and limits that were given or the usual ones', async () => {
    const asked: SearchRequest[] = [];
    const { get, metrics } = serve(async (request) => {
      asked.push(request);
      return nothing;
    });
    const response = await get('/v1/search?q=%E6%96%B0%E5%B9%B4%20fireworks');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual(nothing);
    await get('/v1/search?q=a&tenant=film&limit=3&moments=0');
    expect(asked).toMatchObject([
      { tenant: 'default', text: '新年 fireworks', limit: 10, moments: 3 },
      { tenant: 'film', text: 'a', limit: 3, moments: 0 },
    ]);
    const text = await metrics.registry.metrics();
    expect(text).toContain('cinedex_search_duration_seconds_count{code="none"} 2');
  });

  it.each([
    '/v1/search',
    '/v1/search?q=',
    '/v1/search?q=a&limit=0',
    '/v1/search?q=a&tenant=../x',
    '/v1/search?q=a&x=1',
  ])('refuses %s with a problem document', async (url) => {
    const { get } = serve(async () => nothing);
    const response = await get(url);
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toMatchObject({ code: 'USAGE', status: 400, hint: expect.any(String) });
  });

  it('says when the index is away, and tells nothing of bugs', async () => {
    let error: Error = new CinedexError('STORE_UNAVAILABLE', 'Qdrant does not answer.');
    const { get } = serve(() => Promise.reject(error));
    expect((await get('/v1/search?q=a')).json()).toMatchObject({ status: 503, code: 'STORE_UNAVAILABLE' });
    error = new Error('secret of /etc/passwd');
    const bug = await get('/v1/search?q=a');
    expect(bug.statusCode).toBe(500);
    expect(bug.body).not.toContain('secret');
  });

  it('ends a search that takes too long', async () => {
    const { get } = serve(
      ({ signal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('stopped')))),
      20,
    );
    expect((await get('/v1/search?q=a')).json()).toMatchObject({ status: 504, code: 'STAGE_TIMEOUT' });
  });
});

describe('the probes of the search service', () => {
  it('tell of life and readiness apart', async () => {
    const { get } = serve(async () => nothing);
    expect((await get('/livez')).statusCode).toBe(200);
    expect((await get('/readyz')).json()).toEqual({ ok: false, reasons: ['index: gone'] });
    expect((await get('/metrics')).body).toContain('cinedex_search_duration_seconds');
    expect((await get('/nowhere')).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});
