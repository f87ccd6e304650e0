/** Questions and candidates for tests of relevance. */
import type { Payload } from '../../shared/ports/video-index.ts';
import { buildDictionary, type Dictionary } from '../intent/dictionary.ts';
import { understand } from '../intent/intent.ts';
import { floorsOf } from '../recall/floors.ts';
import type { Asking, Candidate } from './features.ts';

export const FLOORS = floorsOf('use-lite', 'tags-1');

/** What a question means to a library of these videos. */
export function asking(text: string | null, videos: readonly Payload[] = []): Asking {
  const dictionary: Dictionary = buildDictionary(videos, []);
  const intent = text === null ? null : understand(text, dictionary);
  const ids = intent?.entities.map(({ entity }) => entity.id) ?? [];
  return { intent, dictionary, floors: FLOORS, distances: dictionary.entities.distances(ids) };
}

export function candidate(payload: Payload, more: Partial<Candidate> = {}): Candidate {
  const video = String(payload.video ?? 'v');
  return { video, payload: { video, ...payload }, why: [], moments: [], fused: 0, lexical: 0, ...more };
}

/** What a channel found. */
export function found(channel: string, score: number, rank = 1): Candidate['why'][number] {
  return { channel, score, rank, share: 0 };
}
