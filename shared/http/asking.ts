/** What servers of ours look at before they answer: who asks, from where, and whether a page elsewhere made a browser ask. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { CinedexError } from '../contracts/errors.ts';

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

export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (name === 'localhost') return true;
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || name.startsWith('::ffff:127.');
}

/** Equal, in a time that does not depend on where they differ. */
export function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

export function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

export function cookieOf(header: string | string[] | undefined, name: string): string | undefined {
  const pairs = (single(header) ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** A page elsewhere can make a browser send requests here, with its cookies or from its own machine. */
export function refuseOtherSites(headers: Asking['headers']): void {
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
export function refuseStrangeNames(headers: Asking['headers']): void {
  const host = single(headers.host) ?? '';
  const name = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
  if (!isLoopback(name))
    throw new CinedexError('UNAUTHORIZED', 'Only this machine may ask, by its own name.');
}

/** Failed sign-ins by address in the last minute. */
export class FailureCount {
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
