import { open, rm, stat } from 'node:fs/promises';
import { CinedexError } from '../contracts/errors.ts';

export interface DownloadOptions {
  token?: string;
  signal?: AbortSignal;
  onProgress?: (received: number, total: number | null) => void;
}

const MAX_REDIRECTS = 5;
const REFUSALS = new Set([401, 403, 404, 410]);

/**
 * Downloads to `partial`, going on where an earlier attempt broke off.
 * @returns the SHA-256 that the hub announced for the file (it does for large ones), or null
 * @throws CinedexError MODEL_MISSING when the hub refuses or has no such file, STORE_UNAVAILABLE when it fails
 */
export async function downloadFromHub(
  url: URL,
  partial: string,
  options: DownloadOptions = {},
): Promise<{ sha256: string | null }> {
  const have = await sizeOf(partial);
  const { response, sha256 } = await request(url, have, options);
  if (response.status === 416 && have > 0) {
    // What is here is as long as the file, or longer than a file that has been replaced: begin anew.
    await response.body?.cancel();
    await rm(partial, { force: true });
    return downloadFromHub(url, partial, options);
  }
  const resumed = response.status === 206 && contentStart(response) === have;
  if (!response.ok || !response.body || (response.status === 206 && !resumed)) {
    await response.body?.cancel();
    throw failure(url, response.status);
  }
  let received = resumed ? have : 0;
  const length = response.headers.get('content-length');
  // Fetch unpacks compressed answers, whose length is then not that of the file.
  const total = length && !response.headers.get('content-encoding') ? received + Number(length) : null;
  options.onProgress?.(received, total);
  const target = await open(partial, resumed ? 'a' : 'w');
  try {
    // Written piece by piece, so that what has arrived when the connection breaks is on disk.
    for await (const chunk of response.body) {
      await target.writeFile(chunk);
      received += chunk.length;
      options.onProgress?.(received, total);
    }
  } catch (error) {
    throw interrupted(url, error, options.signal);
  } finally {
    await target.close();
  }
  if (total !== null && received !== total) {
    throw new CinedexError(
      'STORE_UNAVAILABLE',
      `${url.pathname} broke off at ${received} of ${total} bytes.`,
    );
  }
  return { sha256 };
}

/** Follows redirects itself: the announced checksum is on the first answer, and the token is for its host only. */
async function request(
  first: URL,
  have: number,
  { token, signal }: DownloadOptions,
): Promise<{ response: Response; sha256: string | null }> {
  let url = first;
  let sha256: string | null = null;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (have > 0) headers.range = `bytes=${have}-`;
    if (token && url.host === first.host) headers.authorization = `Bearer ${token}`;
    let response: Response;
    try {
      response = await fetch(url, { headers, redirect: 'manual', signal });
    } catch (error) {
      throw interrupted(url, error, signal);
    }
    sha256 ??= announcedChecksum(response);
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || !location) return { response, sha256 };
    await response.body?.cancel();
    url = new URL(location, url);
  }
  throw new CinedexError('STORE_UNAVAILABLE', `${first.pathname} was redirected too often.`);
}

/** The etag of a large file on the hub is its SHA-256; that of a small one is a git hash, of another length. */
function announcedChecksum(response: Response): string | null {
  const etag = response.headers.get('x-linked-etag') ?? '';
  return /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(etag)?.[1] ?? null;
}

function contentStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? -1);
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}

function failure(url: URL, status: number): CinedexError {
  const code = REFUSALS.has(status) ? 'MODEL_MISSING' : 'STORE_UNAVAILABLE';
  return new CinedexError(code, `${url.host} answered ${status} for ${url.pathname}.`);
}

function interrupted(url: URL, error: unknown, signal: AbortSignal | undefined): CinedexError {
  if (signal?.aborted) return new CinedexError('ABORTED', 'The download was stopped.', { cause: error });
  const reason = error instanceof Error ? error.message : String(error);
  return new CinedexError('STORE_UNAVAILABLE', `Downloading ${url.pathname} failed: ${reason}`, {
    cause: error,
  });
}
