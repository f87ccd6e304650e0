/** Finds videos that are nearly this one, and keeps their group in the index. */
import { isDeepStrictEqual } from 'node:util';
import type { VideoRef } from '../../shared/contracts/common.ts';
import { pointId } from '../../shared/index/schema.ts';
import type { Hit, VideoIndex } from '../../shared/ports/video-index.ts';
import { comparePictures, type TimedHash, unpackHashes } from './signature.ts';

export interface Signature {
  durationSec: number;
  hashes: readonly TimedHash[];
  bands: readonly string[];
}

/** Candidates looked at; they share a band, so nearly all videos with a like picture are among them. */
const MOST_CANDIDATES = 200;
const MIN_DURATION_RATIO = 0.5;
const MIN_SHARE = 0.7;
const MIN_PICTURES = 3;
const MAX_MEAN_BITS = 5;

/** Videos of the same tenant whose pictures are, over time, the same. */
export async function findDuplicates(
  index: VideoIndex,
  generation: string,
  video: VideoRef,
  signature: Signature,
): Promise<Hit[]> {
  if (signature.bands.length === 0) return [];
  const [candidates] = await index.query(generation, 'videos', [
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
  return (candidates ?? []).filter(({ payload }) => {
    const { durationSec, frames } = payload;
    if (typeof durationSec !== 'number' || typeof frames !== 'string') return false;
    return isNearDuplicate(signature, { durationSec, hashes: unpackHashes(frames) });
  });
}

/** Whether two videos show the same pictures in the same order for most of the shorter one. */
export function isNearDuplicate(
  a: Pick<Signature, 'durationSec' | 'hashes'>,
  b: Pick<Signature, 'durationSec' | 'hashes'>,
): boolean {
  const [shorter, longer] = [a.durationSec, b.durationSec].sort((x, y) => x - y) as [number, number];
  if (longer > 0 && shorter / longer < MIN_DURATION_RATIO) return false;
  const match = comparePictures(a.hashes, b.hashes);
  // Few pictures prove little: then both must be of one length and the pictures the same.
  const few = match.pictures < MIN_PICTURES;
  if (few && (Math.abs(longer - shorter) > 0.5 || match.share < 1 || match.meanBits > 3)) return false;
  return match.pictures > 0 && match.share >= MIN_SHARE && match.meanBits <= MAX_MEAN_BITS;
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
  const groups = [
    ...new Set(
      duplicates.flatMap(({ payload }) =>
        typeof payload.nearDuplicateGroup === 'string' ? [payload.nearDuplicateGroup] : [],
      ),
    ),
  ];
  const members = await groupMembers(index, generation, video.tenant, groups);
  const all = new Set([
    video.videoId,
    ...[...duplicates, ...members].map(({ payload }) => String(payload.video)),
  ]);
  const name = [...all, ...groups].sort()[0]!;
  await setGroup(
    index,
    generation,
    [...all].filter((id) => id !== video.videoId).map((videoId) => ({ tenant: video.tenant, videoId })),
    name,
  );
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
  if (others.length === 1)
    await setGroup(index, generation, [{ tenant: video.tenant, videoId: others[0]! }], null);
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
  videos: readonly VideoRef[],
  group: string | null,
): Promise<void> {
  const points = await index.get(
    generation,
    'videos',
    videos.map((ref) => pointId(ref, 'videos')),
  );
  const changed = points.filter(
    ({ payload }) => !isDeepStrictEqual(payload.nearDuplicateGroup ?? null, group),
  );
  if (changed.length === 0) return;
  await index.upsert(
    generation,
    'videos',
    changed.map((point) => ({ ...point, payload: { ...point.payload, nearDuplicateGroup: group } })),
  );
}
