import { describe, expect, it } from 'vitest';
import { ApiError } from '../api/client.ts';
import type { Answer, VideoHit } from '../api/types.ts';
import { nextState, type SearchEvent, type SearchState } from './answer.ts';

function answer(next: string | null, ...videos: string[]): Answer {
  return { results: videos.map((video) => ({ video }) as VideoHit), next } as Answer;
}

const error = new ApiError({ status: 503, code: 'STORE_UNAVAILABLE', detail: 'away' });

function reached(...events: SearchEvent[]): SearchState {
  return events.reduce<SearchState>(nextState, { status: 'idle' });
}

describe('a search', () => {
  it('goes from asking to answered, and keeps what was shown while it is asked with other filters', () => {
    expect(reached({ kind: 'asked', keep: true })).toEqual({ status: 'asking', before: null });
    const shown = reached({ kind: 'asked', keep: true }, { kind: 'answered', answer: answer(null, 'a') });
    expect(shown).toMatchObject({ status: 'answered', results: [{ video: 'a' }], next: null, more: 'no' });
    expect(nextState(shown, { kind: 'asked', keep: true })).toMatchObject({
      status: 'asking',
      before: shown,
    });
    expect(nextState(shown, { kind: 'asked', keep: false })).toEqual({ status: 'asking', before: null });
  });

  it('fails, and forgets all when nothing is asked', () => {
    expect(reached({ kind: 'asked', keep: true }, { kind: 'failed', error })).toEqual({
      status: 'failed',
      error,
    });
    expect(reached({ kind: 'answered', answer: answer(null) }, { kind: 'nothing asked' })).toEqual({
      status: 'idle',
    });
  });

  it('adds further pages without repeating a video', () => {
    const two = reached(
      { kind: 'answered', answer: answer('c1', 'a', 'b') },
      { kind: 'more asked' },
      { kind: 'more answered', answer: answer('c2', 'b', 'c') },
    );
    expect(two).toMatchObject({ next: 'c2', more: 'no' });
    expect(two.status === 'answered' && two.results.map(({ video }) => video)).toEqual(['a', 'b', 'c']);
  });

  it('keeps what it has when a further page fails', () => {
    const events: SearchEvent[] = [{ kind: 'answered', answer: answer('c1', 'a') }, { kind: 'more asked' }];
    expect(reached(...events)).toMatchObject({ more: 'asking' });
    expect(reached(...events, { kind: 'more failed', error })).toMatchObject({
      ...{ status: 'answered', results: [{ video: 'a' }], next: 'c1', more: error },
    });
  });

  it('takes no page for a search that is over', () => {
    expect(
      reached({ kind: 'asked', keep: true }, { kind: 'more answered', answer: answer(null, 'z') }),
    ).toEqual({
      ...{ status: 'asking', before: null },
    });
  });
});
