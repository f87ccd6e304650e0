/** From hits to videos: their own points, filtered, each with what found it. */
import type {
  CollectionName,
  Condition,
  Filter,
  Hit,
  Payload,
  VideoIndex,
} from '../../shared/ports/video-index.ts';
import { entityKey } from '../intent/entities.ts';
import { stringOf } from '../payload.ts';
import { cuesOf } from '../relevance/evidence.ts';
import type { Candidate } from '../relevance/features.ts';
import { isOfWords } from './channels.ts';
import { needsMoments, passes, type SearchFilter } from './filters.ts';
import { ceiling, type Fusion, fuse, total } from './fusion.ts';
import type { Recalled } from './recall.ts';

export interface Scope {
  index: VideoIndex;
  generation: string;
  tenant: string;
}

/** More are not graded; they lie deep in every channel. */
const MOST_VIDEOS = 200;
/** Up to so many videos a filter on them is passed on to what knows a video only by its id. */
const MOST_PASSED_ON = 1_000;
const MOST_MOMENTS = 5_000;
/** What of a video's payload is graded, ranked and shown. Its picture hashes and bands, which are most of it, stay in the store. */
const CANDIDATE_FIELDS = [
  ...['video', 'title', 'description', 'language', 'source', 'uploader', 'channel', 'channelName'],
  ...['series', 'season', 'episode', 'tags', 'cast', 'people', 'names', 'labels', 'sounds', 'explicit'],
  ...['publishedAt', 'durationSec', 'width', 'height', 'poster', 'nearDuplicateGroup', 'complete'],
  ...['views', 'impressions', 'clicks', 'watchSeconds', 'meanPosition', 'queries'],
];

/**
 * Conditions on videos as a condition on their moments, faces and sounds, so that these are not found in vain. Where too many
 * videos meet them, nothing is passed on: then enough of what is found will meet them too.
 */
export async function momentsFilter(
  { index, generation, tenant }: Scope,
  conditions: readonly Condition[],
): Promise<Filter> {
  if (conditions.length === 0) return [];
  const filter: Filter = [{ field: 'tenant', equals: tenant }, ...conditions];
  const [hits = []] = await index.query(generation, 'videos', [
    { kind: 'scan', limit: MOST_PASSED_ON + 1, filter, fields: ['video'] },
  ]);
  if (hits.length > MOST_PASSED_ON) return [];
  // No video may pass: a condition that nothing meets.
  const ids = hits.map(({ payload }) => stringOf(payload.video));
  return [{ field: 'video', anyOf: ids.length > 0 ? ids : ['\u0000'] }];
}

export interface CandidateOptions {
  filter: SearchFilter;
  conditions: readonly Condition[];
  fusion: Fusion;
  like?: { video: string };
}

/** @returns the videos, and the channels without hits of others (just deleted or filtered out, say) */
export async function loadCandidates(
  { index, generation, tenant }: Scope,
  recalled: readonly Recalled[],
  { filter, conditions, fusion, like }: CandidateOptions,
): Promise<{ videos: Candidate[]; channels: Recalled[] }> {
  const ids = [...fuse(recalled.map(byVideo), fusion).entries()]
    .sort(([, a], [, b]) => total(b) - total(a))
    .slice(0, MOST_VIDEOS)
    .map(([id]) => id)
    .filter((id) => id !== like?.video);
  if (ids.length === 0) return { videos: [], channels: [] };
  const scan = async (
    collection: CollectionName,
    limit: number,
    more: readonly Condition[],
    fields?: readonly string[],
  ): Promise<Hit[]> => {
    const [hits = []] = await index.query(generation, collection, [
      {
        ...{ kind: 'scan', limit, fields },
        filter: [{ field: 'tenant', equals: tenant }, { field: 'video', anyOf: ids }, ...more],
      },
    ]);
    return hits;
  };
  const [videos, moments] = await Promise.all([
    scan('videos', ids.length, conditions, CANDIDATE_FIELDS),
    needsMoments(filter) ? scan('moments', MOST_MOMENTS, [], ['video', 'cues']) : [],
  ]);
  const withText = new Set(
    moments
      .filter(({ payload }) => cuesOf(payload).some(({ kind }) => kind === 'shown'))
      .map(({ payload }) => stringOf(payload.video)),
  );
  const kept = new Map<string, Payload>();
  for (const { payload } of videos) {
    const video = stringOf(payload.video);
    if (!passes(payload, filter, entityKey)) continue;
    if (filter.hasText === undefined || withText.has(video) === filter.hasText) kept.set(video, payload);
  }
  const channels = recalled.map((channel) => ({
    ...channel,
    hits: channel.hits.filter(({ payload }) => kept.has(stringOf(payload.video))),
  }));
  const keyed = channels.map(byVideo);
  const most = ceiling(
    keyed.filter(({ hits }) => hits.length > 0),
    fusion,
  );
  const payloads = momentsByVideo(channels);
  const best = new Map(keyed.map(({ name, hits }) => [name, Math.max(0, ...hits.map(({ score }) => score))]));
  const candidates = [...fuse(keyed, fusion)].map(([video, why]): Candidate => {
    const payload = kept.get(video)!;
    const own = [...(payloads.get(video) ?? [])];
    return {
      ...{ video, payload, why, moments: own },
      fused: most === 0 ? 0 : total(why) / most,
      lexical: why.reduce((greatest, { channel, score }) => {
        const most = isOfWords(channel) ? (best.get(channel) ?? 0) : 0;
        return most > 0 ? Math.max(greatest, score / most) : greatest;
      }, 0),
    };
  });
  return { videos: candidates, channels };
}

function byVideo({ name, weight, hits }: Recalled) {
  return { name, weight, hits: hits.map(({ score, payload }) => ({ key: stringOf(payload.video), score })) };
}

function momentsByVideo(channels: readonly Recalled[]): Map<string, Payload[]> {
  const seen = new Set<string>();
  const found = new Map<string, Payload[]>();
  for (const { collection, hits } of channels) {
    if (collection !== 'moments') continue;
    for (const { id, payload } of hits) {
      if (seen.has(id)) continue;
      seen.add(id);
      const video = stringOf(payload.video);
      const known = found.get(video);
      if (known) known.push(payload);
      else found.set(video, [payload]);
    }
  }
  return found;
}
