/**
 * Artifacts on S3-compatible storage: blobs under their SHA-256, manifests under their stage key. A blob is written with
 * `If-None-Match: *`, so that it is stored once however many processes make it; what lies there with another size or checksum
 * is replaced. Manifests are replaced whole, which S3 does atomically.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { BlobRef } from '../../contracts/common.ts';
import { CinedexError } from '../../contracts/errors.ts';
import { type ArtifactStore, PUT_AGAIN_MS, type StoredObject } from '../../ports/artifact-store.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { uploadInParts } from './s3-multipart.ts';
import { openObject } from './s3-reading.ts';
import {
  checkBucket,
  createS3Requests,
  nameOf,
  type S3Config,
  type S3Requests,
  statusOf,
} from './s3-requests.ts';

/** Blobs of at least this many bytes are looked for before they are sent, which costs a request and may save a transfer. */
const LOOK_FIRST_BYTES = 256 * 1024;

/**
 * @throws CinedexError CONFIG_INVALID (no such bucket, keys refused), STORE_UNAVAILABLE
 */
export async function openS3ArtifactStore(
  config: S3Config,
  options: { logger?: Logger; now?: () => number } = {},
): Promise<ArtifactStore> {
  const requests = createS3Requests(config, options.logger);
  try {
    await checkBucket(requests, config, config.bucket, config.createBucket, options.logger);
  } catch (error) {
    requests.close();
    throw error;
  }
  return new S3ArtifactStore(requests, config, options.logger, options.now ?? Date.now);
}

class S3ArtifactStore implements ArtifactStore {
  readonly #requests: S3Requests;
  readonly #config: S3Config;
  readonly #logger: Logger | undefined;
  readonly #now: () => number;
  /** Whether the server knows conditional writes; some answer 501. Without them a blob may be sent twice, never mixed. */
  #isConditional = true;

  constructor(requests: S3Requests, config: S3Config, logger: Logger | undefined, now: () => number) {
    this.#requests = requests;
    this.#config = config;
    this.#logger = logger;
    this.#now = now;
  }

  async putBlob(bytes: Uint8Array, mediaType: string): Promise<BlobRef> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const ref = { sha256, bytes: bytes.byteLength, mediaType };
    if (bytes.byteLength >= LOOK_FIRST_BYTES && (await this.#isIntact(ref))) return ref;
    if (bytes.byteLength > this.#config.partBytes) {
      await this.#storeOnce(ref, (isOnce) =>
        uploadInParts(this.#requests, this.#upload(ref, isOnce), Readable.from(slices(bytes))),
      );
    } else await this.#storeOnce(ref, (isOnce) => this.#putWhole(ref, bytes, isOnce));
    return ref;
  }

  async putFile(file: string, mediaType: string): Promise<BlobRef> {
    const { size } = await stat(file);
    if (size <= this.#config.partBytes) return this.putBlob(await readWhole(file, size), mediaType);
    const hash = createHash('sha256');
    await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
    const ref = { sha256: hash.digest('hex'), bytes: size, mediaType };
    if (await this.#isIntact(ref)) return ref;
    await this.#storeOnce(ref, (isOnce) =>
      uploadInParts(
        this.#requests,
        this.#upload(ref, isOnce),
        createReadStream(file, { highWaterMark: 1 << 20 }),
      ),
    );
    return ref;
  }

  async getBlob(ref: BlobRef): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.#open(ref)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (createHash('sha256').update(bytes).digest('hex') !== ref.sha256) {
      throw new CinedexError('ARTIFACT_CORRUPT', `Blob ${ref.sha256} does not match its checksum.`);
    }
    return bytes;
  }

