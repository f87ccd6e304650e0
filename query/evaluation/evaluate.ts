/** Asks the questions of a labelled set, and measures the answers: of the full search, of each channel alone, and of plain BM25. */
import type { ChannelFound, Search, SearchAnswer } from '../search.ts';
import type { LabelledQuery } from './labelled-set.ts';
import { hitsMoment, mean, ndcg, recallAt, reciprocalRank, type Span } from './metrics.ts';
import { randomisationTest, type Significance } from './significance.ts';

export interface Scores {
  ndcg10: number;
  reciprocalRank: number;
  recall1: number;
  recall10: number;
  recall100: number;
  /** Whether the first moment of the first video, or one of its five best, is right; null where no moment is labelled. */
  moment1: number | null;
  moment5: number | null;
}

export interface QueryOutcome {
  query: LabelledQuery;
  full: Scores;
  /** Whether a right video is above the cut-off. */
  answered: boolean;
  bm25: Scores;
  channels: Record<string, Scores>;
  answer: Pick<SearchAnswer, 'results' | 'weak' | 'question'>;
  tookMs: number;
}

/** A ranking of videos, with where to begin in the first few. */
interface Ranking {
  videos: string[];
  moments: { video: string; atSec: number }[];
}

const DEPTH = 100;
const MOMENTS = 5;

function score({ videos, moments }: Ranking, query: LabelledQuery): Scores {
  const grades = new Map(Object.entries(query.relevant));
  const spans: Span[] = query.moments;
  const timed = spans.length > 0;
  return {
    ndcg10: ndcg(videos, grades, 10),
    reciprocalRank: reciprocalRank(videos, grades),
    recall1: recallAt(videos, grades, 1),
    recall10: recallAt(videos, grades, 10),
    recall100: recallAt(videos, grades, DEPTH),
    moment1: timed ? Number(hitsMoment(moments.slice(0, 1), spans)) : null,
    moment5: timed ? Number(hitsMoment(moments.slice(0, MOMENTS), spans)) : null,
  };
}

/**
 * The order is measured over all that was found, guesses last, so that it can be compared with channels, which know no cut-off;
 * the cut-off is measured by questions without an answer. Near-duplicates that are folded away follow the one that is shown.
 */
function rankingOf({ results, weak }: SearchAnswer): Ranking {
  const all = [...results, ...weak];
  const [first] = all;
  return {
    videos: all.flatMap(({ video, similar }) => [video, ...similar.map((each) => each.video)]),
    moments: first ? first.moments.map(({ atSec }) => ({ video: first.video, atSec })) : [],
  };
}

/** A channel alone: videos by its own scores. Equal scores keep the store's order. */
function channelRanking({ hits }: Pick<ChannelFound, 'hits'>): Ranking {
  const videos = [...new Set(hits.map(({ video }) => video))];
  const moments = hits.flatMap(({ video, atSec }) =>
    atSec !== null && video === videos[0] ? [{ video, atSec }] : [],
  );
  return { videos, moments };
}

const BM25 = /^videos\.(title|about|screen|speech|people)$/;
const BM25_MOMENTS = /^moments\.(screen|speech|labels|people)$/;

/** Plain BM25: the sum over the videos' text fields; the moments of the first video by the sum over theirs. */
function bm25Ranking(channels: readonly ChannelFound[]): Ranking {
  const sums = new Map<string, number>();
  for (const { hits } of channels.filter(({ name }) => BM25.test(name))) {
    for (const { video, score } of hits) sums.set(video, (sums.get(video) ?? 0) + score);
  }
  const videos = [...sums].sort(([, a], [, b]) => b - a).map(([video]) => video);
  const starts = new Map<number, number>();
  for (const { hits } of channels.filter(({ name }) => BM25_MOMENTS.test(name))) {
    for (const { video, score, atSec } of hits) {
      if (video === videos[0] && atSec !== null) starts.set(atSec, (starts.get(atSec) ?? 0) + score);
    }
  }
  const moments = [...starts].sort(([, a], [, b]) => b - a).map(([atSec]) => ({ video: videos[0]!, atSec }));
  return { videos, moments };
}

export async function askAll(
  search: Search,
  tenant: string,
  queries: readonly LabelledQuery[],
  options: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
): Promise<QueryOutcome[]> {
  const outcomes: QueryOutcome[] = [];
  for (const query of queries) {
    options.signal?.throwIfAborted();
    options.onProgress?.(outcomes.length, queries.length);
    const answer = await search({
      ...{ tenant, text: query.text, limit: DEPTH, moments: MOMENTS },
      ...{ explain: true, weak: true, signal: options.signal },
    });
    const channels = answer.channels ?? [];
    outcomes.push({
      query,
      full: score(rankingOf(answer), query),
      answered: answer.results.some(({ video, similar }) =>
        [video, ...similar.map((each) => each.video)].some((id) => (query.relevant[id] ?? 0) > 0),
      ),
      bm25: score(bm25Ranking(channels), query),
      channels: Object.fromEntries(
        channels.map((channel) => [channel.name, score(channelRanking(channel), query)]),
      ),
      answer,
      tookMs: answer.tookMs,
    });
  }
  return outcomes;
}

