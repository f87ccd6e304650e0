/**
 * Who may use the operators' pages: a bearer token for programs, a user and password for people, who get a cookie for
 * twelve hours. Without either, only this machine may ask.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { CoreConfig } from '../shared/config.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import {
  type Asking,
  cookieOf,
  FailureCount,
  isLoopback,
  refuseOtherSites,
  refuseStrangeNames,
  same,
  single,
} from '../shared/http/asking.ts';

export type OpsConfig = CoreConfig['ops'];

const COOKIE = 'cinedex_ops';
const SESSION_MS = 12 * 3_600_000;

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
