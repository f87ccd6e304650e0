/**
 * Who may use the operators' pages: a bearer token for programs, a user and password for people, who get a cookie for
 * twelve hours. Without either, only this machine may ask.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { CoreConfig } from '../shared/config.ts';
import { CinedexError } from '../shared/contracts/errors.ts';

export type OpsConfig = CoreConfig['ops'];

const COOKIE = 'cinedex_ops';
const SESSION_MS = 12 * 3_600_000;
const MINUTE_MS = 60_000;
/** Addresses whose failures are remembered at the same time; the longest known are forgotten first. */
const MOST_ADDRESSES = 10_000;

/** What is looked at of a request. */
export interface Asking {
  method: string;
  address: string;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
}

export interface SignIn {
  /** Whether somebody has to sign in at all. */
  readonly required: boolean;
  /**
   * Lets a request through, or not.
   * @throws CinedexError UNAUTHORIZED, TOO_MANY_REQUESTS
   */
  check(request: Asking): void;
  /**
   * @returns the `Set-Cookie` header of a new session
   * @throws CinedexError UNAUTHORIZED, TOO_MANY_REQUESTS
   */
  enter(request: Asking, user: string, password: string): string;
  /** @returns the `Set-Cookie` header that ends the session */
  leave(): string;
}

export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (name === 'localhost') return true;
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || name.startsWith('::ffff:127.');
}

/** @throws CinedexError CONFIG_INVALID when others could reach the pages and nobody would ask who they are */
export function createSignIn(config: OpsConfig, now: () => number = Date.now): SignIn {
  const { user, password, token, host, loginPerMinute } = config;
  const required = password !== '' || token !== '';
  if (!required && !isLoopback(host)) {
    throw new CinedexError(
      'CONFIG_INVALID',
      `CINEDEX_OPS_HOST="${host}" can be reached from elsewhere: set CINEDEX_OPS_PASSWORD or CINEDEX_OPS_TOKEN.`,
    );
  }
  // Sessions end with the process, which is all the storage they need.
  const secret = randomBytes(32);
  const failures = new FailureCount(loginPerMinute, now);
  const seal = (expires: number) => createHmac('sha256', secret).update(String(expires)).digest('hex');

  function hasSession({ headers }: Asking): boolean {
    const [expires, mark] = (cookieOf(headers.cookie, COOKIE) ?? '').split('.');
    if (!expires || !mark || !/^\d{1,16}$/.test(expires)) return false;
    return same(mark, seal(Number(expires))) && Number(expires) > now();
  }

  return {
    required,
    check(request) {
      const { method, headers, address } = request;
      if (!required) refuseStrangeNames(headers);
      if (!['GET', 'HEAD', 'OPTIONS'].includes(method)) refuseOtherSites(headers);
      if (!required || hasSession(request)) return;
      const bearer = /^Bearer (.+)$/i.exec(single(headers.authorization) ?? '')?.[1];
      if (bearer === undefined) throw new CinedexError('UNAUTHORIZED', 'Nobody is signed in.');
      failures.refuseTooMany(address);
      if (token !== '' && same(bearer, token)) return;
      failures.add(address);
      throw new CinedexError('UNAUTHORIZED', 'This token is not known.');
    },
    enter(request, givenUser, givenPassword) {
      const { address, headers } = request;
      refuseOtherSites(headers);
      failures.refuseTooMany(address);
      // Both are compared, always, so that the time tells nothing of either.
      const known = [same(givenUser, user), same(givenPassword, password), password !== ''];
      if (known.includes(false)) {
        failures.add(address);
        throw new CinedexError('UNAUTHORIZED', 'User or password is wrong.');
      }
      const expires = now() + SESSION_MS;
      // Behind a proxy that speaks TLS the cookie shall travel over TLS only.
      const secure = single(headers['x-forwarded-proto']) === 'https' ? '; Secure' : '';
      return `${COOKIE}=${expires}.${seal(expires)}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1_000}${secure}`;
    },
    leave: () => `${COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`,
  };
}

/** Equal, in a time that does not depend on where they differ. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function cookieOf(header: string | string[] | undefined, name: string): string | undefined {
  const pairs = (single(header) ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** A page elsewhere can make a browser send requests here, with its cookies or from its own machine. */
function refuseOtherSites(headers: Asking['headers']): void {
  const site = single(headers['sec-fetch-site']);
  const origin = single(headers.origin);
  const foreign =
    site !== undefined
      ? !['same-origin', 'none'].includes(site)
      : origin !== undefined && !ownOrigin(origin, headers);
  if (foreign) throw new CinedexError('UNAUTHORIZED', 'Requests of other sites are refused.');
}

function ownOrigin(origin: string, headers: Asking['headers']): boolean {
  return URL.canParse(origin) && new URL(origin).host === single(headers.host);
}

/** Without a sign-in, a name that somebody lets point to this machine must not open it (DNS rebinding). */
function refuseStrangeNames(headers: Asking['headers']): void {
  const host = single(headers.host) ?? '';
  const name = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
  if (!isLoopback(name))
    throw new CinedexError('UNAUTHORIZED', 'Only this machine may ask, by its own name.');
}

/** Failed sign-ins by address in the last minute. */
class FailureCount {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #times = new Map<string, number[]>();

  constructor(limit: number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  refuseTooMany(address: string): void {
    if (this.#recent(address).length < this.#limit) return;
    throw new CinedexError('TOO_MANY_REQUESTS', 'Too many failed sign-ins from this address; wait a minute.');
  }

  add(address: string): void {
    const times = [...this.#recent(address), this.#now()];
    this.#times.delete(address);
    this.#times.set(address, times);
    const [oldest] = this.#times.keys();
    if (this.#times.size > MOST_ADDRESSES && oldest !== undefined) this.#times.delete(oldest);
  }

  #recent(address: string): number[] {
    return (this.#times.get(address) ?? []).filter((time) => time > this.#now() - MINUTE_MS);
  }
}
