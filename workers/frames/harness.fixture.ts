/** Runs the frames stage by itself, as the runtime would, with artifacts in memory. For its tests and benchmark. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { loadConfig } from '../../shared/config.ts';
import type { FramesExtracted } from '../../shared/contracts/artifacts.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import { createMediaAccess } from '../../shared/media/media-access.ts';
import type { Outcome, Services, StageContext } from '../runtime/stage.ts';
import { frames } from './index.ts';

export interface FramesHarness {
  run(file: string, signal?: AbortSignal): Promise<Outcome<FramesExtracted>>;
  blob(ref: BlobRef): Buffer;
  artifacts: Pick<Services['artifacts'], 'putBlob' | 'putFile' | 'getBlob' | 'getRange'>;
  /** What the last run added to its log event. */
  notes: Record<string, unknown>;
  close(): Promise<void>;
}

/** @param environment `CINEDEX_…` settings; the media root is the whole machine */
export async function framesHarness(environment: Record<string, string> = {}): Promise<FramesHarness> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'cinedex-frames-'));
  const core = loadConfig(
    { CINEDEX_DATA_DIR: dataDir, CINEDEX_MEDIA_ROOTS: '/', ...environment },
    { frames: frames.config },
  );
  const logger = pino({ level: 'silent' });
  const blobs = new Map<string, Buffer>();
  const artifacts: FramesHarness['artifacts'] = {
    async putBlob(bytes, mediaType) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      blobs.set(sha256, Buffer.from(bytes));
      return { sha256, bytes: bytes.length, mediaType };
    },
    putFile: async (file, mediaType) => artifacts.putBlob(readFileSync(file), mediaType),
    getBlob: async (ref) => blobs.get(ref.sha256)!,
    getRange: async (ref, offset, length) => blobs.get(ref.sha256)!.subarray(offset, offset + length),
  };
  const media = createMediaAccess(core.media, { dataDir, logger });
  const services = { core, artifacts, media, logger } as unknown as Services;
  const handler = await frames.create(services, core.stages.frames as never);
  const harness: FramesHarness = {
    artifacts,
    notes: {},
    blob: (ref) => blobs.get(ref.sha256)!,
    async run(file, signal = new AbortController().signal) {
      blobs.clear();
      const context = {
        video: { media: { uri: file } },
        key: 'test',
        signal,
        logger,
        note: (fields: Record<string, unknown>) => Object.assign(harness.notes, fields),
      } as unknown as StageContext;
      return handler.run({}, context);
    },
    async close() {
      await handler.close?.();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return harness;
}
