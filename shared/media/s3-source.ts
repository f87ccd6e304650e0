/** Fetches media from the buckets that the configuration names: `s3://bucket/key`, or `s3://bucket/key?versionId=…`. */
import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { openObject } from '../adapters/cluster/s3-reading.ts';
import {
  createS3Requests,
  type S3Config,
  type S3Requests,
  statusOf,
} from '../adapters/cluster/s3-requests.ts';
import { CinedexError } from '../contracts/errors.ts';
import type { Logger } from '../telemetry/logger.ts';

interface S3Place {
  bucket: string;
  key: string;
  versionId?: string;
}

/** Clients keep connections open, so there is one for each configuration in a process. */
const clients = new WeakMap<S3Config, S3Requests>();

/**
 * Pure. Bucket and key of a uri; the key is decoded once (`%20` is a blank), so that what is asked for is what is named.
 * @throws CinedexError URI_NOT_ALLOWED when the bucket is not listed (none is by default) or the uri has parts that name
 * nothing in S3
 */
export function parseS3Uri(uri: string, mediaBuckets: readonly string[]): S3Place {
  const refuse = (why: string, cause?: unknown) => new CinedexError('URI_NOT_ALLOWED', why, { cause });
  // Not by URL, which would take `..` and `//` out of a key that has them.
  const parts = /^s3:\/\/([^/?#@:]+)\/([^?#]+)(?:\?([^#]*))?$/i.exec(uri);
  if (!parts) throw refuse('An s3 uri is s3://bucket/key; encode ? and # in the key.');
  const [, bucket = '', rawKey = '', query] = parts;
  // Judged before anything is asked, so that the answer tells nothing about other buckets.
  if (!mediaBuckets.includes(bucket)) {
    throw refuse(
      mediaBuckets.length === 0
        ? 'No bucket of media is configured (CINEDEX_S3_MEDIA_BUCKETS), so no s3 uri may be read.'
        : 'The bucket is not one of the configured media buckets (CINEDEX_S3_MEDIA_BUCKETS).',
    );
  }
  let key: string;
  try {
    key = decodeURIComponent(rawKey);
  } catch (error) {
    throw refuse('The key of the s3 uri cannot be decoded.', error);
  }
  // A path with dots in it is normalised by HTTP clients and proxies, and would name another object or another bucket.
  if (key.split('/').some((part) => part === '.' || part === '..'))
    throw refuse('A key with . or .. is refused.');
  const search = new URLSearchParams(query ?? '');
  const versionId = search.get('versionId') ?? undefined;
  if ([...search.keys()].some((name) => name !== 'versionId'))
    throw refuse('Only versionId may follow the key.');
  return { bucket, key, ...(versionId ? { versionId } : {}) };
}

/**
 * Streams an object into a file.
 * @param limits.maxBytes is held while streaming, whatever the server announces
 * @returns the number of bytes
 * @throws CinedexError URI_NOT_ALLOWED, MEDIA_NOT_FOUND, MEDIA_FETCH_FAILED, MEDIA_TOO_LARGE or ABORTED
 */
export async function downloadFromS3(
  uri: string,
  file: string,
  limits: { maxBytes: number; timeoutMs: number },
  signal: AbortSignal,
  config: S3Config,
  logger: Logger,
): Promise<number> {
  const place = parseS3Uri(uri, config.mediaBuckets);
  const requests = clients.get(config) ?? createS3Requests(config, logger);
  clients.set(config, requests);
  const overall = AbortSignal.any([signal, AbortSignal.timeout(limits.timeoutMs)]);
  const tooLarge = () =>
    new CinedexError('MEDIA_TOO_LARGE', `The media has more than ${limits.maxBytes} bytes.`);
  try {
    const { bytes: announced, chunks } = await openObject(requests, place, config.timeoutMs, overall);
    let bytes = 0;
    const limited = async function* () {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > limits.maxBytes) throw tooLarge();
        yield chunk;
      }
    };
    if ((announced ?? 0) > limits.maxBytes) {
      await chunks.return();
      throw tooLarge();
    }
    await pipeline(limited, createWriteStream(file, { mode: 0o600 }), { signal: overall });
    return bytes;
  } catch (error) {
    throw explained(error, signal, overall, limits.timeoutMs);
  }
}

/** An object, or the part of it that was asked for, as S3 gives it. */
export interface ObjectPart {
  /** Of this part. */
  bytes: number;
  /** `bytes <first>-<last>/<all>`; null for the whole. */
  range: string | null;
  type: string | null;
  etag: string | null;
  /** Null where only its description was asked for. */
  body: Readable | null;
}

/**
 * Opens an object for somebody who plays it: nothing is stored here.
 * @param options.range a `Range` header of one range of bytes
 * @param options.head whether only the description is wanted
 * @throws CinedexError URI_NOT_ALLOWED, RANGE_UNSATISFIABLE, MEDIA_NOT_FOUND, MEDIA_FETCH_FAILED or ABORTED
 */
export async function openS3Part(
  uri: string,
  config: S3Config,
  logger: Logger,
  options: { range: string | null; head: boolean; signal: AbortSignal },
): Promise<ObjectPart> {
  const { bucket, key, versionId } = parseS3Uri(uri, config.mediaBuckets);
  const requests = clients.get(config) ?? createS3Requests(config, logger);
  clients.set(config, requests);
  const { range, head, signal } = options;
  const place = {
    ...{ Bucket: bucket, Key: key },
    ...(versionId && { VersionId: versionId }),
    ...(range && { Range: range }),
  };
  try {
    const answer = await requests.ask(
      'opening media',
      async (abortSignal): Promise<GetObjectCommandOutput | HeadObjectCommandOutput> =>
        head
          ? requests.client.send(new HeadObjectCommand(place), { abortSignal })
          : requests.client.send(new GetObjectCommand(place), { abortSignal: signal }),
      { signal },
    );
    return {
      bytes: answer.ContentLength ?? 0,
      range: answer.ContentRange ?? null,
      type: answer.ContentType ?? null,
      etag: answer.ETag ?? null,
      body: 'Body' in answer ? (answer.Body as Readable) : null,
    };
  } catch (error) {
    if (statusOf(error) === 416) {
      throw new CinedexError('RANGE_UNSATISFIABLE', 'The media has no such bytes.', { cause: error });
    }
    throw explained(error, signal, signal, config.timeoutMs);
  }
}

function explained(
  error: unknown,
  signal: AbortSignal,
  overall: AbortSignal,
  timeoutMs: number,
): CinedexError {
  if (signal.aborted) return new CinedexError('ABORTED', 'The download was stopped.', { cause: error });
  if (overall.aborted) {
    const message = `The media could not be fetched: it took longer than ${timeoutMs} ms.`;
    return new CinedexError('MEDIA_FETCH_FAILED', message, { cause: error });
  }
  const answer = error instanceof CinedexError ? error.cause : error;
  const status = statusOf(answer);
  if (status !== undefined && [400, 401, 403, 404, 405].includes(status)) {
    // Rights may be mended, but not by asking again.
    return new CinedexError('MEDIA_NOT_FOUND', `The S3 server answered ${status}.`, { cause: error });
  }
  if (status === 412) {
    const message = 'The object was replaced while it was read.';
    return new CinedexError('MEDIA_FETCH_FAILED', message, { cause: error });
  }
  if (error instanceof CinedexError && error.code !== 'STORE_UNAVAILABLE' && error.code !== 'ABORTED')
    return error;
  const words = error instanceof Error ? error.message : String(error);
  return new CinedexError('MEDIA_FETCH_FAILED', `The media could not be fetched: ${words}.`, {
    cause: error,
  });
}
