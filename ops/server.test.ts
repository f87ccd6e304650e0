import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../shared/config.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import { createLogger } from '../shared/telemetry/logger.ts';
import { createMetrics } from '../shared/telemetry/metrics.ts';
import { videoRecord } from '../workers/runtime/testing.ts';
import type { Flow } from './flow.ts';
import type { OpsOperations } from './operations.ts';
import { createOpsServer } from './server.ts';

let close: () => Promise<void> = async () => undefined;
afterEach(() => close());

const flow: Flow = {
  at: 0,
  topics: [{ name: 'videos.ugc', records: 12, lag: 3 }],
  stages: [
    {
      ...{ name: 'ocr', needs: ['frames'], waiting: 4, delayed: 0, active: 1, failed: 1 },
      ...{ oldestSec: { ogc: 7, ugc: 600 }, steps: { done: 9, failed: 1 }, codes: { STAGE_BUG: 1 } },
    },
  ],
  videos: { indexed: 9, failed: 1 },
  counted: { videos: 10, all: true, at: 0 },
  failing: [
    {
      ...{ tenant: 'default', videoId: 'v1', title: '<script>alert(1)</script>', state: 'failed' as const },
      ...{ stage: 'ocr', code: 'STAGE_BUG', message: 'a "bug" & more', updatedAt: 0 },
    },
  ],
};

async function serve(ops: Record<string, unknown> = {}, over: Partial<OpsOperations> = {}) {
  const asked: unknown[] = [];
  const note =
    <T>(answer: T) =>
    async (...args: unknown[]) => {
      asked.push(args);
      return answer;
    };
  const operations: OpsOperations = {
    flow: async () => flow,
    videos: note({ videos: [], cursor: null }),
    video: note({ ...videoRecord(), state: 'indexed' as const }),
    retry: note({ stages: ['ocr'] }),
    remove: note(undefined),
    ...over,
  };
  const metrics = createMetrics();
  const server = await createOpsServer({
    config: loadConfig({}, {}, { ops }).ops,
    ...{ tenant: 'default', operations, queues: [], logger: createLogger({ level: 'silent' }) },
    registry: metrics.registry,
    live: () => ({ ok: true, reasons: [] }),
    ready: async () => ({ ok: true, reasons: [] }),
  });
  close = () => server.close();
  const inject = (method: 'GET' | 'POST', url: string, more: { headers?: object; payload?: object } = {}) =>
    server.inject({
      ...{ method, url, payload: more.payload },
      headers: { host: '127.0.0.1:8090', ...more.headers },
    } as never) as unknown as Promise<Awaited<ReturnType<typeof server.inject>>>;
  return { inject, asked };
}

const credentials = { user: 'op', password: 'correct horse', token: 'a-token' };
const browser = { accept: 'text/html,application/xhtml+xml' };

