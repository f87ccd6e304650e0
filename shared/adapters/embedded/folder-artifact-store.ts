/** Artifacts in a folder: blobs named by their SHA-256, manifests by stage key, every write atomic and durable. */
import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { BlobRef } from '../../contracts/common.ts';
import { CinedexError } from '../../contracts/errors.ts';
import { type ArtifactStore, PUT_AGAIN_MS, type StoredObject } from '../../ports/artifact-store.ts';
import { writeDurably } from './durable-file.ts';

export class FolderArtifactStore implements ArtifactStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async putBlob(bytes: Uint8Array, mediaType: string): Promise<BlobRef> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const file = this.#blob(sha256);
    const ref = { sha256, bytes: bytes.byteLength, mediaType };
    // Half a file, or one that the disk spoiled, is written anew: its maker is at it again because somebody noticed.
    if (!(await this.#intact(file, sha256))) await writeDurably(file, bytes);
    return ref;
  }

  async putFile(file: string, mediaType: string): Promise<BlobRef> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    const sha256 = hash.digest('hex');
    const blob = this.#blob(sha256);
    if (!(await this.#intact(blob, sha256))) await writeDurably(blob, createReadStream(file));
    return { sha256, bytes, mediaType };
  }

  async getBlob(ref: BlobRef): Promise<Buffer> {
    const bytes = await this.#read(this.#blob(ref.sha256), ref.sha256);
    if (createHash('sha256').update(bytes).digest('hex') !== ref.sha256) {
      throw new CinedexError('ARTIFACT_CORRUPT', `Blob ${ref.sha256} does not match its checksum.`);
    }
    return bytes;
  }

  async getRange(ref: BlobRef, offset: number, length: number): Promise<Buffer> {
    const handle = await open(this.#blob(ref.sha256)).catch((error) => missing(error, ref.sha256));
    try {
      if (length === 0) return Buffer.alloc(0);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
      if (bytesRead !== length)
        throw new CinedexError('ARTIFACT_CORRUPT', `Blob ${ref.sha256} is too short.`);
      return buffer;
    } finally {
      await handle.close();
    }
  }

  async openBlob(ref: BlobRef): Promise<Readable> {
    const file = this.#blob(ref.sha256);
    if (!(await factsOf(file))) throw new CinedexError('ARTIFACT_MISSING', `Blob ${ref.sha256} is gone.`);
    return createReadStream(file);
  }

  async putManifest(key: string, manifest: unknown): Promise<void> {
    await writeDurably(this.#manifest(key), Buffer.from(JSON.stringify(manifest)));
  }

  async getManifest(key: string): Promise<unknown> {
    let text: string;
    try {
      text = await readFile(this.#manifest(key), 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new CinedexError('ARTIFACT_CORRUPT', `Manifest ${key} cannot be parsed.`, { cause });
    }
  }

  async deleteManifest(key: string): Promise<void> {
    await rm(this.#manifest(key), { force: true });
  }

  async deleteBlob(sha256: string, putBefore: number): Promise<boolean> {
    const file = this.#blob(sha256);
    const facts = await factsOf(file);
    if (!facts || facts.mtimeMs >= putBefore) return false;
    await rm(file, { force: true });
    return true;
  }

  async *list(what: 'blobs' | 'manifests'): AsyncGenerator<StoredObject, void> {
    const ending = what === 'blobs' ? '' : '.json';
    const top = path.join(this.#root, what);
    for (const folder of await namesIn(top)) {
      for (const file of await namesIn(path.join(top, folder))) {
        // Half-written files begin with a dot.
        if (file.startsWith('.') || !file.endsWith(ending)) continue;
        const facts = await factsOf(path.join(top, folder, file));
        if (!facts) continue;
        yield { name: file.slice(0, file.length - ending.length), bytes: facts.size, putAt: facts.mtimeMs };
      }
    }
  }

  async close(): Promise<void> {
    // Nothing is held open between calls.
  }

  async #read(file: string, name: string): Promise<Buffer> {
    return readFile(file).catch((error) => missing(error, name));
  }

  /** Whether the blob lies there unspoiled; it then counts as put now. */
  async #intact(file: string, sha256: string): Promise<boolean> {
    try {
      const { mtimeMs } = await stat(file);
      const found = createHash('sha256').update(await readFile(file));
      if (found.digest('hex') !== sha256) return false;
      const now = Date.now();
      if (now - mtimeMs > PUT_AGAIN_MS) await utimes(file, new Date(now), new Date(now));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  #blob(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new CinedexError('NOT_FOUND', `"${sha256}" is no blob.`);
    return path.join(this.#root, 'blobs', sha256.slice(0, 2), sha256);
  }

  #manifest(key: string): string {
    if (!/^[\w-]+$/.test(key)) throw new CinedexError('NOT_FOUND', `"${key}" is no stage key.`);
    return path.join(this.#root, 'manifests', key.slice(0, 2), `${key}.json`);
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function missing(error: unknown, name: string): never {
  if (isMissing(error)) throw new CinedexError('ARTIFACT_MISSING', `Blob ${name} is gone.`, { cause: error });
  throw error;
}

async function factsOf(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
