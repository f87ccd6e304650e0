import type { Queue } from 'bullmq';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../shared/config.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import { createLogger } from '../shared/telemetry/logger.ts';
import { createMetrics } from '../shared/telemetry/metrics.ts';
import { videoRecord } from '../workers/runtime/testing.ts';
import type { ListedDeadLetter } from './dead-letters/index.ts';
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
      lanes: { ogc: { waiting: 1, oldestSec: 7 }, ugc: { waiting: 3, oldestSec: 600 } },
      ...{ steps: { done: 9, failed: 1 }, codes: { STAGE_BUG: 1 } },
    },
  ],
  videos: { indexed: 9, failed: 1 },
  counted: { videos: 10, all: true, at: 0 },
  letters: 2,
  failing: [
    {
      ...{ tenant: 'default', videoId: 'v1', title: '<script>alert(1)</script>', state: 'failed' as const },
      ...{ stage: 'ocr', code: 'STAGE_BUG', message: 'a "bug" & more', updatedAt: 0 },
    },
  ],
};

const letter: ListedDeadLetter = {
  ...{ id: 'l1-0000', tenant: 'default', videoId: 'v1', at: 0, traceparent: null, handled: null },
  ...{ stage: 'ocr', code: 'STAGE_BUG', reason: '<b>broken</b>', hint: 'Look at the log.', attempts: 3 },
  original: '{"videoId":"v1"}',
};

async function serve(
  ops: Record<string, unknown> = {},
  over: Partial<OpsOperations> = {},
  queues: readonly Queue[] = [],
) {
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
    letters: note([letter]),
    letterCount: async () => 1,
    replay: note([{ id: letter.id, outcome: 'replayed' as const, note: 'ocr runs again' }]),
    drop: note([{ id: letter.id, outcome: 'dropped' as const, note: '' }]),
    ...over,
  };
  const metrics = createMetrics();
  const server = await createOpsServer({
    config: loadConfig({}, {}, { ops }).ops,
    ...{
      tenant: 'default',
      operations,
      queues,
      stages: ['ocr'],
      logger: createLogger({ level: 'silent' }),
    },
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
  it.each(
    ['/', '/dead-letters', '/videos/v1', '/metrics', '/queues', '/queues/api/queues', '/nowhere'].concat([
      '/api/status',
      '/api/videos/v1',
      '/api/dead-letters',
    ]),
  )('nobody sees %s without one', async (url) => {
    const { inject } = await serve(credentials);
    const refused = await inject('GET', url);
    expect(refused.statusCode).toBe(401);
    expect(refused.headers['www-authenticate']).toContain('Bearer');
    expect(refused.json()).toMatchObject({ code: 'UNAUTHORIZED', hint: expect.any(String) });
    const sent = await inject('GET', url, { headers: browser });
    expect([sent.statusCode, sent.headers.location]).toEqual([303, '/login']);
  });

  it('no verb of the API works either', async () => {
    const { inject, asked } = await serve(credentials);
    const verbs = ['/api/videos/v1/retry', '/api/videos/v1/delete', '/videos/v1/retry', '/logout'];
    const letters = ['/dead-letters/replay', '/dead-letters/drop', '/api/dead-letters/l1/replay'];
    for (const url of [...verbs, ...letters]) {
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
    expect(body).toContain('http-equiv="refresh"');
    expect((await inject('GET', '/?live=no')).body).not.toContain('http-equiv="refresh"');
  });
});

describe('the page of dead letters', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it('shows cause, hint and event, escaped, of the stage that is asked for', async () => {
    const { inject, asked } = await serve();
    const { body } = await inject('GET', '/dead-letters?stage=ocr');
    for (const text of [
      '&lt;b&gt;broken',
      'Look at the log.',
      '3 attempts',
      '{&quot;videoId&quot;',
      'l1-0000',
    ])
      expect(body).toContain(text);
    expect(body).not.toContain('<b>broken');
    expect(asked).toEqual([[{ stage: 'ocr', handled: false }]]);
    expect((await inject('GET', '/dead-letters?stages=ocr')).statusCode).toBe(400);
  });

  it('replays and drops the chosen ones, and says what became of them', async () => {
    const { inject, asked } = await serve();
    const post = async (url: string, payload: string) => {
      const { statusCode, headers } = await inject('POST', url, { headers: form, payload: payload as never });
      expect(statusCode).toBe(303);
      return new URL(String(headers.location), 'http://ops').searchParams.get('note');
    };
    expect(await post('/dead-letters/replay', 'id=l1-0000&id=l2-0000')).toBe('1 replayed.');
    expect(await post('/dead-letters/drop', 'id=l1-0000')).toBe('1 dropped.');
    expect(await post('/dead-letters/replay', '')).toBe('No letter was chosen.');
    expect(asked).toEqual([[['l1-0000', 'l2-0000']], [['l1-0000'], 'dropped on the page of dead letters']]);
    const { body } = await inject('GET', '/dead-letters?note=1+%3Ci%3E');
    expect(body).toContain('1 &lt;i&gt;');
  });

  it('takes no form of another site', async () => {
    const { inject, asked } = await serve();
    const headers = { ...form, 'sec-fetch-site': 'cross-site' };
    expect(
      (await inject('POST', '/dead-letters/drop', { headers, payload: 'id=l1' as never })).statusCode,
    ).toBe(401);
    expect(asked).toEqual([]);
  });
});

