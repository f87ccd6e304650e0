/**
 * Removes artifacts that nothing refers to any more: of deleted videos, of earlier titles, options and versions, and blobs
 * of runs that did not finish. It goes by age, so it may run beside workers: what was put lately is left alone, for its
 * manifest or record may be on the way.
 */
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import { StoredArtifact } from '../../workers/runtime/artifact.ts';
import { stateOf } from '../../workers/runtime/video-state.ts';
import { Marks } from './marks.ts';

/** Longer than any run of a stage, from its first blob to its manifest, with room for a store's rounding of dates. */
export const LEAST_AGE_MS = 6 * 3_600_000;
/** Manifests read side by side: the store may be far away. */
const SIDE_BY_SIDE = 16;
const SHA256 = /\b[0-9a-f]{64}\b/g;

export interface PruneDeps {
  artifacts: ArtifactStore;
  ledger: Ledger;
  index: VideoIndex;
}

export interface PruneRequest {
  /** What was put less long ago is kept, ms. At least {@link LEAST_AGE_MS}. */
  olderThanMs: number;
  /** Counts only. */
  dryRun: boolean;
}

export interface Pruned {
  manifests: { kept: number; removed: number };
  blobs: { kept: number; removed: number; bytesRemoved: number };
  /** Manifests that cannot be read; kept. */
  unreadable: number;
  /**
   * Whether results of earlier versions were kept because the index has several generations: the older one may still show
   * their pictures.
   */
  earlierKept: boolean;
}

interface PruneOptions {
  onProgress?: (pruned: Pruned) => void;
  signal?: AbortSignal;
  now?: () => number;
}

/** @throws CinedexError USAGE when the age is too low; STORE_UNAVAILABLE, ABORTED; it may then be run again */
export async function pruneArtifacts(
  { artifacts, ledger, index }: PruneDeps,
  { olderThanMs, dryRun }: PruneRequest,
  { onProgress, signal, now = Date.now }: PruneOptions = {},
): Promise<Pruned> {
  if (!(olderThanMs >= LEAST_AGE_MS)) {
    throw new CinedexError(
      'USAGE',
      `The age is at least ${LEAST_AGE_MS / 3_600_000} hours: a stage may be at work on what is younger.`,
    );
  }
  const putBefore = now() - olderThanMs;
  const pruned: Pruned = {
    manifests: { kept: 0, removed: 0 },
    blobs: { kept: 0, removed: 0, bytesRemoved: 0 },
    unreadable: 0,
    earlierKept: (await index.generations()).length > 1,
  };
  const marks = new Marks();

  const isWanted = async (key: string, { tenant, videoId, stage }: StoredArtifact): Promise<boolean> => {
    const record = await ledger.get({ tenant, videoId });
    // An unknown video may be one that a lost ledger is still to learn of again.
    if (!record || record.steps[stage]?.key === key) return true;
    return !record.deleted && (pruned.earlierKept || !isIndexed(record));
  };
  const judge = async (key: string, isYoung: boolean): Promise<void> => {
    const manifest = await read(artifacts, key);
    if (manifest === undefined) return;
    if (manifest === SPOILED) {
      pruned.unreadable += 1;
      return;
    }
    const artifact = StoredArtifact.safeParse(manifest);
    if (!isYoung && artifact.success && !(await isWanted(key, artifact.data))) {
      if (!dryRun) await artifacts.deleteManifest(key);
      // A title may have changed back at this moment; then its result is there again, as it was.
      if (dryRun || !(await isWanted(key, artifact.data))) {
        pruned.manifests.removed += 1;
        return;
      }
      await artifacts.putManifest(key, manifest);
    }
    pruned.manifests.kept += 1;
    for (const sha256 of JSON.stringify(manifest).match(SHA256) ?? []) marks.add(sha256);
  };

  for await (const batch of batches(artifacts.list('manifests'))) {
    stopIf(signal);
    await Promise.all(batch.map(({ name, putAt }) => judge(name, putAt >= putBefore)));
    onProgress?.(pruned);
  }
  for await (const batch of batches(artifacts.list('blobs'))) {
    stopIf(signal);
    await Promise.all(
      batch.map(async ({ name, bytes, putAt }) => {
        const isGarbage = putAt < putBefore && !marks.has(name);
        if (isGarbage && (dryRun || (await artifacts.deleteBlob(name, putBefore)))) {
          pruned.blobs.removed += 1;
          pruned.blobs.bytesRemoved += bytes;
        } else pruned.blobs.kept += 1;
      }),
    );
    onProgress?.(pruned);
  }
  return pruned;
}

/** While something of a video is not settled, the index may still show what earlier runs gave. */
function isIndexed(record: VideoRecord): boolean {
  return ['indexed', 'partial'].includes(stateOf(record));
}

const SPOILED = Symbol('spoiled');

/** Undefined when it is gone meanwhile. */
async function read(artifacts: ArtifactStore, key: string): Promise<unknown> {
  try {
    return await artifacts.getManifest(key);
  } catch (error) {
    if (error instanceof CinedexError && error.code === 'ARTIFACT_CORRUPT') return SPOILED;
    throw error;
  }
}

function stopIf(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CinedexError('ABORTED', 'Pruning was stopped; run it again to go on.');
}

async function* batches<T>(all: AsyncIterable<T>): AsyncGenerator<T[], void> {
  let batch: T[] = [];
  for await (const each of all) {
    batch.push(each);
    if (batch.length < SIDE_BY_SIDE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
