/** Runs the search that the address asks for. */
import { useCallback, useEffect, useReducer, useRef } from 'preact/hooks';
import { ApiError, search, searchByExample, similarTo } from '../api/client.ts';
import type { Answer, VideoHit } from '../api/types.ts';
import { nextState, type SearchState, type Shown } from './answer.ts';
import { exampleNamed } from './examples.ts';
import { note } from './interactions.ts';
import { restoreScroll } from './navigation.ts';
import { asksSomething, formatRoute, type SearchRoute, searchParameters } from './route.ts';

const PAGE = 10;
/** Examples have no further pages. */
const BY_EXAMPLE = 20;
const KEPT = 10;

/** Answers of late, so that going back shows at once what was there. */
const answers = new Map<string, Shown>();

function keep(key: string, shown: Shown): void {
  answers.delete(key);
  answers.set(key, shown);
  for (const oldest of answers.keys()) {
    if (answers.size <= KEPT) break;
    answers.delete(oldest);
  }
}

export interface Searching {
  state: SearchState;
  again: () => void;
  more: () => void;
}

export function useSearch(route: SearchRoute): Searching {
  const [state, dispatch] = useReducer(nextState, { status: 'idle' });
  const key = formatRoute(route);
  const asking = useRef(new AbortController());
  const asked = useRef(route);

  const ask = useCallback(async () => {
    asking.current.abort();
    asking.current = new AbortController();
    const { signal } = asking.current;
    if (!asksSomething(route)) return dispatch({ kind: 'nothing asked' });
    dispatch({ kind: 'asked', keep: sameQuestion(asked.current, route) });
    asked.current = route;
    try {
      const answer = await askFor(route, null, signal);
      if (signal.aborted) return;
      dispatch({ kind: 'answered', answer });
      tellShown(route.text, answer.results, 0);
    } catch (error) {
      if (!signal.aborted) dispatch({ kind: 'failed', error: asApiError(error) });
    }
  }, [key]);

  useEffect(() => {
    const known = answers.get(key);
    if (known) {
      asking.current.abort();
      dispatch({ kind: 'restored', shown: known });
      requestAnimationFrame(restoreScroll);
    } else void ask();
    return () => asking.current.abort();
  }, [key]);

  useEffect(() => {
    if (state.status === 'answered') keep(key, { ...state, more: 'no' });
  }, [state]);

  const more = async () => {
    if (state.status !== 'answered' || state.next === null || state.more === 'asking') return;
    const { signal } = asking.current;
    dispatch({ kind: 'more asked' });
    try {
      const answer = await askFor(route, state.next, signal);
      if (signal.aborted) return;
      dispatch({ kind: 'more answered', answer });
      tellShown(route.text, answer.results, state.results.length);
    } catch (error) {
      if (!signal.aborted) dispatch({ kind: 'more failed', error: asApiError(error) });
    }
  };
  return { state, again: ask, more };
}

function sameQuestion(a: SearchRoute, b: SearchRoute): boolean {
  return a.text === b.text && a.like === b.like && a.example === b.example;
}

/** @param extra further parameters of a search by text */
export async function askFor(
  route: SearchRoute,
  cursor: string | null,
  signal: AbortSignal,
  extra: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  if (route.like !== null) return similarTo(route.like, BY_EXAMPLE, signal);
  if (route.example !== null) {
    const example = exampleNamed(route.example);
    if (!example) throw new ApiError({ status: 0, code: 'EXAMPLE_GONE', detail: 'The file is gone.' });
    return searchByExample(example.kind, example.file, BY_EXAMPLE, signal);
  }
  const parameters = searchParameters(route);
  parameters.set('limit', String(PAGE));
  if (cursor !== null) parameters.set('cursor', cursor);
  for (const [name, value] of Object.entries(extra)) parameters.set(name, value);
  return search(parameters, signal);
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  console.error(error);
  return new ApiError({ status: 0, code: 'PAGE_BUG', detail: String(error) });
}

function tellShown(query: string, results: readonly VideoHit[], before: number): void {
  if (query === '') return;
  note(
    ...results.map(({ video }, i) => ({
      ...{ kind: 'impression' as const, query, video, position: before + i + 1 },
    })),
  );
}
