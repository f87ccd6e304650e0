/** What the search API answers: the parts that the page shows. */

export interface Contribution {
  channel: string;
  /** From 1. */
  rank: number;
  score: number;
  /** What it adds to the fused score. */
  share: number;
}

export interface Moment {
  id: string;
  /** Seconds. */
  startSec: number;
  endSec: number;
  /** Where to begin to play. */
  atSec: number;
  link: string;
  thumbnail: string | null;
  score: number;
  /** How it answers: said, shown, seen, who, about, heard, clicked. */
  matched: string[];
  words: { kind: 'said' | 'shown'; text: string } | null;
  /** Places in the words, in UTF-16 units. */
  highlights: { from: number; to: number }[];
  labels: string[];
  people: string[];
  why: Contribution[];
}

export interface Explanation {
  grade: number;
  features: { feature: string; value: number; weight: number }[];
  ranking: { tool: number; distribution: number; value: number; parts: Record<string, number> };
}

export interface VideoHit {
  video: string;
  title: string;
  durationSec: number;
  poster: string | null;
  media: string;
  page: string;
  /** Relevance, 0..1. */
  grade: number;
  score: number;
  coverage: number;
  complete: boolean;
  /** How it answers: said, shown, seen, who, about, heard, clicked. */
  matched: string[];
  similar: { video: string; title: string }[];
  moments: Moment[];
  why: Contribution[];
  explain?: Explanation;
}

/** A condition in the question; what else it has depends on its kind. */
export interface Constraint {
  kind: string;
  phrase: string;
  [detail: string]: unknown;
}

export interface Question {
  text: string;
  language: string;
  kind: string;
  because: string;
  tokens: string[];
  people: string[];
  corrections: { from: string; to: string; by: string }[];
  entities: { name: string; kind: string; mention: string; how: string; certainty: number }[];
  constraints: Constraint[];
}

export interface Answer {
  question: Question;
  results: VideoHit[];
  /** Guesses below the cut-off. */
  weak: VideoHit[];
  total: number;
  next: string | null;
  facets: Record<string, { value: string; count: number }[]>;
  caveats: { code: string; message: string }[];
  partial: { reason: string; missing: string[] } | null;
  tookMs: number;
  model?: string;
}

export interface Suggestion {
  text: string;
  kind: 'title' | 'person' | 'series' | 'query' | 'recent';
}

export interface Cue {
  kind: 'said' | 'shown';
  startSec: number;
  endSec: number;
  text: string;
}

export interface Shot {
  id: string;
  startSec: number;
  endSec: number;
  thumbnail: string | null;
  labels: string[];
  people: string[];
  cues: Cue[];
}

export interface Person {
  identity: string;
  name: string | null;
  /** From and to, seconds. */
  spans: [number, number][];
  thumbnail: string | null;
}

export interface StageState {
  stage: string;
  state: string;
  attempts: number;
  error?: { code: string; message: string; hint?: string };
}

export interface Named {
  id: string;
  name: string | null;
}

export interface VideoDetails {
  video: string;
  title: string;
  description: string | null;
  source: string;
  language: string | null;
  tags: string[];
  uploader: Named | null;
  channel: Named | null;
  series: string | null;
  season: number | null;
  episode: number | null;
  publishedAt: string | null;
  /** Null until it is indexed. */
  durationSec: number | null;
  width: number | null;
  height: number | null;
  poster: string | null;
  media: string;
  labels: string[];
  sounds: string[];
  keywords: string[];
  complete: boolean;
  missing: string[];
  stages: StageState[] | null;
  shots: Shot[];
  people: Person[];
  soundSegments: { startSec: number; endSec: number; kind: string }[];
  similar: { video: string; title: string; poster: string | null }[];
}

export interface Me {
  tenant: string;
  scopes: string[];
  /** Whether no key is needed. */
  open: boolean;
}

export interface Interaction {
  query?: string;
  video: string;
  kind: 'impression' | 'click' | 'watch' | 'not-relevant';
  /** From 1. */
  position?: number;
  watchSeconds?: number;
}

/** RFC 9457, with a code of the server's table. */
export interface Problem {
  status: number;
  detail: string;
  code: string;
  hint?: string;
  retryable?: boolean;
}
