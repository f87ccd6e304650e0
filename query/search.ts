/**
 * Searching: from a question to the videos, and the moments in them, that answer it, with the reasons. The layers one after
 * the other: intent, recall, fusion, relevance, ranking, moments.
 */
import type { BlobRef } from '../shared/contracts/common.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import type { Caveat, Encoders } from '../shared/ports/encoders.ts';
import type { IdentityStore } from '../shared/ports/identity-store.ts';
import type { Condition, Filter, VideoIndex } from '../shared/ports/video-index.ts';
import { SEARCH_SECTIONS, type SearchConfig } from '../shared/search-config.ts';
import type { ExampleTools } from './examples/tools.ts';
import { Dictionaries } from './intent/dictionary.ts';
import { type Intent, understand } from './intent/intent.ts';
import { findMoments, type MomentFound } from './moments/moments.ts';
import { blobOf, numberOf, stringOf } from './payload.ts';
import { rankCandidates, rankGuesses } from './ranking/rank.ts';
import { loadCandidates, momentsFilter } from './recall/candidates.ts';
import { type Asked, type Match, TEXT_CHANNELS } from './recall/channels.ts';
import { exampleQueries, hasExample, type SearchExample } from './recall/examples.ts';
import { type Facets, facetsOf, type SearchFilter, storeConditions } from './recall/filters.ts';
import { type Floors, floorsOf } from './recall/floors.ts';
import type { Contribution, Fusion } from './recall/fusion.ts';
import { LATE, unlessLate } from './recall/lateness.ts';
import { encodeQuery, type Recalled, recall, textQueries } from './recall/recall.ts';
import type { Asking } from './relevance/features.ts';
import type { RelevanceModel } from './relevance/model.ts';
import { readModel } from './relevance/stored-model.ts';
import { Laps, type Timings } from './timings.ts';
import { checkWeights } from './weights.ts';

export interface SearchServices {
  index: VideoIndex;
  encoders: Encoders;
  /** Null: people are not recognised in the query. */
  identities: Pick<IdentityStore, 'list'> | null;
  /** What pictures of faces and clips of sound are described with; without one such questions are refused. */
  examples?: ExampleTools;
}

export interface SearchRequest extends SearchExample {
  tenant: string;
  /** Empty where the question is an example only. */
  text?: string;
  /** @default 10 */
  limit?: number;
  /** Answers to leave out from the start. @default 0 */
  offset?: number;
  filter?: SearchFilter;
  /** Further conditions on fields of the videos collection. */
  filters?: Condition[];
  /** Moments of each video. @default 3 */
  moments?: number;
  /** Whether each answer says how it was graded and ranked. @default false */
  explain?: boolean;
  /** Whether what is probably not relevant is told too, apart from the results. @default false */
  weak?: boolean;
  signal?: AbortSignal;
  /** When it is aborted, recall channels that have not answered are left out, and named in the answer. */
  late?: AbortSignal;
}

export interface Explanation {
  grade: number;
  /** Of relevance: value × weight is what a feature adds before the logistic function. */
  features: { feature: string; value: number; weight: number }[];
  ranking: { tool: number; distribution: number; value: number; parts: Record<string, number> };
}

export interface VideoFound {
  video: string;
  title: string;
  durationSec: number;
  poster: BlobRef | null;
  /** Calibrated relevance, 0..1. */
  grade: number;
  /** What it is ordered by, among those of like relevance. */
  score: number;
  /** Share of the question's words that stand in its texts, 0..1. */
  coverage: number;
  nearDuplicateGroup: string | null;
  /** Near-duplicates that were found too and are not shown. */
  similar: { video: string; title: string }[];
  /** False when a stage did not fully contribute. */
  complete: boolean;
  matched: Match[];
  moments: MomentFound[];
  why: Contribution[];
  explain?: Explanation;
}

export interface SearchAnswer {
  generation: string | null;
  question: {
    text: string;
    language: string;
    tokens: string[];
    people: string[];
    kind: string;
    because: string;
    corrections: Intent['corrections'];
    entities: { name: string; kind: string; mention: string; how: string; certainty: number }[];
    constraints: Intent['constraints'];
  };
  results: VideoFound[];
  /** Guesses below the cut-off, the best first, when asked for: never more than are missing from `limit`. */
  weak: VideoFound[];
  /** Relevant videos that were found, those beyond `limit` too. */
  total: number;
  facets: Facets;
  /** What to know of the models behind this answer. */
  caveats: Caveat[];
  /** Recall channels that did not answer in time. Empty: the answer is whole. */
  late: string[];
  /** What each channel found by itself, the best first, what lies below its floor too; with `explain` only. */
  channels?: ChannelFound[];
  /** Which weights of relevance graded the videos; with `explain` only. */
  model?: string;
  /** With `explain` only. */
  timings?: Timings;
  tookMs: number;
}

export interface ChannelFound {
  name: string;
  weight: number;
  hits: { video: string; score: number; atSec: number | null }[];
}

