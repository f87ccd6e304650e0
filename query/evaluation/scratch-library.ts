/** A library for one measurement: the documents of a set in an index of their own, in a folder that is removed afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LanceVideoIndex } from '../../shared/adapters/embedded/lance-video-index.ts';
import { collectionSchemas, generationName, type IndexModels, pointId } from '../../shared/index/schema.ts';
import type { EmbeddedPicture, Encoders } from '../../shared/ports/encoders.ts';
import type { Point, VideoIndex } from '../../shared/ports/video-index.ts';
import { analyse } from '../../shared/text/analyse.ts';
import { detectLanguage } from '../../shared/text/script.ts';
import type { SetDocument } from './sets/documents.ts';

export interface ScratchLibrary {
  index: VideoIndex;
  generation: string;
}

interface ScratchOptions {
  encoders: Encoders;
  models: IndexModels;
  tenant: string;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

const AT_ONCE = 64;
/** A picture stands for a shot of this length; nothing is measured by it. */
const PICTURE_SEC = 1;

/** Indexes the documents as the pipeline would index videos that are nothing but a title, or one picture. */
export async function withScratchLibrary<T>(
  documents: readonly SetDocument[],
  { encoders, models, tenant, signal, onProgress }: ScratchOptions,
  use: (library: ScratchLibrary) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cinedex-set-'));
  const index = await LanceVideoIndex.open(folder);
  try {
    const generation = generationName(models);
    await index.ensureGeneration(generation, collectionSchemas(models));
    for (let from = 0; from < documents.length; from += AT_ONCE) {
      signal?.throwIfAborted();
      onProgress?.(from, documents.length);
      const points = await pointsOf(documents.slice(from, from + AT_ONCE), encoders, tenant, signal);
      await index.upsert(generation, 'moments', points.moments);
      await index.upsert(generation, 'videos', points.videos);
    }
    await index.optimize(generation);
    await index.activate(generation);
    return await use({ index, generation });
  } finally {
    await index.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function pointsOf(
  documents: readonly SetDocument[],
  encoders: Encoders,
  tenant: string,
  signal?: AbortSignal,
): Promise<{ videos: Point[]; moments: Point[] }> {
  const texts = [...new Set(documents.flatMap(({ title, about }) => [title, about].filter(isText)))];
  const pictures = documents.filter(({ picture }) => picture);
  const [encoded, embedded] = await Promise.all([
    encoders.text().encode(texts, { signal }),
    Promise.all(pictures.map(({ picture }) => picture!())).then((files) =>
      files.length > 0 ? encoders.multimodal().encodePictures(files, { signal }) : [],
    ),
  ]);
  const vectorOf = new Map(texts.map((text, i) => [text, encoded[i]!]));
  const pictureOf = new Map(pictures.map(({ id }, i) => [id, embedded[i]!]));
  const videos: Point[] = [];
  const moments: Point[] = [];
  for (const document of documents) {
    const picture = pictureOf.get(document.id);
    videos.push(videoPoint(document, tenant, vectorOf, picture));
    if (picture) moments.push(momentPoint(document, tenant, picture));
  }
  return { videos, moments };
}

function videoPoint(
  { id, title = '', about = '' }: SetDocument,
  tenant: string,
  vectorOf: ReadonlyMap<string, Float32Array>,
  picture: EmbeddedPicture | undefined,
): Point {
  const vectors = {
    title: vectorOf.get(title),
    about: vectorOf.get(about),
    gist: picture?.vector,
  };
  const known = Object.entries(vectors).flatMap(([name, vector]) =>
    vector && hasDirection(vector) ? [[name, vector] as const] : [],
  );
  const parts = known.filter(([name]) => name !== 'gist').map(([, vector]) => vector);
  return {
    id: pointId({ tenant, videoId: id }, 'videos'),
    vectors: Object.fromEntries(known),
    multivectors: { parts },
    lexical: { title: analyse(title), about: analyse(about), screen: [], speech: [], people: [] },
    payload: {
      ...{ tenant, video: id, revision: 1, content: id, complete: true, source: 'ugc' },
      ...{ title, description: about || null, language: detectLanguage(`${title}\n${about}`) },
      ...{ tags: [], names: [], people: [], keywords: [], durationSec: PICTURE_SEC },
      labels: [...new Set(picture?.labels.map(({ label }) => label) ?? [])],
    },
  };
}

function momentPoint({ id }: SetDocument, tenant: string, { vector, labels }: EmbeddedPicture): Point {
  return {
    id: pointId({ tenant, videoId: id }, 'moments', '0.0'),
    vectors: hasDirection(vector) ? { visual: vector } : {},
    lexical: {
      ...{ screen: [], speech: [], people: [] },
      labels: analyse([...new Set(labels.map(({ label }) => label))].join('\n')),
    },
    payload: {
      ...{ tenant, video: id, revision: 1, content: id, shot: 0, part: 0, startSec: 0, endSec: PICTURE_SEC },
      ...{ cues: [], people: [], names: [] },
      labels: labels.map(({ label, score }) => ({ label, score })),
    },
  };
}

function isText(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}

function hasDirection(vector: Float32Array): boolean {
  return vector.some((value) => value !== 0);
}
