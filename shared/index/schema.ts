/** What the index holds: its four collections, how a generation is named, and how a point gets its id. */
import { createHash } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import type { VideoRef } from '../contracts/common.ts';
import type { CollectionName, CollectionSchema } from '../ports/video-index.ts';

/** What shapes the vectors of a generation: an id with version, and the dimensions, of each encoder. */
export interface IndexModels {
  /** Texts of documents and moments. */
  text: { id: string; dimensions: number };
  /** The shared space of pictures and texts. */
  multimodal: { id: string; dimensions: number };
  /** Face descriptors, compared by Euclidean distance. */
  face: { id: string; dimensions: number };
  /** Audio segments. */
  audio: { id: string; dimensions: number };
}

/** Raise it when fields, tokens or ids change so that points of before and after must not be mixed. */
const SCHEMA_VERSION = 2;

/**
 * A readable, stable name: `g2-<text encoder>-<picture space>-<hash>`, the hash over all models and the schema version.
 * Letters, digits, `-` and `_` only, at most 80 characters, so that any store takes it as part of a table's name.
 */
export function generationName(models: IndexModels): string {
  const parts = (['text', 'multimodal', 'face', 'audio'] as const).map((kind) => [
    kind,
    models[kind].id,
    models[kind].dimensions,
  ]);
  const hash = createHash('sha256')
    .update(JSON.stringify([SCHEMA_VERSION, parts]))
    .digest('hex')
    .slice(0, 10);
  const readable = [models.text.id, models.multimodal.id].map((id) =>
    id
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, 24),
  );
  return [`g${SCHEMA_VERSION}`, ...readable, hash].join('-');
}

/**
 * The collections of a generation.
 *
 * Payload fields of every point: `tenant`, `video` (its id), `revision` (of the video's record), `content` (hash of all that
 * the point was made of but statistics: points of a video with another one are left over and removed).
 *
 * - `videos`: `title`, `description`, `language`, `source`, `uploader`, `channel`, `series`, `season`, `episode`, `tags`,
 *   `licence`, `publishedAt` (ms), `durationSec`, `width`, `height`, `poster` (BlobRef), `people` (identity ids), `names` (folded
 *   names of cast and of people seen), `keywords`, `labels`, `sounds`, `statistics`, `views`, `clicks`, `impressions`,
 *   `watchSeconds`, `meanPosition` (rank at which it was shown), `queries` ({query, impressions, clicks, watchSeconds,
 *   meanPosition, notRelevant?}[]), `nearDuplicateGroup`, `signature` (look-up bands), `frames` (difference hashes with times), `explicit`,
 *   `missing` (stages that did not fully contribute), `complete`, `media` (the content hash)
 * - `moments`: `shot`, `part`, `startSec`, `endSec`, `thumbnail` (BlobRef), `cues` ({kind: said|shown, startSec, endSec, text}),
 *   `labels`, `people`, `names`, `title` (of the video, for display)
 * - `faces`: `cluster`, `identity`, `name`, `strength`, `screenSec`, `spans` ([start, end][]), `thumbnail`
 * - `audio`: `segment`, `startSec`, `endSec`, `kind`, `confidence`
 */
export function collectionSchemas(models: IndexModels): CollectionSchema[] {
  const common = { tenant: 'keyword', video: 'keyword', revision: 'integer', content: 'keyword' } as const;
  const text = { dimensions: models.text.dimensions, distance: 'cosine' } as const;
  const visual = { dimensions: models.multimodal.dimensions, distance: 'cosine' } as const;
  return [
    {
      name: 'videos',
      // The document tower's named outputs: what it is called, what it is about, what is said and shown, who is in it.
      vectors: { title: text, about: text, words: text, people: text, gist: visual },
      // … and every text of it by itself, so that each part of a question can meet the part of the video that it is about.
      multivectors: { parts: { dimensions: models.text.dimensions } },
      lexical: ['title', 'about', 'screen', 'speech', 'people'],
      filterable: {
        ...common,
        source: 'keyword',
        language: 'keyword',
        uploader: 'keyword',
        channel: 'keyword',
        series: 'keyword',
        tags: 'keyword[]',
        people: 'keyword[]',
        names: 'keyword[]',
        publishedAt: 'integer',
        durationSec: 'float',
        views: 'integer',
        explicit: 'float',
        nearDuplicateGroup: 'keyword',
        signature: 'keyword[]',
        complete: 'bool',
      },
    },
    {
      name: 'moments',
      vectors: { visual, words: text },
      lexical: ['screen', 'speech', 'labels', 'people'],
      filterable: {
        ...common,
        shot: 'integer',
        startSec: 'float',
        endSec: 'float',
        people: 'keyword[]',
        names: 'keyword[]',
      },
    },
    {
      name: 'faces',
      vectors: { descriptor: { dimensions: models.face.dimensions, distance: 'euclid' } },
      lexical: [],
      filterable: { ...common, identity: 'keyword', cluster: 'integer', strength: 'keyword' },
    },
    {
      name: 'audio',
      vectors: { embedding: { dimensions: models.audio.dimensions, distance: 'cosine' } },
      lexical: [],
      filterable: { ...common, kind: 'keyword', startSec: 'float', endSec: 'float' },
    },
  ];
}

export const COLLECTIONS: readonly CollectionName[] = ['videos', 'moments', 'faces', 'audio'];

/** Never change it: every point's id hangs on it. */
const NAMESPACE = '6f0f4e4c-6d39-5f1b-9a53-2b8a3f1d7c10';

/**
 * Id of a point: the same video, segment and kind give the same id, so indexing twice writes over, never beside.
 * @param segment what of the video: empty for the video itself, `shot.part`, a face cluster, an audio segment
 */
export function pointId(ref: VideoRef, kind: CollectionName, segment = ''): string {
  return uuidv5([ref.tenant, ref.videoId, segment, kind].join('\n'), NAMESPACE);
}
