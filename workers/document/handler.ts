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
import { forgetVideo } from '../../shared/faces/assignment.ts';
import { COLLECTIONS, pointId } from '../../shared/index/schema.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import type { Filter, Point } from '../../shared/ports/video-index.ts';
import { ThreadClient } from '../../shared/threads/client.ts';
import {
  type Outcome,
  ok,
  partial,
  type Services,
  type StageContext,
  type StageHandler,
  skip,
} from '../runtime/stage.ts';
import type { DocumentThread } from './document.thread.ts';
import { findDuplicates, joinGroup, leaveGroup, type Signature, signVideo } from './duplicates.ts';
import { type OpenGeneration, openGeneration } from './generation.ts';
import { identify } from './identify.ts';
import { missingStages } from './missing.ts';
import { cutMoments, momentWords } from './moments.ts';
import { peopleSeen } from './people.ts';
import { buildPoints, type DocumentParts, statisticsPayload, textsToAnalyse } from './points.ts';
import { joinTexts } from './texts.ts';
import { Turns } from './turns.ts';
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
export const DOCUMENT_VERSION = 3;
const POINTS_AT_ONCE = 256;
const LONGEST_ENCODED = 2_000;

export async function createDocument(
  services: Services,
  config: DocumentConfig,
): Promise<StageHandler<DocumentInput, DocumentIndexed>> {
  const thread = new ThreadClient<DocumentThread>(new URL('./document.thread.ts', import.meta.url));
  const stage = new DocumentStage(services, config, thread);
  return {
    run: (input, context) => stage.run(input, context),
    warmUp: async () => {
      await thread.call('ready', []);
      await services.encoders.text().warmUp();
      await stage.generation();
    },
    forget: (video) => stage.forget(video),
    upkeep: async ({ ledger }) => (await stage.generation()).considerActivation(ledger),
    close: () => thread.close(),
  };
}

/** What a run has gathered before it comes to write. */
interface Gathered
  extends Pick<DocumentParts, 'content' | 'moments' | 'people' | 'texts' | 'keywords' | 'missing'> {
  generation: string;
}

class DocumentStage {
  readonly #services: Services;
  readonly #config: DocumentConfig;
  readonly #thread: ThreadClient<DocumentThread>;
  readonly #turns = new Turns();
  #generation: Promise<OpenGeneration> | undefined;

  constructor(services: Services, config: DocumentConfig, thread: ThreadClient<DocumentThread>) {
    this.#services = services;
    this.#config = config;
    this.#thread = thread;
  }

