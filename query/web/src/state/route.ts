/** What the address says. A search's address has the parameters of `GET /v1/search`, so it can be kept and sent. Pure. */

export interface Filters {
  source?: string;
  person: string[];
  channel?: string;
  language?: string;
  series?: string;
  tag?: string;
  /** Days, YYYY-MM-DD. */
  publishedFrom?: string;
  publishedTo?: string;
  /** Seconds. */
  durationFrom?: string;
  durationTo?: string;
  hasSpeech?: string;
  hasFaces?: string;
  hasText?: string;
}

export type FilterName = keyof Filters;

const SINGLE = [
  'source',
  'channel',
  'language',
  'series',
  'tag',
  'publishedFrom',
  'publishedTo',
  'durationFrom',
  'durationTo',
  'hasSpeech',
  'hasFaces',
  'hasText',
] as const;

export interface SearchRoute {
  page: 'search';
  text: string;
  filters: Filters;
  /** Whether guesses are wanted where nothing is relevant. */
  weak: boolean;
  /** Id of a moment that others shall be like. */
  like: string | null;
  /** Number of a file that was dropped on this very page. */
  example: string | null;
}

export interface VideoRoute {
  page: 'video';
  video: string;
  /** Seconds. */
  at: number | null;
}

export type Route = SearchRoute | VideoRoute;

export const NO_FILTERS: Filters = { person: [] };
export const HOME: SearchRoute = {
  ...{ page: 'search', text: '', filters: NO_FILTERS, weak: false, like: null, example: null },
};

/** @param address path and query */
export function parseRoute(address: string): Route {
  const { pathname, searchParams } = new URL(address, 'http://page');
  const video = /^\/videos\/([^/]+)\/?$/.exec(pathname)?.[1];
  if (video !== undefined) {
    const at = Number.parseFloat(searchParams.get('t') ?? '');
    return { page: 'video', video: decoded(video), at: Number.isFinite(at) && at >= 0 ? at : null };
  }
  const filters: Filters = { person: searchParams.getAll('person').filter((name) => name !== '') };
  for (const name of SINGLE) {
    const value = searchParams.get(name);
    if (value) filters[name] = value;
  }
  return {
    page: 'search',
    text: searchParams.get('q')?.trim() ?? '',
    filters,
    weak: searchParams.get('weak') === 'true',
    like: searchParams.get('like') || null,
    example: searchParams.get('example') || null,
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A stray % that somebody typed.
    return part;
  }
}

export function formatRoute(route: Route): string {
  if (route.page === 'video') {
    const at = route.at === null ? '' : `?t=${Math.floor(route.at * 10) / 10}`;
    return `/videos/${encodeURIComponent(route.video)}${at}`;
  }
  const parameters = searchParameters(route);
  if (route.like) parameters.set('like', route.like);
  if (route.example) parameters.set('example', route.example);
  const query = parameters.toString();
  return query === '' ? '/' : `/?${query}`;
}

/** The parameters of `GET /v1/search` for it. */
export function searchParameters({ text, filters, weak }: SearchRoute): URLSearchParams {
  const parameters = new URLSearchParams();
  if (text !== '') parameters.set('q', text);
  for (const name of SINGLE) {
    const value = filters[name];
    if (value) parameters.set(name, value);
  }
  for (const name of filters.person) parameters.append('person', name);
  if (weak) parameters.set('weak', 'true');
  return parameters;
}

/** Whether anything is asked at all. */
export function asksSomething({ text, like, example }: SearchRoute): boolean {
  return text !== '' || like !== null || example !== null;
}

export function countFilters(filters: Filters): number {
  return filters.person.length + SINGLE.filter((name) => filters[name]).length;
}

/** The filters with one value put in, or taken out where it is in already. */
export function toggleFilter(filters: Filters, name: FilterName, value: string): Filters {
  if (name !== 'person') return { ...filters, [name]: filters[name] === value ? undefined : value };
  const has = filters.person.includes(value);
  return {
    ...filters,
    person: has ? filters.person.filter((each) => each !== value) : [...filters.person, value],
  };
}