describe('the page of queues', () => {
  it('is bull-board, and fetches nothing from elsewhere', async () => {
    const metaValues = { version: 'bullmq:6' };
    const queue = { name: 'ocr', opts: {}, metaValues } as unknown as Queue;
    const { inject } = await serve({}, {}, [queue]);
    const { statusCode, body, headers } = await inject('GET', '/queues');
    expect([statusCode, body.includes('Cinedex queues')]).toEqual([200, true]);
    const script = /src="(static\/js\/main[^"]+)"/.exec(body)?.[1];
    expect((await inject('GET', `/queues/${script}`)).statusCode).toBe(200);
    expect(headers['content-security-policy']).toMatch(/^default-src 'self'; .*frame-ancestors 'none'/);
    expect((await inject('GET', '/')).body).toContain('href="/queues"');
  });
});

describe('the page of a video', () => {
  it('shows its stages and runs what failed again', async () => {
    const failed = {
      ...{ status: 'failed' as const, key: 'k', epoch: 0, attempts: 3, since: 0 },
      error: { code: 'STAGE_BUG', message: 'a <bug>', hint: 'Look at the log.', retryable: false },
    };
    const { inject, asked } = await serve(
      {},
      { video: async () => ({ ...videoRecord({ steps: { ocr: failed } }), state: 'failed' as const }) },
    );
    const { body } = await inject('GET', '/videos/v1');
    for (const text of ['a &lt;bug&gt;', 'Look at the log.', 'Run what failed again'])
      expect(body).toContain(text);
    const answer = await inject('POST', '/videos/v1/retry?tenant=film');
    expect(answer.headers.location).toMatch(/^\/videos\/v1\?tenant=film&note=/);
    expect(asked).toEqual([[{ tenant: 'film', videoId: 'v1' }, { partial: true }]]);
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
    expect((await inject('GET', '/api/dead-letters?code=STAGE_BUG', { headers })).json()).toMatchObject([
      letter,
    ]);
    const replayed = await inject('POST', '/api/dead-letters/l1-0000/replay', { headers });
    expect(replayed.json()).toMatchObject({ outcome: 'replayed' });
    await inject('POST', '/api/dead-letters/l1-0000/drop', { headers, payload: { reason: 'a test' } });
    expect(asked).toEqual([
      [{ tenant: 'default', videoId: 'v1' }],
      [{ tenant: 'film', state: 'failed', limit: 5 }],
      [{ tenant: 'film', videoId: 'v1' }, { partial: true }],
      [{ tenant: 'default', videoId: 'v1' }, 'asked for'],
      [{ code: 'STAGE_BUG', limit: 100 }],
      [['l1-0000']],
      [['l1-0000'], 'a test'],
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
