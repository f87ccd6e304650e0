/** The recall channels: every way in which a video or a moment of it can answer, asked side by side in one batch a collection. */
import type { Encoders } from '../shared/ports/encoders.ts';
import type { Filter, Hit, Query, VideoIndex } from '../shared/ports/video-index.ts';
import type { Floors } from './floors.ts';
import type { Question } from './question.ts';

/** How a moment answers. */
export type Match = 'said' | 'shown' | 'seen' | 'who' | 'about';

export interface Channel {
  name: string;
  collection: 'videos' | 'moments';
  match: Match;
  weight: number;
  /** Below this cosine similarity a dense hit is a neighbour only for want of a better one. */
  floor?: number;
}

export interface Recalled extends Channel {
  hits: Hit[];
}

const DEPTH = 100;

export async function recall(
  services: { index: VideoIndex; encoders: Encoders },
  generation: string,
  tenant: string,
  question: Question,
  options: { floors: Floors; channels: (name: string) => boolean; signal?: AbortSignal },
): Promise<Recalled[]> {
  const { floors, channels, signal } = options;
  const [[text], [visual]] = await Promise.all([
    services.encoders.text().encode([question.text], { signal }),
    services.encoders.multimodal().encodeTexts([question.text], { signal }),
  ]);
  const filter: Filter = [{ field: 'tenant', equals: tenant }];
  const { tokens, people } = question;
  const asked: { channel: Channel; query: Query }[] = [];
  const lexical = (collection: Channel['collection'], field: string, match: Match, weight: number) => {
    if (tokens.length === 0) return;
    asked.push({
      channel: { name: `${collection}.${field}`, collection, match, weight },
      query: { kind: 'lexical', field, tokens, limit: DEPTH, filter },
    });
  };
  const dense = (
    collection: Channel['collection'],
    vector: string,
    match: Match,
    weight: number,
    values: Float32Array | undefined,
    floor: number,
  ) => {
    if (!values?.some((value) => value !== 0)) return;
    asked.push({
      channel: { name: `${collection}.${vector}~`, collection, match, weight, floor },
      query: { kind: 'dense', vector, values, limit: DEPTH, filter },
    });
  };
  lexical('videos', 'title', 'about', 2);
  lexical('videos', 'people', 'who', 1.5);
  lexical('videos', 'about', 'about', 1);
  lexical('videos', 'screen', 'shown', 0.7);
  lexical('videos', 'speech', 'said', 0.7);
  lexical('moments', 'screen', 'shown', 1.2);
  lexical('moments', 'speech', 'said', 1.2);
  lexical('moments', 'labels', 'seen', 0.7);
  lexical('moments', 'people', 'who', 1);
  dense('videos', 'title', 'about', 0.8, text, floors.text);
  dense('videos', 'about', 'about', 0.6, text, floors.text);
  dense('videos', 'words', 'about', 0.5, text, floors.text);
  dense('videos', 'gist', 'seen', 0.5, visual, floors.visual);
  dense('moments', 'words', 'about', 0.8, text, floors.text);
  dense('moments', 'visual', 'seen', 1, visual, floors.visual);
  if (people.length > 0) {
    asked.push({
      channel: { name: 'moments.identity', collection: 'moments', match: 'who', weight: 2 },
      query: {
        kind: 'scan',
        limit: DEPTH * 5,
        filter: [...filter, { field: 'people', anyOf: people.map(({ id }) => id) }],
      },
    });
  }
  const answers = await Promise.all(
    (['videos', 'moments'] as const).map(async (collection) => {
      const own = asked.filter(({ channel }) => channel.collection === collection && channels(channel.name));
      if (own.length === 0) return [];
      const hits = await services.index.query(
        generation,
        collection,
        own.map(({ query }) => query),
      );
      return own.map(({ channel }, i): Recalled => {
        const { floor } = channel;
        const found = hits[i] ?? [];
        return {
          ...channel,
          hits: floor === undefined ? found : found.filter(({ score }) => score >= floor),
        };
      });
    }),
  );
  return answers.flat();
}