  async getRange(ref: BlobRef, offset: number, length: number): Promise<Buffer> {
    const place = { Bucket: this.#config.bucket, Key: this.#blob(ref.sha256) };
    const { client } = this.#requests;
    try {
      if (length === 0) {
        await this.#requests.ask('looking for a blob', (abortSignal) =>
          client.send(new HeadObjectCommand(place), { abortSignal }),
        );
        return Buffer.alloc(0);
      }
      const Range = `bytes=${offset}-${offset + length - 1}`;
      const bytes = await this.#requests.ask('reading part of a blob', async (abortSignal) => {
        const { Body } = await client.send(new GetObjectCommand({ ...place, Range }), { abortSignal });
        return Body ? Buffer.from(await Body.transformToByteArray()) : Buffer.alloc(0);
      });
      if (bytes.length === length) return bytes;
    } catch (error) {
      if (statusOf(error) !== 416) throw this.#explained(error, ref.sha256);
    }
    throw new CinedexError('ARTIFACT_CORRUPT', `Blob ${ref.sha256} is too short.`);
  }

  async openBlob(ref: BlobRef): Promise<Readable> {
    return Readable.from(await this.#open(ref), { objectMode: false });
  }

  async putManifest(key: string, manifest: unknown): Promise<void> {
    const Body = Buffer.from(JSON.stringify(manifest));
    const command = new PutObjectCommand({
      Bucket: this.#config.bucket,
      Key: this.#manifest(key),
      Body,
      ContentType: 'application/json',
      ChecksumSHA256: createHash('sha256').update(Body).digest('base64'),
    });
    await this.#ask('writing a manifest', (abortSignal) =>
      this.#requests.client.send(command, { abortSignal }),
    );
  }

  async getManifest(key: string): Promise<unknown> {
    const command = new GetObjectCommand({ Bucket: this.#config.bucket, Key: this.#manifest(key) });
    let words: string;
    try {
      words = await this.#requests.ask('reading a manifest', async (abortSignal) => {
        const { Body, ContentLength } = await this.#requests.client.send(command, { abortSignal });
        const read = Body ? await text(Body as Readable) : '';
        if (ContentLength !== undefined && Buffer.byteLength(read) < ContentLength) {
          throw new Error(`the answer ended after ${Buffer.byteLength(read)} of ${ContentLength} bytes`);
        }
        return read;
      });
    } catch (error) {
      if (isNoSuchKey(error)) return undefined;
      throw this.#explained(error, key);
    }
    try {
      return JSON.parse(words);
    } catch (cause) {
      throw new CinedexError('ARTIFACT_CORRUPT', `Manifest ${key} cannot be parsed.`, { cause });
    }
  }

  async deleteManifest(key: string): Promise<void> {
    await this.#delete(this.#manifest(key), key);
  }

  async deleteBlob(sha256: string, putBefore: number): Promise<boolean> {
    const at = (await this.#facts(sha256))?.LastModified;
    if (!at || at.getTime() >= putBefore) return false;
    await this.#delete(this.#blob(sha256), sha256);
    return true;
  }

  async *list(what: 'blobs' | 'manifests'): AsyncGenerator<StoredObject, void> {
    const ending = what === 'blobs' ? '' : '.json';
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.#config.bucket,
        Prefix: `${this.#key(what)}/`,
        ...(ContinuationToken && { ContinuationToken }),
      });
      const page = await this.#ask(`listing ${what}`, (abortSignal) =>
        this.#requests.client.send(command, { abortSignal }),
      );
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        if (!Key.endsWith(ending) || !LastModified) continue;
        const name = Key.slice(Key.lastIndexOf('/') + 1, Key.length - ending.length);
        yield { name, bytes: Size, putAt: LastModified.getTime() };
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken);
  }

  async close(): Promise<void> {
    this.#requests.close();
  }

  async #open(ref: BlobRef): Promise<AsyncGenerator<Buffer, void>> {
    const place = { bucket: this.#config.bucket, key: this.#blob(ref.sha256) };
    try {
      const { chunks } = await openObject(this.#requests, place, this.#config.timeoutMs);
      return this.#explainedChunks(chunks, ref.sha256);
    } catch (error) {
      throw this.#explained(error, ref.sha256);
    }
  }

  async *#explainedChunks(chunks: AsyncGenerator<Buffer, void>, name: string): AsyncGenerator<Buffer, void> {
    try {
      yield* chunks;
    } catch (error) {
      throw this.#explained(error, name);
    }
  }

  /** Writes unless it is there; what is there and spoiled is replaced, because its maker is at it again. */
  async #storeOnce(ref: BlobRef, write: (isOnce: boolean) => Promise<void>): Promise<void> {
    try {
      if (!this.#isConditional) {
        if (!(await this.#isIntact(ref))) await write(false);
        return;
      }
      await write(true);
    } catch (error) {
      if (statusOf(error) === 412) {
        if (!(await this.#isIntact(ref))) await this.#explaining(() => write(false), ref.sha256);
      } else if (statusOf(error) === 501 && this.#isConditional) {
        this.#isConditional = false;
        this.#logger?.warn(
          { error: nameOf(error) },
          'this S3 has no conditional writes; blobs are looked for first',
        );
        await this.#storeOnce(ref, write);
      } else throw this.#explained(error, ref.sha256);
    }
  }

  async #putWhole(ref: BlobRef, bytes: Uint8Array, isOnce: boolean): Promise<void> {
    const command = new PutObjectCommand({
      Bucket: this.#config.bucket,
      Key: this.#blob(ref.sha256),
      Body: bytes,
      ContentType: ref.mediaType,
      ChecksumSHA256: base64(ref.sha256),
      ...(isOnce ? { IfNoneMatch: '*' } : {}),
    });
    await this.#requests.ask('writing a blob', (abortSignal) =>
      this.#requests.client.send(command, { abortSignal }),
    );
  }

  #upload(ref: BlobRef, isOnce: boolean) {
    return {
      bucket: this.#config.bucket,
      key: this.#blob(ref.sha256),
      ref,
      partBytes: this.#config.partBytes,
      isOnce,
      ...(this.#logger ? { logger: this.#logger } : {}),
    };
  }

  async #delete(key: string, name: string): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: this.#config.bucket, Key: key });
    try {
      await this.#requests.ask('deleting an object', (abortSignal) =>
        this.#requests.client.send(command, { abortSignal }),
      );
    } catch (error) {
      if (!isNoSuchKey(error)) throw this.#explained(error, name);
    }
  }

  /**
   * By size, and by the checksum that the server keeps where it keeps one (not of objects made of parts). One that was put
   * long ago is not taken for intact either, so that it is put anew and its date with it: S3 has no other way to set that.
   */
  async #isIntact(ref: BlobRef): Promise<boolean> {
    const facts = await this.#facts(ref.sha256);
    if (!facts) return false;
    const kept = facts.ChecksumSHA256;
    const isOther = kept !== undefined && !kept.includes('-') && kept !== base64(ref.sha256);
    const isLongAgo = this.#now() - (facts.LastModified?.getTime() ?? 0) > PUT_AGAIN_MS;
    return facts.ContentLength === ref.bytes && !isOther && !isLongAgo;
  }

  async #facts(sha256: string): Promise<HeadObjectCommandOutput | undefined> {
    const command = new HeadObjectCommand({
      Bucket: this.#config.bucket,
      Key: this.#blob(sha256),
      ChecksumMode: 'ENABLED',
    });
    try {
      return await this.#requests.ask('looking for a blob', (abortSignal) =>
        this.#requests.client.send(command, { abortSignal }),
      );
    } catch (error) {
      if (isNoSuchKey(error)) return undefined;
      throw this.#explained(error, sha256);
    }
  }

  async #ask<T>(what: string, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#explaining(() => this.#requests.ask(what, request), what);
  }

  async #explaining<T>(work: () => Promise<T>, name: string): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#explained(error, name);
    }
  }

  /** The error of ours that an answer of S3 means when it comes to nobody's use. */
  #explained(error: unknown, name: string): unknown {
    if (error instanceof CinedexError || statusOf(error) === undefined) return error;
    if (isNoSuchKey(error))
      return new CinedexError('ARTIFACT_MISSING', `Blob ${name} is gone.`, { cause: error });
    const { message } = error as Error;
    return new CinedexError(
      'STORE_UNAVAILABLE',
      `Bucket "${this.#config.bucket}": ${statusOf(error)} ${nameOf(error)}: ${message}`,
      { cause: error },
    );
  }

  #blob(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new CinedexError('NOT_FOUND', `"${sha256}" is no blob.`);
    return this.#key('blobs', sha256.slice(0, 2), sha256);
  }

  #manifest(key: string): string {
    if (!/^[\w-]+$/.test(key)) throw new CinedexError('NOT_FOUND', `"${key}" is no stage key.`);
    return this.#key('manifests', key.slice(0, 2), `${key}.json`);
  }

  #key(...parts: string[]): string {
    const prefix = this.#config.prefix.replace(/\/+$/, '');
    return [...(prefix ? [prefix] : []), ...parts].join('/');
  }
}

/** HEAD has no body to say NoSuchKey in, so it is `NotFound`; a bucket that is gone is another matter. */
function isNoSuchKey(error: unknown): boolean {
  return statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket';
}

function base64(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}

/** As many bytes as its size was; a file that shrinks or grows while it is read has no checksum to trust. */
async function readWhole(file: string, size: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(size);
    let position = 0;
    while (position < size) {
      const { bytesRead } = await handle.read(bytes, position, size - position, position);
      if (bytesRead === 0) break;
      position += bytesRead;
    }
    return bytes.subarray(0, position);
  } finally {
    await handle.close();
  }
}

function* slices(bytes: Uint8Array): Generator<Buffer> {
  for (let start = 0; start < bytes.byteLength; start += 1 << 20) {
    const end = Math.min(start + (1 << 20), bytes.byteLength);
    yield Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  }
}
