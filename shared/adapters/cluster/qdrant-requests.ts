/** Requests to Qdrant: what may be tried again, which error a failure is, and whether the server is one we know. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  QdrantClient,
  QdrantClientResourceExhaustedError,
  QdrantClientTimeoutError,
  QdrantClientUnexpectedResponseError,
} from '@qdrant/js-client-rest';
import type { Config } from '../../config.ts';
import { CinedexError } from '../../contracts/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';

export type QdrantConfig = Config['qdrant'];

/** Minor version of Qdrant that the client was made for; one more or less is compatible by Qdrant's promise. */
export const CLIENT_MINOR = 19;
/** The first with metadata of a collection, which the schema is kept in. */
const OLDEST_MINOR = 16;

/** Waits before a request is made again. Longer outages are the caller's: the runtime retries the step. */
const RETRY_DELAYS_MS = [100, 500];
/** The server or what is before it has not done the work: trying again at once may help. */
const PASSING_STATUS = new Set([429, 502, 503, 504]);

export interface Requests {
  readonly client: QdrantClient;
  /**
   * Every request here can be repeated: points are replaced by id, and what is already made or gone is no error.
   * @throws CinedexError STORE_UNAVAILABLE, NOT_FOUND, INDEX_MISMATCH, CONFIG_INVALID (key refused), STAGE_BUG
   */
  ask<T>(what: string, request: (client: QdrantClient) => Promise<T>): Promise<T>;
}

/** @param logger is told of the server's version, when it is not one that the client was made for */
export async function connect(config: QdrantConfig, logger?: Logger): Promise<Requests> {
  if (config.apiKey && config.url.startsWith('http:')) {
    logger?.warn({ url: config.url }, 'the API key of Qdrant is sent without TLS');
  }
  const client = new QdrantClient({
    ...address(config.url),
    timeout: config.timeoutMs,
    headers: {
      // Compressed answers leave the server in pieces, of which the last may wait 40 ms for an acknowledgement.
      'accept-encoding': 'identity',
      // Not `apiKey`: given that, the client writes to the console.
      ...(config.apiKey && { 'api-key': config.apiKey }),
    },
    // Checked below, for the same reason.
    checkCompatibility: false,
  });
  const ask: Requests['ask'] = async (what, request) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await request(client);
      } catch (error) {
        const delayMs = RETRY_DELAYS_MS[attempt];
        if (delayMs === undefined || !passes(error)) throw asCinedexError(error, what, config);
        await sleep(delayMs * (0.5 + Math.random()));
      }
    }
  };
  const { version } = await ask('read its version', (each) => each.versionInfo());
  checkVersion(version, logger);
  return { client, ask };
}

/** The client takes port 6333 where the url says none, and drops a path; a url means what urls mean. */
function address(url: string): { host: string; https: boolean; port: number | null; prefix?: string } {
  const { protocol, hostname, port, pathname } = new URL(url);
  const prefix = pathname.replace(/\/+$/, '');
  return {
    host: hostname,
    https: protocol === 'https:',
    port: port ? Number(port) : null,
    ...(prefix ? { prefix } : {}),
  };
}

/** @throws CinedexError DEPENDENCY_MISSING when the server is too old */
export function checkVersion(version: string, logger?: Logger): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 1 || (major === 1 && minor < OLDEST_MINOR)) {
    throw new CinedexError(
      'DEPENDENCY_MISSING',
      `Qdrant ${version} is too old: 1.${OLDEST_MINOR} or later is needed.`,
    );
  }
  if (major !== 1 || Math.abs(minor - CLIENT_MINOR) > 1) {
    logger?.warn(
      { version, madeFor: `1.${CLIENT_MINOR}` },
      `Qdrant ${version} is more than one minor version from 1.${CLIENT_MINOR}, which this client was made for`,
    );
  }
}

function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** fetch says "fetch failed" or "terminated" in a TypeError when a connection cannot be made or breaks. */
function connectionFailed(error: unknown): boolean {
  return error instanceof TypeError && /^(fetch failed|terminated)$/.test(error.message);
}

function passes(error: unknown): boolean {
  if (connectionFailed(error) || error instanceof QdrantClientResourceExhaustedError) return true;
  return PASSING_STATUS.has(statusOf(error) ?? 0);
}

function asCinedexError(error: unknown, what: string, { url, timeoutMs }: QdrantConfig): unknown {
  if (error instanceof CinedexError) return error;
  const fail = (code: CinedexError['code'], reason: string) =>
    new CinedexError(code, `Qdrant at ${url} could not ${what}: ${reason}`, { cause: error });
  if (connectionFailed(error)) return fail('STORE_UNAVAILABLE', causeOf(error as TypeError));
  if (error instanceof QdrantClientTimeoutError) {
    return fail('STORE_UNAVAILABLE', `no answer within ${timeoutMs} ms`);
  }
  if (
    error instanceof QdrantClientResourceExhaustedError ||
    error instanceof QdrantClientUnexpectedResponseError ||
    // Something else than Qdrant answered.
    error instanceof SyntaxError
  ) {
    return fail('STORE_UNAVAILABLE', error.message);
  }
  const status = statusOf(error);
  if (status === undefined) return error;
  const reason = `${status} ${saidBy(error)}`;
  if (status >= 500 || status === 408 || status === 429) return fail('STORE_UNAVAILABLE', reason);
  if (status === 404) return fail('NOT_FOUND', reason);
  if (status === 401 || status === 403) return fail('CONFIG_INVALID', `${reason} (CINEDEX_QDRANT_API_KEY)`);
  if (/dimension error|not existing vector name/i.test(reason)) return fail('INDEX_MISMATCH', reason);
  return fail('STAGE_BUG', reason);
}

/** The system's word for it (ECONNREFUSED and the like), which fetch hides below its own. */
function causeOf({ message, cause }: TypeError): string {
  if (!(cause instanceof Error)) return message;
  return 'code' in cause && cause.message === '' ? String(cause.code) : cause.message;
}

/** The server's own explanation, in `{ status: { error } }`. */
function saidBy(error: unknown): string {
  const data = error instanceof Error && 'data' in error ? error.data : undefined;
  const status = isRecord(data) && isRecord(data.status) ? data.status.error : undefined;
  return typeof status === 'string' ? status : error instanceof Error ? error.message : String(error);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
