/** Asks the channels: all of a collection in one batch to the store, the collections side by side. */
import type { Encoders } from '../../shared/ports/encoders.ts';
import type { CollectionName, Filter, Hit, VideoIndex } from '../../shared/ports/video-index.ts';
import type { Dictionary } from '../intent/dictionary.ts';
import { queryKey } from '../intent/dictionary.ts';
import type { Intent } from '../intent/intent.ts';
import { type Asked, type Channel, OTHER_CHANNELS, TEXT_CHANNELS, weightOf } from './channels.ts';
import type { Floors } from './floors.ts';
import { LATE, unlessLate } from './lateness.ts';
import { queryParts } from './query-parts.ts';

/** `atSec`: see {@link Asked.at}. */
export type FoundHit = Hit & { atSec?: number };

export interface Recalled extends Channel {
  hits: FoundHit[];
  /** Those below the floor too, for comparing channels. */
  all: FoundHit[];
  /** It did not answer in time, so it has no hits. */
  late?: true;
}

export interface RecallSettings {
  depth: number;
  floors: Floors;
  channelWeights: Readonly<Record<string, number>>;
  /** Which channels are asked, by name. */
  channels: (name: string) => boolean;
}

/** What a text asks of each channel. */
export function textQueries(
  intent: Intent,
  vectors: QueryVectors,
  dictionary: Pick<Dictionary, 'clicks'>,
  settings: RecallSettings,
): Asked[] {
  const { depth: limit, floors } = settings;
  const { tokens } = intent;
  const asked = TEXT_CHANNELS.flatMap(({ field, by, ...plan }): Asked[] => {
    const channel: Channel = { ...plan, weight: weightOf(plan, intent.kind, settings.channelWeights) };
    if (by === 'words') {
      return tokens.length === 0 ? [] : [{ channel, query: { kind: 'lexical', field, tokens, limit } }];
    }
    if (by === 'parts') {
      const values = vectors.parts.filter(hasDirection);
      if (values.length === 0) return [];
      // MaxSim grows with the number of parts; their mean is a similarity like the others.
      return [
        {
          channel: { ...channel, floor: floors.text },
          score: ({ score }) => score / values.length,
          query: { kind: 'multi', vector: field, values, limit },
        },
      ];
    }
    const values = vectors[by];
    if (!values || !hasDirection(values)) return [];
    return [
      { channel: { ...channel, floor: floors[by] }, query: { kind: 'dense', vector: field, values, limit } },
    ];
  });
  const other = (name: keyof typeof OTHER_CHANNELS): Channel => {
    const plan = { name, ...OTHER_CHANNELS[name] };
    return { ...plan, weight: weightOf(plan, intent.kind, settings.channelWeights) };
  };
  const identities = intent.entities.flatMap(({ entity }) => entity.identity ?? []);
  if (identities.length > 0) {
    asked.push({
      channel: other('moments.identity'),
      query: { kind: 'scan', limit: limit * 5, filter: [{ field: 'people', anyOf: identities }] },
    });
  }
  const named = intent.entities.filter(({ entity }) => entity.kind === 'person');
  if (named.length > 0) {
    const names = named.flatMap(({ entity }) =>
      [entity.name, ...entity.aliases].map((name) => name.toLowerCase()),
    );
    asked.push({
      channel: other('videos.named'),
      query: { kind: 'scan', limit, filter: [{ field: 'names', anyOf: names.slice(0, 100) }] },
    });
  }
  const clicked = dictionary.clicks.get(queryKey(intent.raw));
  if (clicked) {
    asked.push({
      channel: other('videos.clicked'),
      score: ({ payload: { video } }) => clicked.find((each) => each.video === video)?.clicks ?? 0,
      query: { kind: 'scan', limit, filter: [{ field: 'video', anyOf: clicked.map(({ video }) => video) }] },
    });
  }
  return asked;
}

/** A question in the spaces of texts and of pictures. */
export interface QueryVectors {
  text: Float32Array | undefined;
  /** Of the whole, and of each of its parts. */
  parts: Float32Array[];
  visual: Float32Array | undefined;
}

export async function encodeQuery(
  encoders: Encoders,
  text: string,
  signal?: AbortSignal,
): Promise<QueryVectors> {
  const [inText, [inPictures]] = await Promise.all([
    encoders.text().encode([text, ...queryParts(text)], { signal }),
    encoders.multimodal().encodeTexts([text], { signal }),
  ]);
  return { text: inText[0], parts: inText, visual: inPictures };
}

/** The vector of a text that the encoder knows nothing of is zero. */
function hasDirection(vector: Float32Array): boolean {
  return vector.some((value) => value !== 0);
}

const COLLECTIONS: readonly CollectionName[] = ['videos', 'moments', 'faces', 'audio'];

/**
 * @param filters conditions on each collection (the tenant, and what else is known to bind it)
 * @param late when it is aborted, collections that have not answered are left out
 * @returns what each channel found, without hits below its floor
 */
export async function recall(
  index: VideoIndex,
  generation: string,
  asked: readonly Asked[],
  filters: Readonly<Record<CollectionName, Filter>>,
  wanted: (channel: Channel) => boolean,
  late?: AbortSignal,
): Promise<Recalled[]> {
  const answers = await Promise.all(
    COLLECTIONS.map(async (collection): Promise<Recalled[]> => {
      const own = asked.filter(({ channel }) => channel.collection === collection && wanted(channel));
      if (own.length === 0) return [];
      const queries = own.map(({ query }) => ({
        ...query,
        filter: [...filters[collection], ...(query.filter ?? [])],
        // Videos are loaded once it is known which of them matter; a channel only names them.
        ...(collection === 'videos' && { fields: ['video'] }),
      }));
      const found = await unlessLate(index.query(generation, collection, queries), late);
      if (found === LATE) return own.map(({ channel }) => ({ ...channel, hits: [], all: [], late: true }));
      return own.map(({ channel, score, at }, i): Recalled => {
        const { floor } = channel;
        const given: FoundHit[] = at
          ? (found[i] ?? []).map((hit) => ({ ...hit, atSec: at(hit) }))
          : (found[i] ?? []);
        const all = score
          ? given.map((hit) => ({ ...hit, score: score(hit) })).sort((a, b) => b.score - a.score)
          : given;
        const hits = floor === undefined ? all : all.filter((hit) => hit.score >= floor);
        return { ...channel, hits, all };
      });
    }),
  );
  return answers.flat();
}
