/** One run of the document stage: gather, join, encode, write. Only I/O and short text work happen on this thread. */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type {
  AudioAnalyzed,
  DocumentIndexed,
  FacesRecognized,
  FramesExtracted,
  PicturesEmbedded,
  TextRecognized,
} from '../../shared/contracts/artifacts.ts';
import type { VideoRef } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { COLLECTIONS, pointId } from '../../shared/index/schema.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import type { CollectionName, Filter, Point } from '../../shared/ports/video-index.ts';
import { segmenter } from '../../shared/text/segmenter.ts';
import type { Outcome, Services, StageContext, StageHandler } from '../runtime/stage.ts';
import { ok, partial, skip } from '../runtime/stage.ts';
import { findDuplicates, joinGroup, leaveGroup } from './duplicates.ts';
import { openGeneration } from './generation.ts';
import { identify } from './identify.ts';
import { missingStages } from './missing.ts';
import { cutMoments, momentText } from './moments.ts';
import { peopleSeen } from './people.ts';
import { buildPoints, type DocumentParts, statisticsPayload } from './points.ts';
import { packHashes, parseHash, signatureBands, type TimedHash } from './signature.ts';
import { documentKeywords, joinTexts } from './texts.ts';
import { readVectors } from './vectors.ts';

export interface DocumentInput {
  frames: FramesExtracted | null;
  ocr: TextRecognized | null;
  faces: FacesRecognized | null;
  audio: AudioAnalyzed | null;
  embedding: PicturesEmbedded | null;
}

export interface DocumentConfig {
  keywords: number;
}

/** Raise it with any change of what points are made of. */
export const DOCUMENT_VERSION = 1;
const POINTS_AT_ONCE = 256;
const LONGEST_ENCODED = 2_000;

export async function createDocument(
  services: Services,
  config: DocumentConfig,
): Promise<StageHandler<DocumentInput, DocumentIndexed>> {
  const { index } = services;
  const turns = new Map<string, Promise<unknown>>();
  let opened: Promise<string> | undefined;
  const generation = () => {
    opened ??= openGeneration(services).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    // Two revisions of a video must not write at once. Groups of duplicates are kept per tenant, so that is the unit.
    run: (input, context) =>
      inTurn(turns, context.video.tenant, () => run(services, config, generation, input, context)),

    warmUp: async () => {
      segmenter();
      await services.encoders.text().warmUp();
      await generation();
    },

    forget: (video) =>
      inTurn(turns, video.tenant, async () => {
        for (const each of await index.generations()) await removeVideo(services, each, video);
        await services.identities.removeSeen(video.tenant, video.videoId);
      }),
  };
}

async function inTurn<T>(
  turns: Map<string, Promise<unknown>>,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  const before = turns.get(key) ?? Promise.resolve();
  const mine = before.then(work, work);
  const settled = mine.then(
    () => undefined,
    () => undefined,
  );
  turns.set(key, settled);
  try {
    return await mine;
  } finally {
    if (turns.get(key) === settled) turns.delete(key);
  }
}

async function run(
  services: Services,
  config: DocumentConfig,
  openedGeneration: () => Promise<string>,
  input: DocumentInput,
  context: StageContext,
): Promise<Outcome<DocumentIndexed>> {
  const { index, artifacts } = services;
  const { video, signal } = context;
  const { frames, ocr, faces, audio, embedding } = input;
  const generation = await openedGeneration();
  signal.throwIfAborted();
  const [existing] = await index.get(generation, 'videos', [pointId(video, 'videos')]);
  if (!frames) return withoutPictures(services, generation, video, existing);
  if (typeof existing?.payload.recordedAt === 'number' && existing.payload.recordedAt > video.updatedAt) {
    throw new CinedexError('ABORTED', `A newer revision of ${video.videoId} has been indexed meanwhile.`);
  }

  const people = peopleSeen(faces, await identify(services, video, faces, signal));
  const moments = cutMoments(frames, { ocr, audio, embedding });
  const texts = joinTexts(video.metadata, moments, people);
  const keywords = documentKeywords(texts, config.keywords);
  const missing = missingStages(video);
  const content = contentHash(video, people, missing, config);
  const output = async (group: string | null): Promise<DocumentIndexed> => ({
    generation,
    revision: video.revision,
    points: await countPoints(services, generation, video),
    fields: { ...texts },
    keywords,
    people: people.map(({ identity, name, screenSec }) => ({ identity, name, screenSec })),
    nearDuplicateGroup: group,
    missing,
  });
  const finish = async (group: string | null): Promise<Outcome<DocumentIndexed>> => {
    await removeLeftOvers(services, generation, video, content);
    const result = await output(group);
    const { points } = result;
    context.note({ generation, moments: points.moments, faces: points.faces, sounds: points.audio });
    return missing.length > 0 ? partial(result, missing) : ok(result);
  };

  if (existing && existing.payload.content === content) {
    // Only what viewers did has changed: nothing to encode, one point to write.
    const payload = { ...existing.payload, ...statisticsPayload(video) };
    if (!isDeepStrictEqual(payload, existing.payload))
      await index.upsert(generation, 'videos', [{ ...existing, payload }]);
    context.note({ statisticsOnly: true });
    return finish(typeof payload.nearDuplicateGroup === 'string' ? payload.nearDuplicateGroup : null);
  }

  const wanted = [texts.title, texts.about, texts.people, ...moments.map((moment) => momentText(moment))];
  const [text, frameVectors, faceVectors, audioVectors] = await Promise.all([
    encodeTexts(services, wanted, signal),
    readVectors(artifacts, embedding?.vectors ?? null),
    readVectors(artifacts, faces?.descriptors ?? null),
    readVectors(artifacts, audio?.embeddings ?? null),
  ]);
  const hashes = frames.keyFrames.map(
    ({ timeSec, dhash }): TimedHash => ({ timeSec, hash: parseHash(dhash) }),
  );
  const bands = signatureBands(hashes);
  const duplicates = await findDuplicates(index, generation, video, {
    durationSec: frames.media.durationSec,
    hashes,
    bands,
  });
  signal.throwIfAborted();
  const oldGroup = existing?.payload.nearDuplicateGroup;
  if (typeof oldGroup === 'string' && duplicates.length === 0)
    await leaveGroup(index, generation, video, oldGroup);
  const group = await joinGroup(index, generation, video, duplicates);

  const parts: DocumentParts = {
    ...{ video, content, frames, audio, embedding, moments, people, texts, keywords, missing },
    duplicates: { group, bands, hashes: packHashes(hashes) },
    vectors: { frames: frameVectors, faces: faceVectors, audio: audioVectors, text },
  };
  const points = buildPoints(parts);
  // The video's own point comes last: it says that the others are there. What is left over goes after that, so at no
  // time does a search find less than before.
  for (const collection of ['moments', 'faces', 'audio', 'videos'] as const) {
    await upsertAll(services, generation, collection, points[collection], signal);
  }
  return finish(group);
}