  generation(): Promise<OpenGeneration> {
    this.#generation ??= openGeneration(this.#services).catch((error: unknown) => {
      this.#generation = undefined;
      throw error;
    });
    return this.#generation;
  }

  async forget(video: VideoRecord): Promise<void> {
    const { index, identities } = this.#services;
    await this.#turns.take(video.tenant, async () => {
      for (const generation of await index.generations()) await this.#removeVideo(generation, video);
      await forgetVideo(video.tenant, video.videoId, identities);
    });
  }

  async run(input: DocumentInput, context: StageContext): Promise<Outcome<DocumentIndexed>> {
    const { video, signal } = context;
    const { frames, faces, ocr, audio, embedding } = input;
    const { artifacts, identities } = this.#services;
    const { name: generation } = await this.generation();
    if (!frames) return this.#turns.take(video.tenant, () => this.#withoutPictures(generation, video));
    const faceVectors = await readVectors(artifacts, faces?.descriptors ?? null);
    const people = peopleSeen(faces, await identify(identities, video, faces, faceVectors));
    const cut = cutMoments(frames, { ocr, audio, embedding });
    const moments = cut.map((moment) => ({ moment, words: momentWords(moment) }));
    const texts = joinTexts(video.metadata, cut, people);
    const keywords = await this.#thread.call('keywords', [texts, this.#config.keywords], { signal });
    const missing = missingStages(video);
    const content = contentHash(video, people, missing, this.#config);
    const gathered: Gathered = { generation, people, moments, texts, keywords, missing, content };

    const written = (await this.#existing(generation, video))?.payload.content === content;
    const parts = written ? null : await this.#encode({ ...input, frames }, gathered, faceVectors, context);
    // Groups of near-duplicates are shared by a tenant's videos, so what reads and then writes them takes turns.
    const { group, points } = await this.#turns.take(video.tenant, () =>
      this.#write(gathered, parts, context),
    );
    const output: DocumentIndexed = {
      generation,
      revision: video.revision,
      points,
      fields: { ...texts },
      keywords,
      people: people.map(({ identity, name, screenSec }) => ({ identity, name, screenSec })),
      nearDuplicateGroup: group,
      missing,
    };
    context.note({
      ...{ generation, moments: points.moments, faces: points.faces, sounds: points.audio },
      statisticsOnly: parts === null,
    });
    return missing.length > 0 ? partial(output, missing) : ok(output);
  }

  /** Everything that takes long, before any lock: vectors, texts through the encoder, the signature. */
  async #encode(
    input: DocumentInput & { frames: FramesExtracted },
    gathered: Gathered,
    faceVectors: readonly Float32Array[],
    { video, signal }: StageContext,
  ): Promise<{ parts: Omit<DocumentParts, 'duplicates'>; signature: Signature }> {
    const { artifacts } = this.#services;
    const { frames, audio, embedding } = input;
    const { texts, moments } = gathered;
    const wanted = [texts.title, texts.about, texts.people, ...moments.map(({ words }) => words.all)];
    const [text, tokens, frameVectors, audioVectors, signature] = await Promise.all([
      this.#encodeTexts(wanted, signal),
      this.#analyse(textsToAnalyse(gathered), signal),
      readVectors(artifacts, embedding?.vectors ?? null),
      readVectors(artifacts, audio?.embeddings ?? null),
      signVideo(frames, audio, { artifacts, thread: this.#thread, signal }),
    ]);
    const vectors = { frames: frameVectors, faces: faceVectors, audio: audioVectors, text };
    return { parts: { ...gathered, video, frames, audio, embedding, vectors, tokens }, signature };
  }

  /**
   * Writes the points, the video's own last: it says that the others are there. What is left over of earlier revisions
   * goes after that, so at no time does a search find less than before.
   * @param made null when only what viewers did has changed: then one point is written
   * @returns the group of near-duplicates, and how many points there are
   */
  async #write(
    { generation, content }: Gathered,
    made: { parts: Omit<DocumentParts, 'duplicates'>; signature: Signature } | null,
    { video, signal }: StageContext,
  ): Promise<{ group: string | null; points: DocumentIndexed['points'] }> {
    const { index, artifacts } = this.#services;
    const existing = await this.#existing(generation, video);
    const recordedAt = existing?.payload.recordedAt;
    if (typeof recordedAt === 'number' && recordedAt > video.updatedAt) {
      throw new CinedexError('ABORTED', `A newer revision of ${video.videoId} has been indexed meanwhile.`);
    }
    const oldGroup = existing?.payload.nearDuplicateGroup;
    let group = typeof oldGroup === 'string' ? oldGroup : null;
    let points: ReturnType<typeof buildPoints> | undefined;
    if (made) {
      const tools = { artifacts, thread: this.#thread, signal };
      const duplicates = await findDuplicates(index, generation, video, made.signature, tools);
      if (group !== null && duplicates.every(({ payload }) => payload.nearDuplicateGroup !== group)) {
        await leaveGroup(index, generation, video, group);
      }
      group = await joinGroup(index, generation, video, duplicates);
      const { bands, hashes } = made.signature;
      points = buildPoints({ ...made.parts, duplicates: { group, bands, hashes } });
      for (const collection of ['moments', 'faces', 'audio', 'videos'] as const) {
        for (let from = 0; from < points[collection].length; from += POINTS_AT_ONCE) {
          signal.throwIfAborted();
          await index.upsert(generation, collection, points[collection].slice(from, from + POINTS_AT_ONCE));
        }
      }
    } else {
      if (existing?.payload.content !== content) {
        throw new CinedexError(
          'ABORTED',
          `The points of ${video.videoId} changed meanwhile; they are made anew.`,
        );
      }
      const payload = { ...existing.payload, ...statisticsPayload(video) };
      if (!isDeepStrictEqual(payload, existing.payload)) {
        await index.upsert(generation, 'videos', [{ ...existing, payload }]);
      }
    }
    const present = await this.#countPoints(generation, video);
    // Where there are no more than were written nothing is left over: a count costs half of a deletion that deletes nothing.
    const suspect = COLLECTIONS.filter((collection) => present[collection] !== points?.[collection].length);
    if (suspect.length === 0) return { group, points: present };
    const leftOver: Filter = [...ofVideo(video), { field: 'content', notEquals: content }];
    for (const collection of suspect) await index.delete(generation, collection, leftOver);
    return { group, points: await this.#countPoints(generation, video) };
  }

  /**
   * Without pictures there is nothing to play, so a hit by its title alone would lead nowhere: such a video is not indexed.
   * Points of earlier media go, for they describe what is not there any more; those of the same media stay searchable.
   */
  async #withoutPictures(generation: string, video: VideoRecord): Promise<Outcome<never>> {
    const existing = await this.#existing(generation, video);
    if (existing && existing.payload.media !== video.contentHash) await this.#removeVideo(generation, video);
    return skip('frames gave no pictures, and a video that cannot be played is not indexed');
  }

  async #existing(generation: string, video: VideoRef): Promise<Point | undefined> {
    const [found] = await this.#services.index.get(generation, 'videos', [pointId(video, 'videos')]);
    return found;
  }

  async #encodeTexts(texts: readonly string[], signal: AbortSignal): Promise<Map<string, Float32Array>> {
    const unique = [...new Set(texts.filter((text) => text.trim() !== ''))];
    if (unique.length === 0) return new Map();
    const shortened = unique.map((text) => text.slice(0, LONGEST_ENCODED));
    const vectors = await this.#services.encoders.text().encode(shortened, { signal });
    return new Map(unique.map((text, row) => [text, vectors[row]!]));
  }

  async #analyse(texts: string[], signal: AbortSignal): Promise<Map<string, string[]>> {
    const joined = await this.#thread.call('analyse', [texts], { signal });
    return new Map(texts.map((text, i) => [text, joined[i]!.split(' ').filter(Boolean)]));
  }

  async #removeVideo(generation: string, video: VideoRef): Promise<void> {
    const { index } = this.#services;
    const group = (await this.#existing(generation, video))?.payload.nearDuplicateGroup;
    if (typeof group === 'string') await leaveGroup(index, generation, video, group);
    for (const collection of COLLECTIONS) await index.delete(generation, collection, ofVideo(video));
  }

  async #countPoints(generation: string, video: VideoRef): Promise<DocumentIndexed['points']> {
    const { index } = this.#services;
    const [videos, moments, faces, audio] = await Promise.all(
      (['videos', 'moments', 'faces', 'audio'] as const).map((name) =>
        index.count(generation, name, ofVideo(video)),
      ),
    );
    return { videos: videos!, moments: moments!, faces: faces!, audio: audio! };
  }
}

function ofVideo({ tenant, videoId }: VideoRef): Filter {
  return [
    { field: 'tenant', equals: tenant },
    { field: 'video', equals: videoId },
  ];
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
