/** Keeps what stages made: blobs named by their content, and one JSON manifest a stage key. */
import type { Readable } from 'node:stream';
import type { BlobRef } from '../contracts/common.ts';

/** Something that lies in the store. */
export interface StoredObject {
  /** SHA-256 of a blob, key of a manifest. */
  name: string;
  bytes: number;
  /** When it was put last, ms since the epoch; up to {@link PUT_AGAIN_MS} earlier where it lay there already. */
  putAt: number;
}

/** So much earlier than its last put a blob may say it was put: then it need not be written again. */
export const PUT_AGAIN_MS = 3_600_000;

export interface ArtifactStore {
  /**
   * Stores bytes once, however often they are put. Durable when it resolves. What lies there already counts as put now, so
   * that a clearance by age leaves it.
   */
  putBlob(bytes: Uint8Array, mediaType: string): Promise<BlobRef>;
  /** As `putBlob`, from a local file and without holding it in memory. */
  putFile(file: string, mediaType: string): Promise<BlobRef>;
  /** @throws CinedexError ARTIFACT_MISSING or ARTIFACT_CORRUPT (the checksum is verified) */
  getBlob(ref: BlobRef): Promise<Buffer>;
  /** Part of a blob, without verifying the whole. */
  getRange(ref: BlobRef, offset: number, length: number): Promise<Buffer>;
  openBlob(ref: BlobRef): Promise<Readable>;
  /** Writes a stage's manifest; a second write under the key replaces it whole. */
  putManifest(key: string, manifest: unknown): Promise<void>;
  /** Undefined when there is none. @throws CinedexError ARTIFACT_CORRUPT when it cannot be parsed */
  getManifest(key: string): Promise<unknown>;
  deleteManifest(key: string): Promise<void>;
  /**
   * Removes a blob, whoever may refer to it, unless it was put at or after a time (ms since the epoch).
   * @returns whether it is gone now that was there
   */
  deleteBlob(sha256: string, putBefore: number): Promise<boolean>;
  /** All that is stored, in no order; what is put or removed meanwhile may be among it or not. */
  list(what: 'blobs' | 'manifests'): AsyncIterable<StoredObject>;
  close(): Promise<void>;
}
