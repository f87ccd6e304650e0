/** Questions by example: a picture, a face, a clip of sound, a video or a moment that others should be like. */
import { CinedexError } from '../../shared/contracts/errors.ts';
import { pointId } from '../../shared/index/schema.ts';
import type { Encoders } from '../../shared/ports/encoders.ts';
import type { CollectionName, Filter, Payload, Point, Query } from '../../shared/ports/video-index.ts';
import { numberOf, stringOf } from '../payload.ts';
import type { Scope } from './candidates.ts';
import { type Asked, type Channel, OTHER_CHANNELS } from './channels.ts';

export interface SearchExample {
  /** Encoded picture (JPEG, PNG or WebP) of what is looked for. */
  picture?: Uint8Array;
  /** Encoded picture of whoever is looked for. */
  face?: Uint8Array;
  /** Encoded sound (any container that videos may have). */
  sound?: Uint8Array;
  /** A video, or one of its moments (id of its point), that others should be like. */
  like?: { video: string; moment?: string };
}

export interface ExampleTools {
  /** Descriptors of the faces in a picture, the largest face first. */
  describeFaces(picture: Uint8Array, signal?: AbortSignal): Promise<Float32Array[]>;
  /** Vectors of the spans of a clip, in the index's space of sounds. */
  describeSound(clip: Uint8Array, signal?: AbortSignal): Promise<Float32Array[]>;
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
const MOST_SPANS = 8;

export function hasExample({ picture, face, sound, like }: SearchExample): boolean {
  return [picture, face, sound, like].some((each) => each !== undefined);
}

/**
 * @throws CinedexError USAGE when there are no tools for it, or nothing in the example to ask with; NOT_FOUND for an unknown
 * video or moment
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
    const [embedded] = await encoders.multimodal().encodePictures([picture], { signal });
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
  // The nearest face of an identity says how near the identity is.
  const nearness = new Map<string, number>();
  for (const { payload, score } of near) {
    const identity = stringOf(payload.identity);
    if (identity && !nearness.has(identity)) nearness.set(identity, score);
  }
  const asked: Asked[] = [{ channel: channel('faces.descriptor~', -FACE_LIMIT), query }];
  if (nearness.size > 0) {
    asked.push({
      channel: channel('moments.identity'),
      query: { kind: 'scan', limit: depth * 5, filter: [{ field: 'people', anyOf: [...nearness.keys()] }] },
      score: ({ payload: { people } }) =>
        Math.max(
          -FACE_LIMIT,
          ...(Array.isArray(people) ? people : []).map((id) => nearness.get(String(id)) ?? -FACE_LIMIT),
        ),
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
  const spans = (await tools.describeSound(clip, signal)).slice(0, MOST_SPANS);
  if (spans.length === 0) throw new CinedexError('USAGE', 'Nothing is to be heard in the clip.');
  const queries = spans.map(
    (values): Query => ({ kind: 'dense', vector: 'embedding', values, limit: depth }),
  );
  const near = (await askNow(scope, 'audio', queries)).flat().filter(({ score }) => score >= SOUND_FLOOR);
  const videos = [...new Set(near.map(({ payload }) => stringOf(payload.video)))];
  const asked = queries.map((query): Asked => ({ channel: channel('audio.embedding~', SOUND_FLOOR), query }));
  if (videos.length > 0) {
    asked.push({
      channel: channel('moments.sound~', SOUND_FLOOR),
      query: { kind: 'scan', limit: depth * 5, filter: [{ field: 'video', anyOf: videos }] },
      score: ({ payload: moment }) =>
        Math.max(0, ...near.filter(({ payload }) => overlap(payload, moment)).map(({ score }) => score)),
    });
  }
  return asked;
}

function overlap(sound: Payload, moment: Payload): boolean {
  const span = ({ startSec, endSec }: Payload) => [numberOf(startSec) ?? 0, numberOf(endSec) ?? 0] as const;
  const [from, to] = span(sound);
  const [start, end] = span(moment);
  return sound.video === moment.video && from < end && to > start;
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