describe('behind a sign-in', () => {
  it.each(['/', '/metrics', '/api/status', '/api/videos/v1', '/queues', '/queues/api/queues', '/nowhere'])(
    'nobody sees %s without one',
    async (url) => {
      const { inject } = await serve(credentials);
      const refused = await inject('GET', url);
      expect(refused.statusCode).toBe(401);
      expect(refused.headers['www-authenticate']).toContain('Bearer');
      expect(refused.json()).toMatchObject({ code: 'UNAUTHORIZED', hint: expect.any(String) });
      const sent = await inject('GET', url, { headers: browser });
      expect([sent.statusCode, sent.headers.location]).toEqual([303, '/login']);
    },
  );

  it('no verb of the API works either', async () => {
    const { inject, asked } = await serve(credentials);
    for (const url of ['/api/videos/v1/retry', '/api/videos/v1/delete', '/logout']) {
      expect((await inject('POST', url, { payload: {} })).statusCode, url).toBe(401);
    }
    expect(asked).toEqual([]);
  });

  it('a person gets in by the form, and out again', async () => {
    const { inject } = await serve(credentials);
    expect((await inject('GET', '/login')).body).toContain('type="password"');
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const post = (body: string) => inject('POST', '/login', { headers: form, payload: body as never });
    const wrong = await post('user=op&password=guess');
    expect(wrong.statusCode).toBe(401);
    expect(wrong.headers['set-cookie']).toBeUndefined();
    const right = await post('user=op&password=correct+horse');
    expect([right.statusCode, right.headers.location]).toEqual([303, '/']);
    const cookie = String(right.headers['set-cookie']).split(';')[0]!;
    expect((await inject('GET', '/', { headers: { cookie } })).body).toContain('Sign out');
    const foreign = await inject('POST', '/api/videos/v1/retry', {
      headers: { cookie, 'sec-fetch-site': 'cross-site' },
      payload: {},
    });
    expect(foreign.statusCode).toBe(401);
    const out = await inject('POST', '/logout', { headers: { cookie } });
    expect(out.headers['set-cookie']).toContain('Max-Age=0');
  });

  it('guessing is slowed down', async () => {
    const { inject } = await serve({ ...credentials, loginPerMinute: 2 });
    const guess = () => inject('GET', '/api/status', { headers: { authorization: 'Bearer guess' } });
    expect((await guess()).statusCode).toBe(401);
    expect((await guess()).statusCode).toBe(401);
    const third = await guess();
    expect([third.statusCode, third.headers['retry-after']]).toEqual([429, '60']);
  });

  it('probes need none', async () => {
    const { inject } = await serve(credentials);
    expect((await inject('GET', '/livez')).statusCode).toBe(200);
    expect((await inject('GET', '/readyz')).statusCode).toBe(200);
  });
});

describe('the page of the flow', () => {
  it('shows depth, age, lag, outcomes and failures, with everything escaped, and needs no script', async () => {
    const { inject } = await serve();
    const { body, headers } = await inject('GET', '/');
    for (const text of [
      'videos.ugc',
      'ogc 7 s',
      'ugc 10 min',
      'STAGE_BUG',
      '&lt;script&gt;alert(1)&lt;/script&gt;',
    ]) {
      expect(body).toContain(text);
    }
    expect(body).not.toContain('<script');
    expect(body).toContain('a &quot;bug&quot; &amp; more');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
  });
});

describe('the admin API', () => {
  const headers = { authorization: 'Bearer a-token' };

  it('does what the verbs do', async () => {
    const { inject, asked } = await serve(credentials);
    expect((await inject('GET', '/api/status', { headers })).json()).toMatchObject({
      videos: { indexed: 9 },
    });
    expect((await inject('GET', '/api/videos/v1', { headers })).json()).toMatchObject({ videoId: 'v1' });
    await inject('GET', '/api/videos?state=failed&limit=5&tenant=film', { headers });
    const retried = await inject('POST', '/api/videos/v1/retry?tenant=film', {
      headers,
      payload: { partial: true },
    });
    expect(retried.json()).toEqual({ stages: ['ocr'] });
    const removed = await inject('POST', '/api/videos/v1/delete', {
      headers,
      payload: { reason: 'asked for' },
    });
    expect(removed.statusCode).toBe(202);
    expect(asked).toEqual([
      [{ tenant: 'default', videoId: 'v1' }],
      [{ tenant: 'film', state: 'failed', limit: 5 }],
      [{ tenant: 'film', videoId: 'v1' }, { partial: true }],
      [{ tenant: 'default', videoId: 'v1' }, 'asked for'],
    ]);
  });

  it('answers errors with their code and hint', async () => {
    const missing = () => Promise.reject(new CinedexError('NOT_FOUND', 'No video "v9".'));
    const { inject } = await serve(credentials, { video: missing });
    const response = await inject('GET', '/api/videos/v9', { headers });
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND', detail: 'No video "v9".' });
    const wrong = await inject('POST', '/api/videos/v1/retry', { headers, payload: { stages: 'ocr' } });
    expect(wrong.json()).toMatchObject({ status: 400, code: 'USAGE' });
    const garbled = await inject('POST', '/api/videos/v1/retry', {
      headers: { ...headers, 'content-type': 'application/json' },
      payload: '{' as never,
    });
    expect(garbled.json()).toMatchObject({ status: 400, code: 'USAGE' });
    expect((await inject('GET', '/nowhere', { headers })).json()).toMatchObject({ status: 404 });
  });
});
