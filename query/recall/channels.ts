/** The recall channels: every way in which a video or a moment of it can answer. */
import type { Hit, Query } from '../../shared/ports/video-index.ts';
import type { QueryKind } from '../intent/kind.ts';

/** How a moment answers. */
export type Match = 'said' | 'shown' | 'seen' | 'who' | 'about' | 'heard' | 'clicked';

export interface Channel {
  /** `<collection>.<field>`, with `~` where meaning is compared, not words. */
  name: string;
  collection: 'videos' | 'moments' | 'faces' | 'audio';
  match: Match;
  /** In the fusion. */
  weight: number;
  /** Below this score a hit is a neighbour only for want of a better one. */
  floor?: number;
}

/** A channel with the query that asks it. The filter is added when it is asked. */
export interface Asked {
  channel: Channel;
  query: Query;
  /** Instead of the store's score; hits are ordered by it. */
  score?: (hit: Hit) => number;
  /** Second of its video at which the hit begins to answer, where that is better known than its own beginning. */
  at?: (hit: Hit) => number | undefined;
}

type ChannelPlan = Omit<Channel, 'weight' | 'floor'> & {
  weight: number;
  field: string;
  /** Words, one vector of the whole question, or one of each of its parts (late interaction). */
  by: 'words' | 'text' | 'parts' | 'visual';
};

/** By default: what a person wrote on purpose counts more than what was recognised, words more than meaning. */
export const TEXT_CHANNELS: readonly ChannelPlan[] = [
  plan('videos', 'title', 'about', 'words', 2),
  plan('videos', 'people', 'who', 'words', 1.5),
  plan('videos', 'about', 'about', 'words', 1),
  plan('videos', 'screen', 'shown', 'words', 0.7),
  plan('videos', 'speech', 'said', 'words', 0.7),
  plan('moments', 'screen', 'shown', 'words', 1.2),
  plan('moments', 'speech', 'said', 'words', 1.2),
  plan('moments', 'labels', 'seen', 'words', 0.7),
  plan('moments', 'people', 'who', 'words', 1),
  plan('videos', 'title', 'about', 'text', 0.8),
  plan('videos', 'about', 'about', 'text', 0.6),
  plan('videos', 'words', 'about', 'text', 0.5),
  plan('videos', 'people', 'who', 'text', 0.3),
  plan('videos', 'parts', 'about', 'parts', 0.8),
  plan('videos', 'gist', 'seen', 'visual', 0.5),
  plan('moments', 'words', 'about', 'text', 0.8),
  plan('moments', 'visual', 'seen', 'visual', 1),
];

const OF_WORDS: ReadonlySet<string> = new Set(
  TEXT_CHANNELS.filter(({ by, match }) => by === 'words' && match !== 'seen').map(({ name }) => name),
);

/** Whether a channel's scores are BM25 of what somebody wrote or said (labels are a detector's words). */
export function isOfWords(channel: string): boolean {
  return OF_WORDS.has(channel);
}

/** Channels that are asked only when there is something to ask them with. */
export const OTHER_CHANNELS = {
  'moments.identity': { collection: 'moments', match: 'who', weight: 2 },
  'videos.named': { collection: 'videos', match: 'who', weight: 1.5 },
  'videos.clicked': { collection: 'videos', match: 'clicked', weight: 1 },
  'moments.picture~': { collection: 'moments', match: 'seen', weight: 2 },
  'faces.descriptor~': { collection: 'faces', match: 'who', weight: 2 },
  'audio.embedding~': { collection: 'audio', match: 'heard', weight: 2 },
  'moments.sound~': { collection: 'moments', match: 'heard', weight: 1 },
  'moments.recording': { collection: 'moments', match: 'heard', weight: 3 },
  'videos.like~': { collection: 'videos', match: 'about', weight: 1 },
  'moments.like~': { collection: 'moments', match: 'seen', weight: 1 },
} as const satisfies Record<string, Omit<Channel, 'name'>>;

function plan(
  collection: 'videos' | 'moments',
  field: string,
  match: Match,
  by: ChannelPlan['by'],
  weight: number,
): ChannelPlan {
  return { name: `${collection}.${field}${by === 'words' ? '' : '~'}`, collection, field, match, by, weight };
}

export const CHANNEL_NAMES: readonly string[] = [
  ...TEXT_CHANNELS.map(({ name }) => name),
  ...Object.keys(OTHER_CHANNELS),
];

/** What a kind of query listens to more, and to less. */
const KIND_FACTORS: Record<QueryKind, Partial<Record<Match, number>>> = {
  navigational: { about: 1.3, said: 0.7, shown: 0.8, seen: 0.5 },
  person: { who: 1.5, seen: 0.6 },
  quote: { said: 1.5, shown: 1.3, seen: 0.5 },
  scene: { seen: 1.5, said: 0.8, shown: 0.8 },
  topic: {},
};

/** Weight of a channel for a kind of query; configured weights replace the default, and zero leaves the channel out. */
export function weightOf(
  { name, match, weight }: Pick<Channel, 'name' | 'match' | 'weight'>,
  kind: QueryKind,
  configured: Readonly<Record<string, number>>,
): number {
  return (configured[name] ?? weight) * (KIND_FACTORS[kind][match] ?? 1);
}