/**
 * Without pictures there is nothing to play, so a hit by its title alone would lead nowhere: such a video is not indexed.
 * Points of earlier media go, for they describe what is not there any more; those of the same media stay searchable.
 */
async function withoutPictures(
  services: Services,
  generation: string,
  video: VideoRecord,
  existing: Point | undefined,
): Promise<Outcome<never>> {
  if (existing && existing.payload.media !== video.contentHash)
    await removeVideo(services, generation, video);
  return skip('frames gave no pictures, and a video that cannot be played is not indexed');
}

function contentHash(
  video: VideoRecord,
  people: readonly { identity: string; name: string | null; cluster: number }[],
  missing: readonly string[],
  config: DocumentConfig,
): string {
  const { statistics: _, ...metadata } = video.metadata;
  const upstream = Object.entries(video.steps)
    .filter(([stage]) => stage !== 'document')
    .map(([stage, step]) => [stage, step.key, step.status])
    .sort(([a], [b]) => (a! < b! ? -1 : 1));
  const who = people.map(({ identity, name, cluster }) => [cluster, identity, name]);
  const parts = [DOCUMENT_VERSION, config, video.source, video.contentHash, metadata, upstream, who, missing];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

async function encodeTexts(
  { encoders }: Services,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Float32Array>> {
  const unique = [...new Set(texts.filter((text) => text.trim() !== ''))];
  if (unique.length === 0) return new Map();
  const vectors = await encoders.text().encode(
    unique.map((text) => text.slice(0, LONGEST_ENCODED)),
    { signal },
  );
  return new Map(unique.map((text, row) => [text, vectors[row]!]));
}

async function upsertAll(
  { index }: Services,
  generation: string,
  collection: CollectionName,
  points: readonly Point[],
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0; from < points.length; from += POINTS_AT_ONCE) {
    signal.throwIfAborted();
    await index.upsert(generation, collection, points.slice(from, from + POINTS_AT_ONCE));
  }
}

function ofVideo({ tenant, videoId }: VideoRef): Filter {
  return [
    { field: 'tenant', equals: tenant },
    { field: 'video', equals: videoId },
  ];
}

async function removeLeftOvers(
  { index }: Services,
  generation: string,
  video: VideoRef,
  content: string,
): Promise<void> {
  const filter: Filter = [...ofVideo(video), { field: 'content', notEquals: content }];
  for (const collection of COLLECTIONS) await index.delete(generation, collection, filter);
}

async function removeVideo({ index }: Services, generation: string, video: VideoRef): Promise<void> {
  const [existing] = await index.get(generation, 'videos', [pointId(video, 'videos')]);
  const group = existing?.payload.nearDuplicateGroup;
  if (typeof group === 'string') await leaveGroup(index, generation, video, group);
  for (const collection of COLLECTIONS) await index.delete(generation, collection, ofVideo(video));
}

async function countPoints(
  { index }: Services,
  generation: string,
  video: VideoRef,
): Promise<DocumentIndexed['points']> {
  const count = (collection: CollectionName) => index.count(generation, collection, ofVideo(video));
  return {
    videos: await count('videos'),
    moments: await count('moments'),
    faces: await count('faces'),
    audio: await count('audio'),
  };
}
