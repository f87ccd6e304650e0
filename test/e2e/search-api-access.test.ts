/** Those who must not get in: a clear refusal each. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import path from 'node:path';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { revokeKey } from '../../query/api/keys.ts';
import { type TestApi, testApi } from '../../query/api/testing.ts';
import { describeIndexed } from '../fixtures/stages.ts';

let api: TestApi;
const routes: { method: string; url: string }[] = [];

beforeAll(async () => {
  const collect = (message: unknown) =>
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url }: RouteOptions) => {
      for (const each of [method].flat()) routes.push({ method: each, url });
    });
  subscribe('fastify.initialization', collect);
  api = await testApi();
  unsubscribe('fastify.initialization', collect);
});
afterAll(() => api.dispose());

const made: TestApi[] = [];
afterEach(async () => {
  for (const each of made.splice(0)) await each.dispose();
});
async function another(...args: Parameters<typeof testApi>): Promise<TestApi> {
  const one = await testApi(...args);
  made.push(one);
  return one;
}

const OPEN = ['GET /livez', 'GET /readyz', 'GET /openapi.json', 'POST /v1/session', 'GET /', 'GET /videos/*'];
const isOpen = (route: string) =>
  OPEN.includes(route) || /^GET \/(docs(\/.*)?|assets\/\*|favicon\.svg)$/.test(route);
const filled = (url: string) =>
  url
    .replace(':sha256', 'a'.repeat(64))
    .replace('/moments/:id', '/moments/7d719c04-67fe-5785-b760-2f0d76346cf5')
    .replace(':id', 'dogs')
    .replace('*', 'x');

describeIndexed('without a key', () => {
  it('every route refuses but those that are listed as open', async () => {
    const named = routes.filter(({ method }) => method !== 'HEAD');
    expect(named.map(({ url }) => url)).toEqual(
      expect.arrayContaining(['/v1/search', '/metrics', '/v1/videos/:id/media']),
    );
    const open: string[] = [];
    for (const { method, url } of routes) {
      const response = await api.ask(filled(url), { method: method as 'GET', key: null });
      const route = `${method === 'HEAD' ? 'GET' : method} ${url}`;
      if (isOpen(route)) open.push(route);
      else {
        expect(response.statusCode, route).toBe(401);
        if (method !== 'HEAD') expect(response.json(), route).toMatchObject({ code: 'UNAUTHORIZED' });
        expect(response.headers['www-authenticate']).toContain('Bearer');
      }
    }
    expect([...new Set(open)]).toEqual(expect.arrayContaining(OPEN));
    expect(named.filter(({ method, url }) => !isOpen(`${method} ${url}`)).length).toBeGreaterThanOrEqual(15);
  });

  it.each([
    'Bearer x',
    'Bearer cdx_000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'Basic YTpi',
    'Bearer',
  ])('and with "%s" too', async (authorization) => {
    const response = await api.ask('/v1/search?q=a', { key: null, headers: { authorization } });
    expect(response.json()).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
  });

  it('and with a made-up session', async () => {
    const headers = { cookie: 'cinedex_session=0123456789ab.99999999999999.AAAA' };
    expect((await api.ask('/v1/search?q=a', { key: null, headers })).statusCode).toBe(401);
  });
});

describeIndexed('a key', () => {
  it('is good for its scopes only', async () => {
    const ingest = await api.key(['ingest']);
    const search = await api.key(['search']);
    const admin = await api.key(['admin']);
    const asked = async (key: string) => [
      (await api.ask('/v1/search?q=gravity', { key })).statusCode,
      (await api.ask('/v1/videos', { key, method: 'POST', payload: {} })).statusCode,
      (await api.ask('/metrics', { key })).statusCode,
      (await api.ask('/v1/me', { key })).statusCode,
    ];
    expect(await asked(search)).toEqual([200, 403, 403, 200]);
    expect(await asked(ingest)).toEqual([403, 400, 403, 200]);
    expect(await asked(admin)).toEqual([200, 400, 200, 200]);
  });

  it('opens nothing of another tenant, whatever the request names', async () => {
    const asked = [
      await api.ask('/v1/search?q=gravity&tenant=rival'),
      await api.ask('/v1/search', { method: 'POST', payload: { q: 'gravity', tenant: 'rival' } }),
      await api.ask('/v1/videos/secret?tenant=rival'),
      await api.ask('/v1/suggest?q=s&tenant=rival'),
      await api.ask('/v1/interactions', {
        method: 'POST',
        payload: { tenant: 'rival', events: [{ video: 'secret', kind: 'click' }] },
      }),
    ];
    for (const each of asked) expect(each.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    const rival = await api.key(['search'], 'rival');
    const { shots, poster } = (await api.ask('/v1/videos/secret', { key: rival })).json();
    const hidden = [
      await api.ask('/v1/videos/secret'),
      await api.ask('/v1/videos/secret/media'),
      await api.ask(`/v1/moments/${shots[0].id}/similar`),
      await api.ask(poster),
      await api.ask(shots[0].thumbnail),
      await api.ask('/v1/search', { method: 'POST', payload: { like: { video: 'secret' } } }),
      await api.ask('/v1/search', {
        method: 'POST',
        payload: { like: { video: 'dogs', moment: shots[0].id } },
      }),
    ];
    expect(hidden.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404, 404, 404, 404, 404]);
    expect(hidden.map(({ body }) => body).join()).not.toContain('gravity project');
    expect((await api.ask('/v1/search?q=gravity&tenant=default')).statusCode).toBe(200);
  });

  it('is refused from the moment it is revoked, its sessions too', async () => {
    const key = await api.key(['search']);
    const entered = await api.ask('/v1/session', { method: 'POST', key: null, payload: { key } });
    const cookie = String(entered.headers['set-cookie']).split(';')[0]!;
    const both = async () => [
      (await api.ask('/v1/me', { key })).statusCode,
      (await api.ask('/v1/me', { key: null, headers: { cookie } })).statusCode,
    ];
    expect(await both()).toEqual([200, 200]);
    await revokeKey(path.join(api.root, '../api-keys.json'), key.split('_')[1]!);
    expect(await both()).toEqual([401, 401]);
  });

  it('is limited in its pace, and told when to come again', async () => {
    const one = await another({ query: { ratePerMinute: 3 } });
    const codes: number[] = [];
    for (let i = 0; i < 4; i++) codes.push((await one.ask('/v1/search?q=gravity')).statusCode);
    expect(codes).toEqual([200, 200, 200, 429]);
    const refused = await one.ask('/v1/search?q=gravity');
    expect(refused.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryable: true });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    // Pictures are many on a page; another key and another address have a limit of their own.
    expect((await one.ask('/v1/videos/dogs/media')).statusCode).toBe(404);
    expect((await one.ask('/v1/me', { key: await one.key(['search']) })).statusCode).toBe(200);
    const strangers: number[] = [];
    for (let i = 0; i < 4; i++) strangers.push((await one.ask('/v1/me', { key: null })).statusCode);
    expect(strangers).toEqual([401, 401, 401, 429]);
    // Nobody gets another address by naming one, unless the proxy that names it is trusted.
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    expect((await one.ask('/v1/me', { key: null, headers })).statusCode).toBe(429);
    const behind = await another({ query: { ratePerMinute: 1, trustedProxies: '127.0.0.1' } });
    for (const from of ['198.51.100.7', '198.51.100.8']) {
      const response = await behind.ask('/v1/me', { key: null, headers: { 'x-forwarded-for': from } });
      expect(response.statusCode).toBe(401);
    }
  });
});

describeIndexed('a session', () => {
  it('shows pictures without a header, and lets no other site use it', async () => {
    const key = await api.key(['search']);
    const entered = await api.ask('/v1/session', { method: 'POST', key: null, payload: { key } });
    expect(entered.json()).toEqual({ tenant: 'default', scopes: ['search'], open: false });
    const set = String(entered.headers['set-cookie']);
    expect(set).toMatch(/HttpOnly/);
    expect(set).toMatch(/SameSite=Strict/);
    expect(set).not.toContain(key);
    const cookie = set.split(';')[0]!;
    const { poster } = (await api.ask('/v1/videos/dogs')).json();
    expect((await api.ask(poster, { key: null, headers: { cookie } })).statusCode).toBe(200);
    const payload = { q: 'gravity' };
    const own = { method: 'POST' as const, key: null, payload };
    expect((await api.ask('/v1/search', { ...own, headers: { cookie } })).statusCode).toBe(200);
    const foreign = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    expect((await api.ask('/v1/search', { ...own, headers: foreign })).statusCode).toBe(401);
    const left = await api.ask('/v1/session', { method: 'DELETE', key: null, headers: { cookie } });
    expect([left.statusCode, String(left.headers['set-cookie'])]).toEqual([
      204,
      expect.stringMatching(/Max-Age=0|1970/),
    ]);
    const wrong = { method: 'POST' as const, key: null, payload: { key: `${key.slice(0, -2)}__` } };
    expect((await api.ask('/v1/session', wrong)).statusCode).toBe(401);
  });
});

describeIndexed('a server without keys', () => {
  it('is for this machine only', async () => {
    await expect(testApi({ open: true, query: { host: '0.0.0.0' } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    const one = await another({ open: true });
    expect((await one.ask('/v1/me')).json()).toEqual({
      tenant: 'default',
      scopes: ['search', 'ingest', 'admin'],
      open: true,
    });
    expect((await one.ask('/v1/search?q=gravity&tenant=rival')).statusCode).toBe(403);
    // A name that somebody lets point here, and a page elsewhere.
    expect((await one.ask('/v1/me', { headers: { host: 'evil.example' } })).statusCode).toBe(401);
    const headers = { origin: 'https://evil.example' };
    expect((await one.ask('/v1/search', { method: 'POST', payload: { q: 'a' }, headers })).statusCode).toBe(
      401,
    );
    // With the first key it asks everybody for one.
    await one.key(['search']);
    expect((await one.ask('/v1/me')).statusCode).toBe(401);
  });
});