export interface SearchOptions {
  config?: Partial<SearchConfig>;
  /** Instead of those known for the encoders. */
  floors?: Partial<Floors>;
  /** Instead of the one that the configuration names. */
  model?: RelevanceModel;
  /** Which recall channels are asked, by name; all by default. For comparing them. */
  channels?: (name: string) => boolean;
  /** Shared with others who look names up; its own by default. */
  dictionaries?: Dictionaries;
  now?: () => number;
}

export type Search = (request: SearchRequest) => Promise<SearchAnswer>;

/**
 * @throws CinedexError CONFIG_INVALID for weights of what there is not; when it is called, USAGE for a question that is empty
 * or asks what there are no tools for
 */
export function createSearch(services: SearchServices, options: SearchOptions = {}): Search {
  const config = { ...SEARCH_SECTIONS.search.parse({}), ...options.config };
  checkWeights(config);
  const dictionaries = options.dictionaries ?? new Dictionaries(services, { ...config, now: options.now });
  let model: Promise<RelevanceModel> | undefined;
  return async (request) => {
    model ??= options.model ? Promise.resolve(options.model) : readModel(config.relevanceModel);
    return new SearchRun(services, options, config, dictionaries, await model).answer(request);
  };
}

const NO_VECTORS = { text: undefined, parts: [], visual: undefined };
const NO_PEOPLE: Awaited<ReturnType<IdentityStore['list']>> = [];

class SearchRun {
  readonly #services: SearchServices;
  readonly #options: SearchOptions;
  readonly #config: SearchConfig;
  readonly #dictionaries: Dictionaries;
  readonly #model: RelevanceModel;

  constructor(
    services: SearchServices,
    options: SearchOptions,
    config: SearchConfig,
    dictionaries: Dictionaries,
    model: RelevanceModel,
  ) {
    this.#services = services;
    this.#options = options;
    this.#config = config;
    this.#dictionaries = dictionaries;
    this.#model = model;
  }

