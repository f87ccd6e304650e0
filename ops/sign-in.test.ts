import { describe, expect, it } from 'vitest';
import { loadConfig } from '../shared/config.ts';
import { type Asking, isLoopback } from '../shared/http/asking.ts';
import { createSignIn } from './sign-in.ts';

const config = (ops: Record<string, unknown> = {}) => loadConfig({}, {}, { ops }).ops;
const asking = (headers: Asking['headers'] = {}, method = 'GET', address = '10.0.0.9'): Asking => ({
  ...{ method, address },
  headers: { host: 'ops.example:8090', ...headers },
});
const local = (headers: Asking['headers'] = {}, method = 'GET') =>
  asking({ host: '127.0.0.1:8090', ...headers }, method);
const refusal = (code: string) => expect.objectContaining({ code });
const cookieFrom = (header: string) => header.split(';')[0]!;

describe('without credentials', () => {
  it('refuses to serve more than this machine', () => {
    expect(() => createSignIn(config({ host: '0.0.0.0' }))).toThrow(refusal('CONFIG_INVALID'));
    expect(() => createSignIn(config({ host: '::' }))).toThrow(refusal('CONFIG_INVALID'));
    expect(createSignIn(config()).required).toBe(false);
    expect(createSignIn(config({ host: '0.0.0.0', token: 't' })).required).toBe(true);
  });

  it('answers to the names of this machine only, so that no other name can be pointed at it', () => {
    const { check } = createSignIn(config());
    expect(() => check(local())).not.toThrow();
    expect(() => check(asking({ host: 'localhost:8090' }))).not.toThrow();
    expect(() => check(asking({ host: '[::1]:8090' }))).not.toThrow();
    expect(() => check(asking({ host: 'evil.example' }))).toThrow(refusal('UNAUTHORIZED'));
    expect(() => check(asking({ host: undefined }))).toThrow(refusal('UNAUTHORIZED'));
  });

  it('does nothing that a page of another site asks for', () => {
    const { check } = createSignIn(config());
    const post = (headers: Asking['headers']) => () => check(local(headers, 'POST'));
    expect(post({})).not.toThrow();
    expect(post({ 'sec-fetch-site': 'same-origin' })).not.toThrow();
    expect(post({ origin: 'http://127.0.0.1:8090' })).not.toThrow();
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      expect(post(headers), JSON.stringify(headers)).toThrow(refusal('UNAUTHORIZED'));
    }
  });
});

describe('with credentials', () => {
  const both = config({ host: '0.0.0.0', user: 'op', password: 'correct horse', token: 'a-token' });

  it('lets nobody in without them, and a bearer of the token', () => {
    const { check } = createSignIn(both);
    expect(() => check(asking())).toThrow(refusal('UNAUTHORIZED'));
    expect(() => check(local())).toThrow(refusal('UNAUTHORIZED'));
    expect(() => check(asking({ authorization: 'Bearer a-token' }))).not.toThrow();
    expect(() => check(asking({ authorization: 'Bearer a-toke' }))).toThrow(refusal('UNAUTHORIZED'));
    expect(() => check(asking({ authorization: 'Basic a-token' }))).toThrow(refusal('UNAUTHORIZED'));
  });

  it('gives a person a session for a while, in a cookie that scripts and other sites cannot use', () => {
    let now = 1_000_000;
    const { enter, check, leave } = createSignIn(both, () => now);
    const header = enter(asking({}, 'POST'), 'op', 'correct horse');
    expect(header).toMatch(/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    const cookie = cookieFrom(header);
    expect(() => check(asking({ cookie: `a=b; ${cookie}; c=d` }))).not.toThrow();
    const forged = cookie.replace(/=\d+/, (expires) => `=${Number(expires.slice(1)) + 1}`);
    expect(() => check(asking({ cookie: forged }))).toThrow(refusal('UNAUTHORIZED'));
    expect(() => createSignIn(both).check(asking({ cookie }))).toThrow(refusal('UNAUTHORIZED'));
    now += 12 * 3_600_000;
    expect(() => check(asking({ cookie }))).toThrow(refusal('UNAUTHORIZED'));
    expect(() => check(asking({ cookie: cookieFrom(leave()) }))).toThrow(refusal('UNAUTHORIZED'));
    const behindTls = enter(asking({ 'x-forwarded-proto': 'https' }, 'POST'), 'op', 'correct horse');
    expect(behindTls).toContain('; Secure');
  });

  it('does not take an empty password for one that is not set', () => {
    const { enter } = createSignIn(config({ token: 't' }));
    expect(() => enter(asking({}, 'POST'), 'admin', '')).toThrow(refusal('UNAUTHORIZED'));
  });

  it('refuses an address that fails too often, for a minute, and no other', () => {
    let now = 0;
    const { enter, check } = createSignIn({ ...both, loginPerMinute: 3 }, () => now);
    const guess = (address: string, password: string) => () =>
      enter(asking({}, 'POST', address), 'op', password);
    for (let i = 0; i < 2; i++) expect(guess('1.1.1.1', 'guess')).toThrow(refusal('UNAUTHORIZED'));
    expect(() => check(asking({ authorization: 'Bearer guess' }, 'GET', '1.1.1.1'))).toThrow(
      refusal('UNAUTHORIZED'),
    );
    expect(guess('1.1.1.1', 'correct horse')).toThrow(refusal('TOO_MANY_REQUESTS'));
    expect(guess('2.2.2.2', 'correct horse')).not.toThrow();
    now += 60_001;
    expect(guess('1.1.1.1', 'correct horse')).not.toThrow();
  });
});

it.each<[string, boolean]>([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['[::1]', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.evil.example', false],
  ['localhost.evil.example', false],
  ['10.0.0.1', false],
])('%s is loopback: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
