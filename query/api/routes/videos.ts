/** `/v1/videos/:id`: everything that is known of a video. */
import type { VideoRef } from '../../../shared/contracts/common.ts';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { pointId } from '../../../shared/index/schema.ts';
import type { VideoRecord } from '../../../shared/ports/ledger.ts';
import type { CollectionName, Condition, Hit, Payload } from '../../../shared/ports/video-index.ts';
import { blobOf, labelsOf, listOf, numberOf, stringOf, stringsOf } from '../../payload.ts';
import { cuesOf } from '../../relevance/evidence.ts';
import { callerOf } from '../access.ts';
import { VideoPage } from '../answers.ts';
import { imageUrl, mediaUrl } from '../present.ts';
import { type Api, type ApiServices, type Routes, refusals, VideoPath } from '../routes.ts';

/** More parts of a video than that are not told; a feature film has about two thousand shots. */
const MOST_PARTS = 10_000;
const MOST_SIMILAR = 20;

export function videoRoutes(server: Api, { services }: Routes): void {
  server.get(
    '/v1/videos/:id',
    {
      config: { scope: 'search' },
      schema: {
        summary: 'Everything that is known of a video',
        tags: ['videos'],
        params: VideoPath,
        response: { 200: VideoPage, ...refusals },
      },
    },
    async (request) => readVideo(services, { tenant: callerOf(request).tenant, videoId: request.params.id }),
  );
}

/** @throws CinedexError NOT_FOUND */
async function readVideo(services: ApiServices, ref: VideoRef): Promise<VideoPage> {
  const { index, ledger, identities } = services;
  const [generation, found] = await Promise.all([index.active(), ledger?.get(ref)]);
  const record = found && !found.deleted ? found : undefined;
  const [point] = generation === null ? [] : await index.get(generation, 'videos', [pointId(ref, 'videos')]);
  const stages = ledger && stagesOf(record);
  if (generation === null || !point) {
    if (!record) throw new CinedexError('NOT_FOUND', `There is no video ${ref.videoId}.`);
    return { ...written(ref, record), stages };
  }
  const { payload } = point;
  const group = stringOf(payload.nearDuplicateGroup);
  const parts = (collection: CollectionName) =>
    scan(services, generation, collection, ref.tenant, MOST_PARTS, { field: 'video', equals: ref.videoId });
  const [moments, faces, sounds, alike, gallery] = await Promise.all([
    parts('moments'),
    parts('faces'),
    parts('audio'),
    group
      ? scan(services, generation, 'videos', ref.tenant, MOST_SIMILAR + 1, {
          field: 'nearDuplicateGroup',
          equals: group,
        })
      : [],
    identities.list(ref.tenant),
  ]);
  const names = new Map(gallery.map(({ id, name }) => [id, name]));
  return {
    ...indexed(ref, payload, record),
    stages,
    shots: inTime(moments).map(({ id, payload: shot }) => shotOf(id, shot)),
    people: peopleOf(faces, names),
    soundSegments: inTime(sounds).map(({ payload: { startSec, endSec, kind } }) => ({
      ...{ startSec: numberOf(startSec) ?? 0, endSec: numberOf(endSec) ?? 0, kind: stringOf(kind) },
    })),
    similar: alike
      .filter((hit) => hit.payload.video !== ref.videoId)
      .slice(0, MOST_SIMILAR)
      .map((hit) => {
        const video = stringOf(hit.payload.video);
        return {
          ...{ video, title: stringOf(hit.payload.title) },
          poster: imageUrl(blobOf(hit.payload.poster), { video }),
        };
      }),
  };
}

async function scan(
  { index }: Pick<ApiServices, 'index'>,
  generation: string,
  collection: CollectionName,
  tenant: string,
  limit: number,
  condition: Condition,
): Promise<Hit[]> {
  const filter = [{ field: 'tenant', equals: tenant }, condition];
  const [hits = []] = await index.query(generation, collection, [{ kind: 'scan', limit, filter }]);
  return hits;
}

function inTime(hits: readonly Hit[]): Hit[] {
  const start = ({ payload }: Hit) => numberOf(payload.startSec) ?? 0;
  return [...hits].sort((a, b) => start(a) - start(b));
}