  async answer(request: SearchRequest): Promise<SearchAnswer> {
    const started = performance.now();
    const laps = new Laps(started);
    const { tenant, text = '', limit = 10, offset = 0, moments: momentLimit = 3, signal, late } = request;
    const { index, encoders, identities } = this.#services;
    const config = this.#config;
    if (text.trim() === '' && !hasExample(request)) throw new CinedexError('USAGE', 'Nothing was asked.');
    const generation = await index.active();
    if (generation === null) {
      return { ...NOTHING, question: questionOf(null, text), tookMs: performance.now() - started };
    }
    const people = identities ? await identities.list(tenant) : NO_PEOPLE;
    const dictionary = await this.#dictionaries.of(tenant, generation, people);
    const intent = text.trim() === '' ? null : understand(text, dictionary);
    laps.end('intent');
    const floors = this.#floors();
    const fusion: Fusion = { by: config.fusion, k: config.rrfK };
    const settings = {
      ...{ depth: config.depth, floors, channelWeights: config.channelWeights },
      channels: this.#options.channels ?? (() => true),
    };
    const asked: Asked[] = [];
    const unasked: { name: string }[] = [];
    if (intent) {
      const vectors = await unlessLate(encodeQuery(encoders, intent.text, signal), late);
      if (vectors === LATE) unasked.push(...TEXT_CHANNELS.filter(({ by }) => by !== 'words'));
      asked.push(...textQueries(intent, vectors === LATE ? NO_VECTORS : vectors, dictionary, settings));
    }
    const scope = { index, generation, tenant };
    if (hasExample(request)) {
      asked.push(
        ...(await exampleQueries(request, scope, { encoders, tools: this.#services.examples }, config)),
      );
    }
    signal?.throwIfAborted();
    laps.end('vectors');
    const { filter = {}, filters = [] } = request;
    const conditions = [...storeConditions(filter, intent?.constraints), ...filters];
    const own: Filter = [{ field: 'tenant', equals: tenant }];
    const others = await momentsFilter(scope, conditions);
    const channels = await recall(
      index,
      generation,
      asked,
      {
        videos: [...own, ...conditions],
        moments: [...own, ...others],
        faces: [...own, ...others],
        audio: [...own, ...others],
      },
      ({ name, weight }) => weight > 0 && settings.channels(name),
      late,
    );
    laps.end('recall');
    const missing = [...unasked, ...channels.filter((channel) => channel.late)].map(({ name }) => name);
    if (missing.length > 0 && channels.every((channel) => channel.late)) {
      throw new CinedexError('STAGE_TIMEOUT', 'No recall channel answered in time.');
    }
    const limits = { filter, conditions, fusion, like: request.like };
    const asking: Asking = {
      ...{ intent, dictionary, floors },
      distances: dictionary.entities.distances(intent?.entities.map(({ entity }) => entity.id) ?? []),
    };
    const now = (this.#options.now ?? Date.now)();
    const shape = { intent, request, fusion, momentLimit };
    const candidates = await loadCandidates(scope, channels, limits);
    laps.end('candidates');
    const ranked = rankCandidates(candidates.videos, asking, this.#model, config, now);
    laps.end('ranking');
    const results = this.#describe(ranked.slice(offset, offset + limit), candidates.channels, shape);
    laps.end('moments');
    const weak: VideoFound[] = [];
    if (request.weak && offset + limit > ranked.length) {
      const missing = limit - results.length;
      const shown = new Set(
        ranked.flatMap(({ shown: { id }, similar }) => [id, ...similar.map((each) => each.id)]),
      );
      const all = await loadCandidates(
        scope,
        channels.map((channel) => ({ ...channel, hits: channel.all })),
        limits,
      );
      const found = new Map(candidates.videos.map((candidate) => [candidate.video, candidate]));
      const guesses = all.videos
        .filter(({ video }) => !shown.has(video))
        // What was not found above a floor has no place among what was.
        .map((guess) => ({ ...guess, fused: found.get(guess.video)?.fused ?? 0 }));
      const guessed = rankGuesses(guesses, asking, this.#model, config, now);
      weak.push(...this.#describe(guessed.slice(0, missing), all.channels, shape));
    }
    const visual = ranked.some(({ shown }) => shown.candidate.why.some(({ channel }) => isVisual(channel)));
    const { caveat } = encoders.multimodal();
    return {
      generation,
      question: questionOf(intent, text),
      results,
      weak,
      total: ranked.length,
      facets: facetsOf(ranked.map(({ shown }) => shown.candidate.payload)),
      caveats: visual && caveat ? [caveat] : [],
      late: missing,
      ...(request.explain && {
        ...{ channels: channels.map(channelFound), model: this.#model.id, timings: laps.timings },
      }),
      tookMs: performance.now() - started,
    };
  }

  #describe(
    ranked: ReturnType<typeof rankCandidates>,
    channels: readonly Recalled[],
    { intent, request, fusion, momentLimit }: Shape,
  ): VideoFound[] {
    const matchOf = new Map(channels.map(({ name, match }) => [name, match]));
    const wanted = new Set(ranked.map(({ shown }) => shown.id));
    const own = channels.map((channel) => ({
      ...channel,
      hits: channel.hits.filter(({ payload }) => wanted.has(stringOf(payload.video))),
    }));
    const moments = findMoments(intent, own, { fusion, linkTemplate: this.#config.linkTemplate });
    return ranked.map(({ shown, similar }): VideoFound => {
      const { candidate, graded, features, valued } = shown;
      const { payload, video, why } = candidate;
      return {
        video,
        title: stringOf(payload.title),
        durationSec: numberOf(payload.durationSec) ?? 0,
        poster: blobOf(payload.poster),
        grade: graded.grade,
        score: valued.value,
        coverage: features.coverage,
        nearDuplicateGroup: stringOf(payload.nearDuplicateGroup) || null,
        similar: similar.map((each) => ({ video: each.id, title: stringOf(each.candidate.payload.title) })),
        complete: payload.complete === true,
        matched: [...new Set(why.map(({ channel }) => matchOf.get(channel)!))],
        moments: (moments.get(video) ?? []).slice(0, momentLimit),
        why: [...why].sort((a, b) => b.share - a.share),
        ...(request.explain && {
          explain: { grade: graded.grade, features: graded.parts, ranking: valued },
        }),
      };
    });
  }

  #floors(): Floors {
    const { encoders } = this.#services;
    return { ...floorsOf(encoders.text().id, encoders.multimodal().space.id), ...this.#options.floors };
  }
}

interface Shape {
  intent: Intent | null;
  request: SearchRequest;
  fusion: Fusion;
  momentLimit: number;
}

const NOTHING = { generation: null, results: [], weak: [], total: 0, facets: {}, caveats: [], late: [] };

function channelFound({ name, weight, all }: Recalled): ChannelFound {
  return {
    ...{ name, weight },
    hits: all.map(({ score, payload }) => ({
      ...{ video: stringOf(payload.video), score, atSec: numberOf(payload.startSec) },
    })),
  };
}

function isVisual(channel: string): boolean {
  return channel === 'moments.visual~' || channel === 'videos.gist~' || channel === 'moments.picture~';
}

function questionOf(intent: Intent | null, asked: string): SearchAnswer['question'] {
  const entities = intent?.entities ?? [];
  const people = entities.filter(({ entity }) => entity.kind === 'person').map(({ entity }) => entity.name);
  return {
    text: intent?.text ?? asked,
    language: intent?.language ?? 'und',
    tokens: intent?.tokens ?? [],
    people: [...new Set(people)],
    kind: intent?.kind ?? 'example',
    because: intent?.because ?? 'asked by example',
    corrections: intent?.corrections ?? [],
    entities: entities.map(({ entity: { name, kind }, mention, how, certainty }) => ({
      ...{ name, kind, mention, how, certainty },
    })),
    constraints: intent?.constraints ?? [],
  };
}
