/** Reads an object as a stream that survives broken connections: what is missing is asked for again from where it broke. */
import type { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import type { S3Requests } from './s3-requests.ts';

export interface ObjectPlace {
  bucket: string;
  key: string;
  versionId?: string;
}

export interface OpenedObject {
  /** Length that the server announced, bytes; undefined when it did not. */
  bytes: number | undefined;
  /** Chunks in order. Errors are those of {@link S3Requests.ask}. End it early with `return()`. */
  chunks: AsyncGenerator<Buffer, void>;
}

/**
 * @param idleMs silence after which an answer counts as broken off
 * @throws as {@link S3Requests.ask}: S3's own error where the object is not there
 */
export async function openObject(
  requests: S3Requests,
  place: ObjectPlace,
  idleMs: number,
  signal?: AbortSignal,
): Promise<OpenedObject> {
  const first = await get(requests, place, 0, undefined, signal);
  return {
    bytes: first.ContentLength,
    chunks: resumed(requests, place, first, idleMs, signal),
  };
}

async function* resumed(
  requests: S3Requests,
  place: ObjectPlace,
  first: GetObjectCommandOutput,
  idleMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  const what = `reading ${place.key}`;
  const total = first.ContentLength;
  let answer = first;
  let position = 0;
  // Attempts since the last byte: a long object over a bad line is read as long as it goes on.
  let attempt = 0;
  for (;;) {
    const body = answer.Body as Readable | undefined;
    try {
      if (body) {
        for await (const chunk of withinSilence(body, idleMs, signal)) {
          attempt = 0;
          position += chunk.length;
          yield chunk;
        }
      }
      if (total === undefined || position >= total) return;
      throw new Error(`the answer ended after ${position} of ${total} bytes`);
    } catch (error) {
      attempt += 1;
      await requests.pause(what, error, attempt, signal);
    } finally {
      body?.destroy();
    }
    // The same bytes, or none: an object that was replaced meanwhile is not joined to the old one.
    answer = await get(requests, place, position, first.ETag, signal);
  }
}

function get(
  requests: S3Requests,
  place: ObjectPlace,
  position: number,
  etag: string | undefined,
  signal: AbortSignal | undefined,
): Promise<GetObjectCommandOutput> {
  const command = new GetObjectCommand({
    Bucket: place.bucket,
    Key: place.key,
    ...(place.versionId ? { VersionId: place.versionId } : {}),
    ...(position > 0 ? { Range: `bytes=${position}-` } : {}),
    ...(etag ? { IfMatch: etag } : {}),
  });
  return requests.ask(
    `reading ${place.key}`,
    // The signal would also end the body, which has no limit as a whole.
    (abortSignal) => sendWithin(requests, command, abortSignal),
    signal ? { signal } : {},
  );
}

/** Gives up waiting for the head of an answer, not for its body. */
async function sendWithin(
  requests: S3Requests,
  command: GetObjectCommand,
  limit: AbortSignal,
): Promise<GetObjectCommandOutput> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(limit.reason);
  limit.addEventListener('abort', onAbort, { once: true });
  try {
    limit.throwIfAborted();
    return await requests.client.send(command, { abortSignal: stop.signal });
  } finally {
    limit.removeEventListener('abort', onAbort);
  }
}

async function* withinSilence(
  body: Readable,
  idleMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  const onAbort = () => body.destroy(new Error('stopped'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  let silence: NodeJS.Timeout | undefined;
  const listen = () => {
    silence = setTimeout(() => body.destroy(new Error(`no byte for ${idleMs} ms`)), idleMs);
  };
  try {
    listen();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      // The reader's own slowness is no silence of the server.
      clearTimeout(silence);
      yield chunk;
      listen();
    }
  } finally {
    clearTimeout(silence);
    signal?.removeEventListener('abort', onAbort);
  }
}
