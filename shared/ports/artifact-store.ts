/** Keeps what stages made: blobs named by their content, and one JSON manifest a stage key. */
import type { Readable } from 'node:stream';
import type { BlobRef } from '../contracts/common.ts';

export interface ArtifactStore {
  /** Stores bytes once, however often they are put. Durable when it resolves. */
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
  close(): Promise<void>;
}
