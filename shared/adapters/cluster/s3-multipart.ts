/** Sends a large blob in parts, of which one at a time is held in memory; leaves no half upload behind. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { BlobRef } from '../../contracts/common.ts';
import { CinedexError } from '../../contracts/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { nameOf, type S3Requests, statusOf } from './s3-requests.ts';

/** S3 takes no more parts of one object. */
const MOST_PARTS = 10_000;

export interface PartedUpload {
  bucket: string;
  key: string;
  /** What the bytes must turn out to be. */
  ref: BlobRef;
  /** At least; larger for a blob that would have too many parts. */
  partBytes: number;
  /** Whether an object that is there is left alone; the answer is then 412. */
  isOnce: boolean;
  logger?: Logger;
}

/**
 * @param source the blob's bytes
 * @throws CinedexError ARTIFACT_CORRUPT when the source does not give what `ref` says, STORE_UNAVAILABLE; S3's own 412
 */
export async function uploadInParts(
  requests: S3Requests,
  upload: PartedUpload,
  source: Readable,
): Promise<void> {
  const { client } = requests;
  const place = { Bucket: upload.bucket, Key: upload.key };
  const { UploadId } = await requests.ask('beginning an upload', (abortSignal) =>
    client.send(new CreateMultipartUploadCommand({ ...place, ContentType: upload.ref.mediaType }), {
      abortSignal,
    }),
  );
  if (!UploadId) throw new CinedexError('STORE_UNAVAILABLE', 'S3 began an upload and did not give its name.');
  try {
    const Parts = await sendParts(requests, { ...place, UploadId }, upload, source);
    await requests.ask('ending an upload', async (abortSignal) => {
      const command = new CompleteMultipartUploadCommand({
        ...place,
        UploadId,
        MultipartUpload: { Parts },
        ...(upload.isOnce ? { IfNoneMatch: '*' } : {}),
      });
      await client.send(command, { abortSignal });
    });
  } catch (error) {
    source.destroy();
    await abandon(requests, { ...place, UploadId }, upload.logger);
    // The first answer to the end was lost on its way, and the upload is gone because it was joined. Asked to write again,
    // the caller finds the object.
    if (nameOf(error) === 'NoSuchUpload') {
      throw new CinedexError('STORE_UNAVAILABLE', 'S3 no longer knows the upload.', { cause: error });
    }
    throw error;
  }
}

async function sendParts(
  requests: S3Requests,
  place: { Bucket: string; Key: string; UploadId: string },
  upload: PartedUpload,
  source: Readable,
): Promise<CompletedPart[]> {
  const parts: CompletedPart[] = [];
  const hash = createHash('sha256');
  let total = 0;
  const partBytes = Math.max(upload.partBytes, Math.ceil(upload.ref.bytes / MOST_PARTS));
  for await (const Body of inParts(source, partBytes)) {
    hash.update(Body);
    total += Body.length;
    const PartNumber = parts.length + 1;
    const { ETag } = await requests.ask(`sending part ${PartNumber}`, (abortSignal) =>
      requests.client.send(
        new UploadPartCommand({
          ...place,
          PartNumber,
          Body,
          ContentMD5: createHash('md5').update(Body).digest('base64'),
        }),
        { abortSignal },
      ),
    );
    parts.push({ PartNumber, ...(ETag ? { ETag } : {}) });
  }
  if (total !== upload.ref.bytes || hash.digest('hex') !== upload.ref.sha256) {
    throw new CinedexError('ARTIFACT_CORRUPT', `A file changed while it was stored as ${upload.ref.sha256}.`);
  }
  return parts;
}

async function* inParts(source: Readable, partBytes: number): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    waiting.push(chunk);
    bytes += chunk.length;
    while (bytes >= partBytes) {
      const whole = Buffer.concat(waiting);
      yield whole.subarray(0, partBytes);
      const rest = whole.subarray(partBytes);
      waiting = rest.length > 0 ? [rest] : [];
      bytes = rest.length;
    }
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

async function abandon(
  requests: S3Requests,
  place: { Bucket: string; Key: string; UploadId: string },
  logger: Logger | undefined,
): Promise<void> {
  try {
    await requests.ask('dropping an upload', (abortSignal) =>
      requests.client.send(new AbortMultipartUploadCommand(place), { abortSignal }),
    );
  } catch (error) {
    if (statusOf(error) === 404) return;
    // Its parts cost storage until a rule of the bucket removes them; the failure that led here matters more.
    logger?.warn({ error: String(error), key: place.Key }, 'an unfinished upload could not be dropped');
  }
}
