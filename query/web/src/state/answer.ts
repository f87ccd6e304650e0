/** What is known of a search that is under way. Pure. */
import type { ApiError } from '../api/client.ts';
import type { Answer, VideoHit } from '../api/types.ts';

export type SearchState =
  | { status: 'idle' }
  /** What was shown before stays dimmed in its place. */
  | { status: 'asking'; before: Shown | null }
  | { status: 'failed'; error: ApiError }
  | ({ status: 'answered' } & Shown);

export interface Shown {
  /** The first page; the results of all pages are in `results`. */
  answer: Answer;
  results: VideoHit[];
  next: string | null;
  more: 'no' | 'asking' | ApiError;
}

export type SearchEvent =
  | { kind: 'nothing asked' }
  /** `keep`: it is the same question, asked with other filters. */
  | { kind: 'asked'; keep: boolean }
  | { kind: 'answered'; answer: Answer }
  | { kind: 'failed'; error: ApiError }
  | { kind: 'more asked' }
  | { kind: 'more answered'; answer: Answer }
  | { kind: 'more failed'; error: ApiError }
  | { kind: 'restored'; shown: Shown };

export function nextState(state: SearchState, event: SearchEvent): SearchState {
  switch (event.kind) {
    case 'nothing asked':
      return { status: 'idle' };
    case 'asked':
      return { status: 'asking', before: event.keep && state.status === 'answered' ? state : null };
    case 'answered':
      return {
        ...{ status: 'answered', answer: event.answer, results: event.answer.results },
        ...{ next: event.answer.next, more: 'no' },
      };
    case 'failed':
      return { status: 'failed', error: event.error };
    case 'restored':
      return { status: 'answered', ...event.shown };
    case 'more asked':
      return state.status === 'answered' ? { ...state, more: 'asking' } : state;
    case 'more failed':
      return state.status === 'answered' ? { ...state, more: event.error } : state;
    case 'more answered': {
      if (state.status !== 'answered') return state;
      // The index may have changed between two pages.
      const known = new Set(state.results.map(({ video }) => video));
      const added = event.answer.results.filter(({ video }) => !known.has(video));
      return { ...state, results: [...state.results, ...added], next: event.answer.next, more: 'no' };
    }
  }
}