export interface Summary extends Omit<Scores, 'moment1' | 'moment5'> {
  queries: number;
  /** Questions with a labelled moment. */
  timed: number;
  moment1: number | null;
  moment5: number | null;
}

const EMPTY: Scores = {
  ...{ ndcg10: 0, reciprocalRank: 0, recall1: 0, recall10: 0, recall100: 0 },
  ...{ moment1: null, moment5: null },
};

/** A question that a channel was not asked, or found nothing for, scores 0 with it. */
export function summarise(scores: readonly Scores[], timedQueries?: number): Summary {
  const of = (name: keyof Scores) => {
    const values = scores.flatMap((each) => each[name] ?? []);
    const count = name.startsWith('moment') ? (timedQueries ?? values.length) : scores.length;
    return count === 0 ? null : round((mean(values) * values.length) / count);
  };
  return {
    queries: scores.length,
    timed: timedQueries ?? scores.filter(({ moment1 }) => moment1 !== null).length,
    ndcg10: of('ndcg10') ?? 0,
    reciprocalRank: of('reciprocalRank') ?? 0,
    recall1: of('recall1') ?? 0,
    recall10: of('recall10') ?? 0,
    recall100: of('recall100') ?? 0,
    moment1: of('moment1'),
    moment5: of('moment5'),
  };
}

export interface GroupResult {
  full: Summary;
  /** Share of the questions for which a right video is above the cut-off. */
  answered: number;
  bm25: Summary;
  channels: Record<string, Summary>;
  /** Full search against plain BM25, on nDCG@10. */
  againstBm25: Significance;
}

/** Of all questions, and by language and kind. */
export function groupResults(outcomes: readonly QueryOutcome[]): Record<string, GroupResult> {
  const groups = new Map<string, QueryOutcome[]>();
  for (const outcome of outcomes) {
    const { language, kind } = outcome.query;
    for (const name of ['all', language, kind, `${kind} ${language}`]) {
      const known = groups.get(name);
      if (known) known.push(outcome);
      else groups.set(name, [outcome]);
    }
  }
  return Object.fromEntries(
    [...groups].map(([name, members]) => {
      const names = new Set(members.flatMap(({ channels }) => Object.keys(channels)));
      const timed = members.filter(({ query }) => query.moments.length > 0).length;
      const channels = [...names].map((channel) => [
        channel,
        summarise(
          members.map((each) => each.channels[channel] ?? EMPTY),
          timed,
        ),
      ]);
      return [
        name,
        {
          full: summarise(members.map(({ full }) => full)),
          answered: round(mean(members.map(({ answered }) => Number(answered)))),
          bm25: summarise(members.map(({ bm25 }) => bm25)),
          channels: Object.fromEntries(channels),
          againstBm25: compare(
            members,
            (each) => each.bm25,
            (each) => each.full,
          ),
        },
      ];
    }),
  );
}

function compare(
  outcomes: readonly QueryOutcome[],
  first: (outcome: QueryOutcome) => Scores,
  second: (outcome: QueryOutcome) => Scores,
): Significance {
  return randomisationTest(
    outcomes.map((each) => first(each).ndcg10),
    outcomes.map((each) => second(each).ndcg10),
  );
}

/** Two configurations on the same questions, by nDCG@10. */
export function compareRuns(
  before: readonly QueryOutcome[],
  after: readonly QueryOutcome[],
): Record<string, Significance> {
  const languages = [...new Set(before.map(({ query }) => query.language))];
  const test = (keep: (query: LabelledQuery) => boolean) => {
    const pick = (outcomes: readonly QueryOutcome[]) =>
      outcomes.filter(({ query }) => keep(query)).map(({ full }) => full.ndcg10);
    return randomisationTest(pick(before), pick(after));
  };
  return {
    all: test(() => true),
    ...Object.fromEntries(
      languages.map((language) => [language, test((query) => query.language === language)]),
    ),
  };
}

/** Questions that nothing in a library answers: how many of them are answered by nothing. */
export async function silence(search: Search, tenant: string, texts: readonly string[]): Promise<number> {
  let silent = 0;
  for (const text of texts) if ((await search({ tenant, text })).results.length === 0) silent += 1;
  return silent;
}

export function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
