/** Requests to S3-compatible storage: which failures are passing, and which error the others are. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  HeadBucketCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { CoreConfig } from '../../config.ts';
import { CinedexError } from '../../contracts/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';

export type S3Config = CoreConfig['s3'];

/** Waits between attempts: doubled each time from the first, up to the longest, of which at least a half is kept. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const CONNECT_MS = 5_000;

/** Answers after which the same request may succeed. 409 is a conditional write that met another one. */
const PASSING_STATUS = new Set([408, 409, 425, 429, 500, 502, 503, 504]);
const BUCKET_EXISTS = new Set(['BucketAlreadyOwnedByYou', 'BucketAlreadyExists']);
/** Answers that no repetition mends: keys, rights, or a name that is wrong. */
const REFUSED_STATUS = new Set([301, 400, 401, 403]);

export interface S3Requests {
  readonly client: S3Client;
  /**
   * Makes a request, again where that may help. `request` gets a signal that ends one attempt.
   * @throws CinedexError STORE_UNAVAILABLE when attempts are used up or the server refuses; ABORTED. An answer of S3 that the
   * caller handles (not found, precondition failed, range) is thrown as it is, see {@link statusOf}.
   */
  ask<T>(what: string, request: (signal: AbortSignal) => Promise<T>, options?: AskOptions): Promise<T>;
  /** Waits before attempt `attempt + 1`, when one is left and `error` is passing; else throws what it means. */
  pause(what: string, error: unknown, attempt: number, signal?: AbortSignal): Promise<void>;
  close(): void;
}

export interface AskOptions {
  /** The caller's own. */
  signal?: AbortSignal;
}

/** No connection is made yet. */
export function createS3Requests(config: S3Config, logger?: Logger): S3Requests {
  const client = new S3Client(clientConfig(config));
  if (config.endpoint.startsWith('http:') && !isLoopback(config.endpoint)) {
    logger?.warn({ endpoint: config.endpoint }, 'S3 is spoken to without TLS');
  }

  const pause: S3Requests['pause'] = async (what, error, attempt, signal) => {
    if (signal?.aborted) throw new CinedexError('ABORTED', `S3: ${what} was stopped.`, { cause: error });
    if (isAnswerForCaller(error)) throw error;
    if (!isPassing(error) || attempt >= config.attempts) throw unavailable(error, what, config, attempt);
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
    logger?.debug({ what, attempt, error: reasonOf(error) }, 'S3 is asked again');
    await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch((cause: unknown) => {
      throw new CinedexError('ABORTED', `S3: ${what} was stopped.`, { cause });
    });
  };

  const ask: S3Requests['ask'] = async (what, request, { signal } = {}) => {
    for (let attempt = 1; ; attempt++) {
      const timeout = AbortSignal.timeout(config.timeoutMs);
      try {
        return await request(signal ? AbortSignal.any([signal, timeout]) : timeout);
      } catch (error) {
        await pause(what, error, attempt, signal);
      }
    }
  };
  return { client, ask, pause, close: () => client.destroy() };
}

function clientConfig(config: S3Config): S3ClientConfig {
  const credentials = config.accessKeyId
    ? { credentials: { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey } }
    : {};
  return {
    region: config.region,
    forcePathStyle: config.pathStyle,
    ...(config.endpoint ? { endpoint: config.endpoint } : {}),
    ...credentials,
    // Attempts are counted here, because the client does not repeat an answer that broke off in its body.
    maxAttempts: 1,
    // Its own CRC trailers are unknown to many servers; what is sent here has its SHA-256.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: Math.min(CONNECT_MS, config.timeoutMs),
      socketTimeout: config.timeoutMs,
    },
  };
}

/**
 * Looks whether the bucket can be used, and makes it where that is allowed.
 * @throws CinedexError STORE_UNAVAILABLE when nothing answers; CONFIG_INVALID naming the key when the bucket is missing, the
 * keys are refused, or may not see it
 */
export async function checkBucket(
  requests: S3Requests,
  config: S3Config,
  bucket: string,
  mayCreate: boolean,
  logger?: Logger,
): Promise<void> {
  const place = config.endpoint || `Amazon S3 (${config.region})`;
  try {
    await requests.ask('looking for the bucket', (abortSignal) =>
      requests.client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal }),
    );
    return;
  } catch (error) {
    if (statusOf(error) !== 404) throw refusal(error, bucket, place);
  }
  if (!mayCreate) {
    throw new CinedexError(
      'CONFIG_INVALID',
      `There is no bucket "${bucket}" on ${place}. Make it, correct CINEDEX_S3_BUCKET, or allow it to be made ` +
        'with CINEDEX_S3_CREATE_BUCKET=true.',
    );
  }
  try {
    await requests.ask('making the bucket', (abortSignal) =>
      requests.client.send(new CreateBucketCommand({ Bucket: bucket }), { abortSignal }),
    );
    logger?.info({ bucket, place }, 'the bucket of artifacts was made');
  } catch (error) {
    // Another process was faster.
    if (!BUCKET_EXISTS.has(nameOf((error as Error).cause) ?? '')) throw refusal(error, bucket, place);
  }
}

function refusal(error: unknown, bucket: string, place: string): unknown {
  const cause = error instanceof CinedexError ? error.cause : error;
  const status = statusOf(cause);
  if (status === undefined || !REFUSED_STATUS.has(status)) return error;
  return new CinedexError(
    'CONFIG_INVALID',
    `${place} refuses bucket "${bucket}" (${status} ${nameOf(cause)}): check CINEDEX_S3_ACCESS_KEY_ID, ` +
      'CINEDEX_S3_SECRET_ACCESS_KEY, CINEDEX_S3_REGION, CINEDEX_S3_BUCKET and that the key may list the bucket.',
    { cause: error },
  );
}

/** HTTP status of an answer of S3; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** S3's name of an error (`NoSuchKey`), if it is one of S3's. */
export function nameOf(error: unknown): string | undefined {
  return error instanceof S3ServiceException ? error.name : undefined;
}

/** Answers that mean something to whoever asked: not there, precondition failed, range, not implemented. */
function isAnswerForCaller(error: unknown): boolean {
  return error instanceof CinedexError || [404, 412, 416, 501].includes(statusOf(error) ?? 0);
}

function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  // No answer at all: refused, reset, timed out. A lost clock is the server's 403, which is none.
  if (status === undefined) return !(error instanceof TypeError);
  return PASSING_STATUS.has(status) && !BUCKET_EXISTS.has(nameOf(error) ?? '');
}

function unavailable(error: unknown, what: string, config: S3Config, attempts: number): CinedexError {
  const place = config.endpoint || 'Amazon S3';
  const times = attempts === 1 ? 'once' : `${attempts} times`;
  return new CinedexError(
    'STORE_UNAVAILABLE',
    `${place}: ${what} failed, tried ${times}: ${reasonOf(error)}`,
    {
      cause: error,
    },
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const status = statusOf(error);
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : '';
  return status === undefined
    ? `${code}${error.name}: ${error.message}`
    : `${status} ${error.name}: ${error.message}`;
}

function isLoopback(endpoint: string): boolean {
  const host = URL.parse(endpoint)?.hostname ?? '';
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}
