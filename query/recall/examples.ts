/** Questions by example: a picture, a face, a clip of sound, a video or a moment that others should be like. */
import { CinedexError } from '../../shared/contracts/errors.ts';
import { pointId } from '../../shared/index/schema.ts';
import type { Encoders } from '../../shared/ports/encoders.ts';
import type { CollectionName, Filter, Hit, Payload, Point, Query } from '../../shared/ports/video-index.ts';
import { openPicture } from '../examples/pictures.ts';
import type { PieceOf } from '../examples/recordings.ts';
import type { ExampleTools } from '../examples/tools.ts';
import { blobOf, numberOf, stringOf, stringsOf } from '../payload.ts';
import type { Scope } from './candidates.ts';
import { type Asked, type Channel, OTHER_CHANNELS } from './channels.ts';

export interface SearchExample {
  /** Encoded picture (JPEG, PNG, WebP, or a GIF's first) of what is looked for. */
  picture?: Uint8Array;
  /** Encoded picture of whoever is looked for. */
  face?: Uint8Array;
  /** Encoded sound (any container that videos may have). */
  sound?: Uint8Array;
  /** A video, or one of its moments (id of its point), that others should be like. */
  like?: { video: string; moment?: string };
}

interface Tools {
  encoders: Encoders;
  tools: ExampleTools | undefined;
}

interface Settings {
  depth: number;
  channelWeights: Readonly<Record<string, number>>;
}

/** Distance from which on two faces are taken to be two people. */
const FACE_LIMIT = 0.6;
/** Cosines from which on a neighbour is more than the nearest of those that are there. */
const PICTURE_FLOOR = 0.6;
const SOUND_FLOOR = 0.6;
/** Fingerprints that are compared while somebody waits. */
const MOST_RECORDINGS = 100;

export function hasExample({ picture, face, sound, like }: SearchExample): boolean {
  return [picture, face, sound, like].some((each) => each !== undefined);
}

/**
 * @throws CinedexError USAGE when there are no tools for it, or nothing in the example to ask with; NOT_FOUND for an unknown
 * video or moment; what opening the picture or the clip throws
 */
export async function exampleQueries(
  request: SearchExample & { signal?: AbortSignal },
  scope: Scope,
  { encoders, tools }: Tools,
  { depth, channelWeights }: Settings,
): Promise<Asked[]> {
  const { picture, face, sound, like, signal } = request;
  const channel = (name: keyof typeof OTHER_CHANNELS, floor?: number): Channel => {
    const plan = OTHER_CHANNELS[name];
    return {
      name,
      ...plan,
      weight: channelWeights[name] ?? plan.weight,
      ...(floor !== undefined && { floor }),
    };
  };
  const asked: Asked[] = [];
  if (picture) {
    const [embedded] = await encoders.multimodal().encodePictures([await openPicture(picture)], { signal });
    if (!embedded?.vector.some((value) => value !== 0)) {
      throw new CinedexError(
        'USAGE',
        'Nothing is recognised in the picture, so nothing like it can be found.',
      );
    }
    asked.push({
      channel: channel('moments.picture~', PICTURE_FLOOR),
      query: { kind: 'dense', vector: 'visual', values: embedded.vector, limit: depth },
    });
  }
  if (face) asked.push(...(await faceQueries(face, scope, toolsOf(tools), depth, channel, signal)));
  if (sound) asked.push(...(await soundQueries(sound, scope, toolsOf(tools), depth, channel, signal)));
  if (like) asked.push(...(await likeQueries(like, scope, depth, channel)));
  return asked;
}

function toolsOf(tools: ExampleTools | undefined): ExampleTools {
  if (!tools) throw new CinedexError('USAGE', 'Faces and sounds cannot be asked about here.');
  return tools;
}

type MakeChannel = (name: keyof typeof OTHER_CHANNELS, floor?: number) => Channel;

async function faceQueries(
  picture: Uint8Array,
  scope: Scope,
  tools: ExampleTools,
  depth: number,
  channel: MakeChannel,
  signal?: AbortSignal,
): Promise<Asked[]> {
  const [values] = await tools.describeFaces(picture, signal);
  if (!values) throw new CinedexError('USAGE', 'No face can be recognised in the picture.');
  const query: Query = { kind: 'dense', vector: 'descriptor', values, limit: depth };
  const near = (await askNow(scope, 'faces', [query]))[0]!.filter(({ score }) => score >= -FACE_LIMIT);
  const asked: Asked[] = [{ channel: channel('faces.descriptor~', -FACE_LIMIT), query }];
  const identities = [...new Set(near.map(({ payload }) => stringOf(payload.identity)).filter(Boolean))];
  if (identities.length > 0) {
    // The nearest face of an identity says how near the identity is.
    const nearest = (moment: Payload) =>
      near.find(({ payload }) => stringsOf(moment.people).includes(stringOf(payload.identity)));
    asked.push({
      channel: channel('moments.identity'),
      query: { kind: 'scan', limit: depth * 5, filter: [{ field: 'people', anyOf: identities }] },
      score: ({ payload }) => nearest(payload)?.score ?? -FACE_LIMIT,
      at: ({ payload: moment }) => {
        const own = near.filter(({ payload }) => payload.video === moment.video);
        const starts = own.flatMap(({ payload }) =>
          spansOf(payload).filter((span) => overlap(span, spanOf(moment))),
        );
        return starts.length > 0 ? Math.min(...starts.map(([from]) => from)) : undefined;
      },
    });
  }
  return asked;
}

