/** Searching: from a text to the videos, and the moments in them, that answer it, with the reasons. */
import type { BlobRef } from '../shared/contracts/common.ts';
import { BlobRef as BlobRefSchema } from '../shared/contracts/common.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import type { Encoders } from '../shared/ports/encoders.ts';
import type { IdentityStore } from '../shared/ports/identity-store.ts';
import type { Condition, Hit, Payload, PayloadValue, VideoIndex } from '../shared/ports/video-index.ts';
import { coverage, cuesOf, describedBy, quotes, type StoredCue, secondOf } from './evidence.ts';
import { type Floors, floorsOf } from './floors.ts';
import { type Contribution, fuse, RRF_K, total } from './fusion.ts';
import { type Question, understand } from './question.ts';
import { type Match, type Recalled, recall } from './recall.ts';

export interface SearchServices {
  index: VideoIndex;
  encoders: Encoders;
  /** Null: people are not recognised in the query. */
  identities: Pick<IdentityStore, 'list'> | null;
}

export interface SearchRequest {
  tenant: string;
  text: string;
  /** @default 10 */
  limit?: number;
  /** Conditions on fields of the videos collection (`source`, `language`, `channel`, `publishedAt`, …). */
  filters?: Condition[];
  /** Moments of each video. @default 3 */
  moments?: number;
  signal?: AbortSignal;
}

export interface MomentFound {
  startSec: number;
  endSec: number;
  /** Where to begin to play: about where the words that match begin, or the shot. */
  atSec: number;
  thumbnail: BlobRef | null;
  score: number;
  matched: Match[];
  /** The words that match, as said or shown. */
  words: { kind: 'said' | 'shown'; text: string } | null;
  /** What is seen. */
  labels: string[];
  /** Names of people seen who are named in the question. */
  people: string[];
  why: Contribution[];
}

export interface VideoFound {
  video: string;
  title: string;
  durationSec: number;
  poster: BlobRef | null;
  score: number;
  /** Share of the question's words that stand in its texts, 0..1. */
  coverage: number;
  nearDuplicateGroup: string | null;
  /** False when a stage did not fully contribute. */
  complete: boolean;
  matched: Match[];
  moments: MomentFound[];
  why: Contribution[];
}

export interface SearchAnswer {
  generation: string | null;
  question: { text: string; language: string; tokens: string[]; people: string[] };
  results: VideoFound[];
  /** What to know of the models behind this answer. */
  caveats: string[];
  tookMs: number;
}

export interface SearchOptions {
  /** Instead of those known for the encoders. */
  floors?: Partial<Floors>;
  /** Which recall channels are asked, by name; all by default. For comparing them. */
  channels?: (name: string) => boolean;
}

/** Least share of the question's words that a video found by words alone must have. */
const LEAST_COVERAGE = 0.34;
/** In units of a first place in a channel of weight 1. */
const FIRST_PLACE = 1 / (RRF_K + 1);
const COVERAGE_BONUS = 2;
const QUOTE_BONUS = 3;
const MOST_VIDEOS = 200;

export function createSearch(
  services: SearchServices,
  options: SearchOptions = {},
): (request: SearchRequest) => Promise<SearchAnswer> {
  return (request) => search(services, options, request);
}

/** @throws CinedexError USAGE for an empty text */
async function search(
  services: SearchServices,
  options: SearchOptions,
  request: SearchRequest,
): Promise<SearchAnswer> {
  const started = performance.now();
  const { tenant, text, limit = 10, signal } = request;
  if (text.trim() === '') throw new CinedexError('USAGE', 'Nothing was asked.');
  const question = await understand(text, tenant, services.identities);
  const generation = await services.index.active();
  const answer = (results: VideoFound[], caveats: string[] = []): SearchAnswer => ({
    generation,
    question: {
      text: question.text,
      language: question.language,
      tokens: question.tokens,
      people: question.people.flatMap(({ name }) => name ?? []),
    },
    results,
    caveats,
    tookMs: performance.now() - started,
  });
  if (generation === null) return answer([]);
  const { encoders } = services;
  const floors = { ...floorsOf(encoders.text().id, encoders.multimodal().space.id), ...options.floors };
  const asked = { floors, channels: options.channels ?? (() => true), signal };
  const channels = await recall(services, generation, tenant, question, asked);
  const videos = await fetchVideos(services.index, generation, request, channels);
  const results = rankVideos(question, channels, videos, request.moments ?? 3).slice(0, limit);
  const visual = results.some(({ why }) => why.some(({ channel }) => isVisual(channel)));
  const { caveat } = services.encoders.multimodal();
  return answer(results, visual && caveat ? [caveat] : []);
}

function isVisual(channel: string): boolean {
  return channel === 'moments.visual~' || channel === 'videos.gist~';
}

/** The videos' own points of all that was recalled, filtered; moments of others (just deleted, say) are dropped by this. */
async function fetchVideos(
  index: VideoIndex,
  generation: string,
  { tenant, filters = [] }: SearchRequest,
  channels: readonly Recalled[],
): Promise<Map<string, Payload>> {
  const ids = [...fuse(channels.map(byVideo)).entries()]
    .sort(([, a], [, b]) => total(b) - total(a))
    .slice(0, MOST_VIDEOS)
    .map(([id]) => id);
  if (ids.length === 0) return new Map();
  const [hits] = await index.query(generation, 'videos', [
    {
      kind: 'scan',
      limit: ids.length,
      filter: [{ field: 'tenant', equals: tenant }, { field: 'video', anyOf: ids }, ...filters],
    },
  ]);
  return new Map((hits ?? []).map(({ payload }) => [String(payload.video), payload]));
}

