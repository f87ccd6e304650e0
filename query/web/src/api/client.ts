/** Asks the API of the server that the page came from. */
import type { Answer, Interaction, Me, Problem, Suggestion, VideoDetails } from './types.ts';

/** A refusal of the API, or that it cannot be reached (`OFFLINE`). */
export class ApiError extends Error {
  readonly code: string;
  readonly hint: string | null;
  /** 0: there was no answer. */
  readonly status: number;

  constructor({ code, detail, hint, status }: Problem) {
    super(detail);
    this.name = 'ApiError';
    this.code = code;
    this.hint = hint ?? null;
    this.status = status;
  }
}

/** Dispatched on the window when a key is wanted. */
export const KEY_WANTED = 'cinedex:key-wanted';

/** @throws ApiError; and the signal's reason when it is aborted */
async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...init });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError({ status: 0, code: 'OFFLINE', detail: 'The server does not answer.' });
  }
  if (response.ok) return response;
  if (response.status === 401) window.dispatchEvent(new Event(KEY_WANTED));
  throw new ApiError(await problemOf(response));
}

/** A proxy in between may answer with something else than a problem document. */
async function problemOf(response: Response): Promise<Problem> {
  const usual = { status: response.status, code: `HTTP_${response.status}`, detail: response.statusText };
  if (!response.headers.get('content-type')?.includes('json')) return usual;
  return { ...usual, ...((await response.json()) as Partial<Problem>) };
}

async function read<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await ask(path, init)).json()) as T;
}

function json(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** @param parameters those of `GET /v1/search` */
export function search(parameters: URLSearchParams, signal?: AbortSignal): Promise<Answer> {
  return read(`/v1/search?${parameters}`, { signal });
}

export type ExampleKind = 'image' | 'face' | 'audio';

export function searchByExample(
  kind: ExampleKind,
  file: File,
  limit: number,
  signal?: AbortSignal,
): Promise<Answer> {
  const body = new FormData();
  // Fields before the file: a server that reads a stream knows them when the file comes.
  body.append('limit', String(limit));
  body.append('file', file);
  return read(`/v1/search/${kind}`, { method: 'POST', body, signal });
}

export function similarTo(moment: string, limit: number, signal?: AbortSignal): Promise<Answer> {
  return read(`/v1/moments/${encodeURIComponent(moment)}/similar?limit=${limit}`, { signal });
}

export async function suggest(text: string, signal: AbortSignal): Promise<Suggestion[]> {
  const asked = new URLSearchParams({ q: text, limit: '8' });
  return (await read<{ suggestions: Suggestion[] }>(`/v1/suggest?${asked}`, { signal })).suggestions;
}

export function videoDetails(video: string, signal?: AbortSignal): Promise<VideoDetails> {
  return read(`/v1/videos/${encodeURIComponent(video)}`, { signal });
}

export function me(): Promise<Me> {
  return read('/v1/me');
}

export async function signIn(key: string): Promise<void> {
  await ask('/v1/session', json({ key }));
}

export async function signOut(): Promise<void> {
  await ask('/v1/session', { method: 'DELETE' });
}

/** Outlives the page, so that what was watched is told when it is left. */
export async function report(events: readonly Interaction[]): Promise<void> {
  await ask('/v1/interactions', { ...json({ events }), keepalive: true });
}
