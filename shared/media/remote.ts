/**
 * Fetches media over https without being turned against the network it runs in (SSRF): every address a name resolves to
 * must be public, the connection is pinned to the address that was checked (a second lookup could answer differently),
 * and every redirect is checked like the first uri.
 */
import { lookup } from 'node:dns/promises';
import { createWriteStream } from 'node:fs';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { pipeline } from 'node:stream/promises';
import ipaddr from 'ipaddr.js';
import { CinedexError } from '../contracts/errors.ts';

const MAX_REDIRECTS = 5;
const IDLE_MS = 30_000;

/** Replaced by tests only, which have no public server. */
export interface RemoteHooks {
  /** All addresses of a host name. @default the system's resolver */
  resolve?(host: string): Promise<string[]>;
  /** @default {@link isPublicAddress} */
  isAllowed?(address: string): boolean;
  /** @default node:https */
  request?(
    url: URL,
    options: RequestOptions,
    onResponse: (response: IncomingMessage) => void,
  ): ReturnType<typeof httpsRequest>;
}

/**
 * Whether an address belongs to the public internet: no private, loopback, link-local, carrier-grade NAT, multicast,
 * reserved or translated range; an IPv4 address inside an IPv6 one is judged as what it is.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // Only 2000::/3 is given out for global use.
  return parsed.kind() === 'ipv4' || ((parsed as ipaddr.IPv6).parts[0]! & 0xe000) === 0x2000;
}

/**
 * Streams a uri into a file.
 * @param limits.maxBytes is held while streaming, whatever the server announces
 * @returns the number of bytes
 * @throws CinedexError URI_NOT_ALLOWED, MEDIA_NOT_FOUND, MEDIA_FETCH_FAILED, MEDIA_TOO_LARGE or ABORTED
 */
export async function download(
  uri: string,
  file: string,
  limits: { maxBytes: number; timeoutMs: number },
  signal: AbortSignal,
  hooks: RemoteHooks = {},
): Promise<number> {
  const overall = AbortSignal.any([signal, AbortSignal.timeout(limits.timeoutMs)]);
  try {
    const response = await follow(checkedUrl(uri), overall, hooks);
    return await save(response, file, limits.maxBytes, overall);
  } catch (error) {
    if (error instanceof CinedexError) throw error;
    if (signal.aborted) throw new CinedexError('ABORTED', 'The download was stopped.', { cause: error });
    const why = overall.aborted ? `it took longer than ${limits.timeoutMs} ms` : describe(error);
    throw new CinedexError('MEDIA_FETCH_FAILED', `The media could not be fetched: ${why}.`, { cause: error });
  }
}

/**
 * An address that others (a browser, say) may be sent to: https, and on the public internet.
 * @throws CinedexError URI_NOT_ALLOWED, or MEDIA_FETCH_FAILED when its name is not known
 */
export async function checkPublicUrl(uri: string, hooks: RemoteHooks = {}): Promise<string> {
  const url = checkedUrl(uri);
  try {
    await checkedAddress(url, hooks);
  } catch (error) {
    if (error instanceof CinedexError) throw error;
    throw new CinedexError('MEDIA_FETCH_FAILED', `The host ${url.hostname} cannot be found.`, {
      cause: error,
    });
  }
  return url.href;
}

function checkedUrl(uri: string, base?: URL): URL {
  const url = URL.parse(uri, base?.href);
  if (!url) throw new CinedexError('URI_NOT_ALLOWED', 'The uri cannot be parsed.');
  if (url.protocol !== 'https:') {
    throw new CinedexError(
      'URI_NOT_ALLOWED',
      `The scheme ${url.protocol} is not allowed; use https: or file:.`,
    );
  }
  if (url.username || url.password)
    throw new CinedexError('URI_NOT_ALLOWED', 'A uri with credentials is refused.');
  return url;
}

async function follow(first: URL, signal: AbortSignal, hooks: RemoteHooks): Promise<IncomingMessage> {
  let url = first;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const address = await checkedAddress(url, hooks);
    signal.throwIfAborted();
    const response = await connect(url, address, signal, hooks);
    const status = response.statusCode ?? 0;
    if ([301, 302, 303, 307, 308].includes(status) && response.headers.location) {
      response.destroy();
      url = checkedUrl(response.headers.location, url);
      continue;
    }
    if (status === 200) return response;
    response.destroy();
    if ([401, 403, 404, 410].includes(status)) {
      throw new CinedexError('MEDIA_NOT_FOUND', `The media server answered ${status}.`);
    }
    throw new CinedexError('MEDIA_FETCH_FAILED', `The media server answered ${status}.`);
  }
  throw new CinedexError('MEDIA_FETCH_FAILED', `More than ${MAX_REDIRECTS} redirects.`);
}

async function checkedAddress(url: URL, hooks: RemoteHooks): Promise<string> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const resolve = hooks.resolve ?? systemResolve;
  const addresses = isIP(host) ? [host] : await resolve(host);
  const isAllowed = hooks.isAllowed ?? isPublicAddress;
  // One private address among public ones is a trick, not a service.
  if (addresses.length === 0 || !addresses.every((address) => isAllowed(address))) {
    throw new CinedexError('URI_NOT_ALLOWED', `The host ${host} is not on the public internet.`);
  }
  return addresses[0]!;
}

async function systemResolve(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function connect(
  url: URL,
  address: string,
  signal: AbortSignal,
  hooks: RemoteHooks,
): Promise<IncomingMessage> {
  const family = isIP(address);
  const options: RequestOptions = {
    method: 'GET',
    signal,
    agent: false,
    // No compression: the length limit counts what arrives.
    headers: { 'accept-encoding': 'identity', 'user-agent': 'cinedex' },
    lookup: (_host, { all }, callback) => {
      if (all) callback(null, [{ address, family }]);
      else callback(null, address, family);
    },
  };
  return new Promise((resolve, reject) => {
    const request = (hooks.request ?? httpsRequest)(url, options, resolve);
    request.setTimeout(IDLE_MS, () => request.destroy(new Error(`no byte for ${IDLE_MS} ms`)));
    request.on('error', reject);
    request.end();
  });
}

async function save(
  response: IncomingMessage,
  file: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<number> {
  const tooLarge = () => new CinedexError('MEDIA_TOO_LARGE', `The media has more than ${maxBytes} bytes.`);
  const encoding = response.headers['content-encoding'];
  if (encoding && encoding !== 'identity') {
    response.destroy();
    throw new CinedexError('MEDIA_FETCH_FAILED', `The server compressed the media (${encoding}).`);
  }
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) {
    response.destroy();
    throw tooLarge();
  }
  let bytes = 0;
  await pipeline(
    response,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw tooLarge();
        yield chunk;
      }
    },
    createWriteStream(file, { mode: 0o600 }),
    { signal },
  );
  return bytes;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.code}: ${error.message}` : error.message;
}