/** What the ledger tells of a video that is not in the index (yet). */
function written({ videoId }: VideoRef, { metadata, source }: VideoRecord): Omit<VideoPage, 'stages'> {
  const { uploader, channel } = metadata;
  return {
    video: videoId,
    title: metadata.title,
    description: metadata.description ?? null,
    source,
    language: metadata.language ?? null,
    tags: metadata.tags ?? [],
    uploader: uploader ? { id: uploader.id, name: uploader.name ?? null } : null,
    channel: channel ? { id: channel.id, name: channel.name ?? null } : null,
    series: metadata.series ?? null,
    season: metadata.season ?? null,
    episode: metadata.episode ?? null,
    publishedAt: metadata.publishedAt ?? null,
    ...{ durationSec: null, width: null, height: null, poster: null, media: mediaUrl(videoId) },
    statistics: { ...metadata.statistics },
    ...{ labels: [], sounds: [], keywords: [], complete: false, missing: ['document'] },
    ...{ shots: [], people: [], soundSegments: [], similar: [] },
  };
}

function indexed(
  { videoId }: VideoRef,
  payload: Payload,
  record: VideoRecord | undefined,
): Omit<VideoPage, 'stages' | 'shots' | 'people' | 'soundSegments' | 'similar'> {
  const text = (field: string) => stringOf(payload[field]) || null;
  const named = (field: string, name: string | null | undefined) => {
    const id = text(field);
    return id === null ? null : { id, name: name ?? null };
  };
  const published = numberOf(payload.publishedAt);
  const viewed = ['views', 'impressions', 'clicks', 'watchSeconds'].map((field) => [
    field,
    numberOf(payload[field]) ?? 0,
  ]);
  return {
    video: videoId,
    title: stringOf(payload.title),
    description: text('description'),
    source: payload.source === 'ogc' ? 'ogc' : 'ugc',
    language: text('language'),
    // The index keeps them folded; the ledger as they were written.
    tags: record?.metadata.tags ?? stringsOf(payload.tags),
    uploader: named('uploader', record?.metadata.uploader?.name),
    channel: named('channel', text('channelName')),
    series: text('series'),
    season: numberOf(payload.season),
    episode: numberOf(payload.episode),
    publishedAt: published === null ? null : new Date(published).toISOString(),
    durationSec: numberOf(payload.durationSec),
    width: numberOf(payload.width),
    height: numberOf(payload.height),
    poster: imageUrl(blobOf(payload.poster), { video: videoId }),
    media: mediaUrl(videoId),
    statistics: { ...numbersOf(payload.statistics), ...Object.fromEntries(viewed) },
    labels: stringsOf(payload.labels),
    sounds: stringsOf(payload.sounds),
    keywords: stringsOf(payload.keywords),
    complete: payload.complete === true,
    missing: stringsOf(payload.missing),
  };
}

function numbersOf(value: Payload[string] | undefined): Record<string, number> {
  const [fields = {}] = listOf(value === undefined ? [] : [value]);
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

function stagesOf(record: VideoRecord | undefined): NonNullable<VideoPage['stages']> {
  return Object.entries(record?.steps ?? {}).map(([stage, { status, attempts, error }]) => ({
    ...{ stage, state: status, attempts },
    ...(error && { error: { code: error.code, message: error.message, hint: error.hint } }),
  }));
}

function shotOf(id: string, payload: Payload): VideoPage['shots'][number] {
  const { startSec, endSec, thumbnail, people } = payload;
  return {
    ...{ id, startSec: numberOf(startSec) ?? 0, endSec: numberOf(endSec) ?? 0 },
    thumbnail: imageUrl(blobOf(thumbnail), { moment: id }),
    labels: labelsOf(payload),
    people: stringsOf(people),
    cues: cuesOf(payload),
  };
}

/** A person whom several clusters show is one. */
function peopleOf(faces: readonly Hit[], names: ReadonlyMap<string, string | null>): VideoPage['people'] {
  const people = new Map<string, VideoPage['people'][number]>();
  for (const { id, payload } of faces) {
    const identity = stringOf(payload.identity);
    const spans = (Array.isArray(payload.spans) ? payload.spans : []).filter(
      (span): span is [number, number] =>
        Array.isArray(span) && span.length === 2 && span.every((second) => typeof second === 'number'),
    );
    const known = people.get(identity);
    if (known) known.spans.push(...spans);
    else {
      const name = names.get(identity) ?? (stringOf(payload.name) || null);
      people.set(identity, {
        ...{ identity, name, spans },
        thumbnail: imageUrl(blobOf(payload.thumbnail), { face: id }),
      });
    }
  }
  for (const { spans } of people.values()) spans.sort(([a], [b]) => a - b);
  return [...people.values()];
}