async function soundQueries(
  clip: Uint8Array,
  scope: Scope,
  tools: ExampleTools,
  depth: number,
  channel: MakeChannel,
  signal?: AbortSignal,
): Promise<Asked[]> {
  const { spans, fingerprint, durationSec } = await tools.describeSound(clip, signal);
  if (spans.length === 0) throw new CinedexError('USAGE', 'Nothing is to be heard in the clip.');
  const queries = spans.map(
    (values): Query => ({ kind: 'dense', vector: 'embedding', values, limit: depth }),
  );
  const all = (await askNow(scope, 'audio', queries)).flat().sort((a, b) => b.score - a.score);
  const near = all.filter(({ score }) => score >= SOUND_FLOOR);
  const asked = queries.map((query): Asked => ({ channel: channel('audio.embedding~', SOUND_FLOOR), query }));
  const moments = (videos: readonly string[]): Query => ({
    ...{ kind: 'scan', limit: depth * 5 },
    filter: [{ field: 'video', anyOf: [...videos] }],
  });
  if (near.length > 0) {
    asked.push({
      channel: channel('moments.sound~', SOUND_FLOOR),
      query: moments(videosOf(near)),
      score: ({ payload: moment }) =>
        near.find(({ payload }) => payload.video === moment.video && overlap(spanOf(payload), spanOf(moment)))
          ?.score ?? 0,
    });
  }
  const pieces = await piecesOf(fingerprint, videosOf(all).slice(0, MOST_RECORDINGS), scope, tools, signal);
  if (pieces.size > 0) {
    const place = ({ payload }: Hit) => {
      const piece = pieces.get(stringOf(payload.video));
      if (!piece) return undefined;
      const span: Span = [piece.offsetSec, piece.offsetSec + durationSec];
      return overlap(span, spanOf(payload)) ? { ...piece, startSec: span[0] } : undefined;
    };
    asked.push({
      // A moment of the recording that the clip does not reach has the score 0.
      channel: channel('moments.recording', Number.EPSILON),
      query: moments([...pieces.keys()]),
      score: (hit) => 1 - (place(hit)?.bitErrorRate ?? 1),
      at: (hit) => place(hit)?.startSec,
    });
  }
  return asked;
}

/** Videos that a clip is a piece of, by their fingerprints. */
async function piecesOf(
  clip: Uint32Array,
  videos: readonly string[],
  { index, generation, tenant }: Scope,
  tools: ExampleTools,
  signal?: AbortSignal,
): Promise<Map<string, PieceOf>> {
  if (videos.length === 0) return new Map();
  const [hits = []] = await index.query(generation, 'videos', [
    {
      ...{ kind: 'scan', limit: videos.length },
      filter: [
        { field: 'tenant', equals: tenant },
        { field: 'video', anyOf: [...videos] },
      ],
    },
  ]);
  const known = hits.flatMap(({ payload }) => {
    const blob = blobOf(payload.fingerprint);
    return blob ? [{ video: stringOf(payload.video), blob }] : [];
  });
  const found = await tools.findPieces(
    clip,
    known.map(({ blob }) => blob),
    signal,
  );
  return new Map(known.flatMap(({ video }, i) => (found[i] ? [[video, found[i]]] : [])));
}

function videosOf(hits: readonly Hit[]): string[] {
  return [...new Set(hits.map(({ payload }) => stringOf(payload.video)))];
}

type Span = readonly [startSec: number, endSec: number];

function spanOf({ startSec, endSec }: Payload): Span {
  return [numberOf(startSec) ?? 0, numberOf(endSec) ?? 0];
}

/** When a face is on the screen. */
function spansOf({ spans }: Payload): Span[] {
  return (Array.isArray(spans) ? spans : []).flatMap((span): Span[] => {
    const [from, to] = Array.isArray(span) ? span : [];
    return typeof from === 'number' && typeof to === 'number' ? [[from, to]] : [];
  });
}

function overlap([from, to]: Span, [start, end]: Span): boolean {
  return from < end && to > start;
}

/** Which vectors of a point are compared, and how much each counts. */
const LIKE: Record<'videos' | 'moments', readonly string[]> = {
  videos: ['about', 'title', 'words', 'gist'],
  moments: ['visual', 'words'],
};
const LIKE_FLOOR = 0.6;

async function likeQueries(
  { video, moment }: NonNullable<SearchExample['like']>,
  { index, generation, tenant }: Scope,
  depth: number,
  channel: MakeChannel,
): Promise<Asked[]> {
  const collection = moment === undefined ? 'videos' : 'moments';
  const id = moment ?? pointId({ tenant, videoId: video }, 'videos');
  const [point] = await index.get(generation, collection, [id]);
  // An id of another tenant is as unknown as any.
  if (!point || point.payload.tenant !== tenant || point.payload.video !== video) {
    throw new CinedexError(
      'NOT_FOUND',
      moment === undefined ? `There is no video ${video}.` : `There is no moment ${moment} of ${video}.`,
    );
  }
  return LIKE[collection].flatMap((vector): Asked[] => {
    const values: Point['vectors'][string] | undefined = point.vectors[vector];
    if (!values) return [];
    return [
      {
        channel: channel(collection === 'videos' ? 'videos.like~' : 'moments.like~', LIKE_FLOOR),
        query: { kind: 'dense', vector, values, limit: depth },
      },
    ];
  });
}

async function askNow({ index, generation, tenant }: Scope, collection: CollectionName, queries: Query[]) {
  const filter: Filter = [{ field: 'tenant', equals: tenant }];
  const own = queries.map((query) => ({ ...query, filter }));
  return index.query(generation, collection, own);
}