function byVideo({ name, weight, hits }: Recalled) {
  return { name, weight, hits: hits.map(({ score, payload }) => ({ key: String(payload.video), score })) };
}

function rankVideos(
  question: Question,
  channels: readonly Recalled[],
  videos: ReadonlyMap<string, Payload>,
  momentLimit: number,
): VideoFound[] {
  const known = channels.map((channel) => ({
    ...channel,
    hits: channel.hits.filter(({ payload }) => videos.has(String(payload.video))),
  }));
  const matchOf = new Map(known.map(({ name, match }) => [name, match]));
  const fused = fuse(known.map(byVideo));
  const moments = rankMoments(question, known, matchOf);
  const results: VideoFound[] = [];
  for (const [id, why] of fused) {
    const payload = videos.get(id)!;
    const own = moments.get(id) ?? [];
    const described = describedBy(payload);
    const spoken = own.flatMap(({ cues }) => cues.map(({ text }) => text)).join('\n');
    const covered = coverage(question, `${described}\n${spoken}`);
    const quoted = quotes(question, described) || own.some(({ quoted }) => quoted);
    const byMeaning = why.some(({ channel }) => channel.endsWith('~') || channel === 'moments.identity');
    const bySight = why.some(({ channel }) => channel === 'moments.labels');
    if (!byMeaning && !quoted && covered < LEAST_COVERAGE && !bySight) continue;
    const bonus = (covered ** 2 * COVERAGE_BONUS + (quoted ? QUOTE_BONUS : 0)) * FIRST_PLACE;
    results.push({
      video: id,
      title: text(payload.title),
      durationSec: typeof payload.durationSec === 'number' ? payload.durationSec : 0,
      poster: blob(payload.poster),
      score: total(why) + bonus,
      coverage: covered,
      nearDuplicateGroup: typeof payload.nearDuplicateGroup === 'string' ? payload.nearDuplicateGroup : null,
      complete: payload.complete === true,
      matched: [...new Set(why.map(({ channel }) => matchOf.get(channel)!))],
      moments: own.slice(0, momentLimit).map(({ cues: _, quoted: __, ...found }) => found),
      why: [...why].sort((a, b) => b.share - a.share),
    });
  }
  return results.sort((a, b) => b.score - a.score || (a.video < b.video ? -1 : 1));
}

type RankedMoment = MomentFound & { cues: StoredCue[]; quoted: boolean };

function rankMoments(
  question: Question,
  channels: readonly Recalled[],
  matchOf: ReadonlyMap<string, Match>,
): Map<string, RankedMoment[]> {
  const own = channels.filter(({ collection }) => collection === 'moments');
  const payloads = new Map<string, Payload>();
  for (const { hits } of own) for (const hit of hits) payloads.set(hit.id, hit.payload);
  const ranked = new Map<string, RankedMoment[]>();
  const keyed = own.map(({ name, weight, hits }) => ({
    name,
    weight,
    hits: hits.map((hit: Hit) => ({ key: hit.id, score: hit.score })),
  }));
  for (const [id, why] of fuse(keyed)) {
    const payload = payloads.get(id)!;
    const video = String(payload.video);
    ranked.set(video, [...(ranked.get(video) ?? []), momentFound(question, payload, why, matchOf)]);
  }
  for (const moments of ranked.values()) moments.sort((a, b) => b.score - a.score || a.startSec - b.startSec);
  return ranked;
}

function momentFound(
  question: Question,
  payload: Payload,
  why: Contribution[],
  matchOf: ReadonlyMap<string, Match>,
): RankedMoment {
  const cues = cuesOf(payload);
  const scored = cues.map((cue) => ({
    cue,
    covered: coverage(question, cue.text),
    quoted: quotes(question, cue.text),
  }));
  const value = (each: (typeof scored)[number] | undefined) =>
    each ? each.covered + (each.quoted ? 1 : 0) : 0;
  const best = scored.reduce<(typeof scored)[number] | undefined>(
    (top, each) => (value(each) > value(top) ? each : top),
    undefined,
  );
  const all = cues.map(({ text: words }) => words).join('\n');
  const covered = coverage(question, all);
  const quoted = quotes(question, all);
  const startSec = typeof payload.startSec === 'number' ? payload.startSec : 0;
  const endSec = typeof payload.endSec === 'number' ? payload.endSec : startSec;
  const names = Array.isArray(payload.people) ? payload.people : [];
  return {
    startSec,
    endSec,
    atSec: best ? Math.min(endSec, Math.max(startSec, secondOf(question, best.cue))) : startSec,
    thumbnail: blob(payload.thumbnail),
    score: total(why) + (covered ** 2 * COVERAGE_BONUS + (quoted ? QUOTE_BONUS : 0)) * FIRST_PLACE,
    matched: [
      ...new Set([...(best ? [best.cue.kind] : []), ...why.map(({ channel }) => matchOf.get(channel)!)]),
    ],
    words: best ? { kind: best.cue.kind, text: best.cue.text } : null,
    labels: labelsOf(payload),
    people: question.people.flatMap(({ id, name }) => (names.includes(id) && name ? [name] : [])),
    why: [...why].sort((a, b) => b.share - a.share),
    cues,
    quoted,
  };
}

function labelsOf({ labels }: Payload): string[] {
  if (!Array.isArray(labels)) return [];
  return labels.flatMap((each) =>
    each !== null && typeof each === 'object' && !Array.isArray(each) && typeof each.label === 'string'
      ? [each.label]
      : [],
  );
}

function text(value: PayloadValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function blob(value: PayloadValue | undefined): BlobRef | null {
  const parsed = BlobRefSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}
