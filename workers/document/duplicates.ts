/** Finds videos that are nearly this one, and keeps their group in the index. */
import { isDeepStrictEqual } from 'node:util';
import type { AudioAnalyzed, FramesExtracted } from '../../shared/contracts/artifacts.ts';
import { BlobRef, type VideoRef } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { pointId } from '../../shared/index/schema.ts';
import { SMALL_GREY } from '../../shared/media/samples.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { Hit, VideoIndex } from '../../shared/ports/video-index.ts';
import type { ThreadClient } from '../../shared/threads/client.ts';
import type { DocumentThread } from './document.thread.ts';
import { packHashes, signatureBands, type TimedHash } from './signature.ts';

export interface Signature {
  durationSec: number;
  /** Packed; see signature.ts. */
  hashes: string;
  bands: readonly string[];
  sound: Uint32Array | null;
}

interface Tools {
  artifacts: ArtifactStore;
  thread: ThreadClient<DocumentThread>;
  signal: AbortSignal;
}

const MOST_PICTURES = 240;
/** Candidates looked at; they share a band, so nearly all videos with a like picture are among them. */
const MOST_CANDIDATES = 200;

/** Hashes pictures of the strip at an even rate (two a second, fewer in long videos) and reads the fingerprint. */
export async function signVideo(
  frames: FramesExtracted,
  audio: AudioAnalyzed | null,
  { artifacts, thread, signal }: Tools,
): Promise<Signature> {
  const { items, blob } = frames.samples;
  const step = Math.max(1, items.length / MOST_PICTURES);
  const chosen = Array.from(
    { length: Math.ceil(items.length / step) },
    (_, i) => items[Math.floor(i * step)]!,
  );
  const stored = [...new Map(chosen.map((item) => [item.offset, item])).values()];
  const greys: Uint8Array[] = [];
  for (const { offset, length } of stored) {
    signal.throwIfAborted();
    greys.push(new Uint8Array(await artifacts.getRange(blob, offset + length, SMALL_GREY.bytes)));
  }
  const hashed = greys.length === 0 ? [] : await thread.call('hash', [greys], { signal });
  const byOffset = new Map(stored.map(({ offset }, i) => [offset, hashed[i]!]));
  const hashes = chosen.map(({ timeSec, offset }): TimedHash => ({ timeSec, ...byOffset.get(offset)! }));
  const sound = audio?.fingerprint ? await readWords(artifacts, audio.fingerprint.blob) : null;
  return {
    durationSec: frames.media.durationSec,
    hashes: packHashes(hashes),
    bands: signatureBands(hashes, sound),
    sound,
  };
}

async function readWords(artifacts: ArtifactStore, blob: BlobRef): Promise<Uint32Array | null> {
  const bytes = new Uint8Array(await artifacts.getBlob(blob));
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(bytes.byteLength / 4));
  return words.some((word) => word !== 0) ? words : null;
}

/** Videos of the same tenant that show (or, where there is nothing to see, sound) the same over time. */
export async function findDuplicates(
  index: VideoIndex,
  generation: string,
  video: VideoRef,
  signature: Signature,
  tools: Tools,
): Promise<Hit[]> {
  if (signature.bands.length === 0) return [];
  const [found] = await index.query(generation, 'videos', [
    {
      kind: 'scan',
      limit: MOST_CANDIDATES,
      filter: [
        { field: 'tenant', equals: video.tenant },
        { field: 'video', notEquals: video.videoId },
        { field: 'signature', anyOf: [...signature.bands] },
      ],
    },
  ]);
  const candidates = (found ?? []).flatMap((hit) => {
    const { durationSec, frames } = hit.payload;
    const whole = typeof durationSec === 'number' && typeof frames === 'string';
    return whole ? [{ hit, pictures: { durationSec, hashes: frames } }] : [];
  });
  if (candidates.length === 0) return [];
  const { thread, signal } = tools;
  const own = { durationSec: signature.durationSec, hashes: signature.hashes };
  const others = candidates.map(({ pictures }) => pictures);
  const verdicts = await thread.call('judge', [own, others], { signal });
  const same: Hit[] = [];
  for (const [i, { hit, pictures }] of candidates.entries()) {
    if (verdicts[i] === 'different') continue;
    if (verdicts[i] === 'ask-the-sound') {
      const sounds: [Uint32Array | null, Uint32Array | null] = [signature.sound, await soundOf(hit, tools)];
      if (!(await thread.call('judgeSound', [own, pictures, sounds], { signal }))) continue;
    }
    same.push(hit);
  }
  return same;
}

async function soundOf({ payload }: Hit, { artifacts }: Tools): Promise<Uint32Array | null> {
  const blob = BlobRef.safeParse(payload.fingerprint);
  if (!blob.success) return null;
  try {
    return await readWords(artifacts, blob.data);
  } catch (error) {
    // The other video may be on its way out; then it is no duplicate that anybody could find.
    if (error instanceof CinedexError && error.code === 'ARTIFACT_MISSING') return null;
    throw error;
  }
}

/**
 * Name of the group: the smallest video id among its members, so that it does not depend on the order of indexing.
 * Null for a video that stands alone. Members that bear another name, or none, are given this one.
 */
export async function joinGroup(
  index: VideoIndex,
  generation: string,
  video: VideoRef,
  duplicates: readonly Hit[],
): Promise<string | null> {
  if (duplicates.length === 0) return null;
  const groups = new Set(
    duplicates.flatMap(({ payload: { nearDuplicateGroup: group } }) =>
      typeof group === 'string' ? [group] : [],
    ),
  );
  const members = await groupMembers(index, generation, video.tenant, [...groups]);
  const ids = new Set([...duplicates, ...members].map(({ payload }) => String(payload.video)));
  ids.add(video.videoId);
  const name = [...ids, ...groups].sort()[0]!;
  ids.delete(video.videoId);
  await setGroup(index, generation, video.tenant, [...ids], name);
  return name;
}

/** Takes a video out of its group; a group of one is none. */
export async function leaveGroup(
  index: VideoIndex,
  generation: string,
  video: VideoRef,
  group: string,
): Promise<void> {
  const members = await groupMembers(index, generation, video.tenant, [group]);
  const others = members.map(({ payload }) => String(payload.video)).filter((id) => id !== video.videoId);
  if (others.length === 1) await setGroup(index, generation, video.tenant, others, null);
}

async function groupMembers(
  index: VideoIndex,
  generation: string,
  tenant: string,
  groups: string[],
): Promise<Hit[]> {
  if (groups.length === 0) return [];
  const [members] = await index.query(generation, 'videos', [
    {
      kind: 'scan',
      limit: 10_000,
      filter: [
        { field: 'tenant', equals: tenant },
        { field: 'nearDuplicateGroup', anyOf: groups },
      ],
    },
  ]);
  return members ?? [];
}

async function setGroup(
  index: VideoIndex,
  generation: string,
  tenant: string,
  videoIds: readonly string[],
  group: string | null,
): Promise<void> {
  const ids = videoIds.map((videoId) => pointId({ tenant, videoId }, 'videos'));
  const points = await index.get(generation, 'videos', ids);
  const changed = points
    .filter(({ payload }) => !isDeepStrictEqual(payload.nearDuplicateGroup ?? null, group))
    .map((point) => ({ ...point, payload: { ...point.payload, nearDuplicateGroup: group } }));
  if (changed.length > 0) await index.upsert(generation, 'videos', changed);
}
