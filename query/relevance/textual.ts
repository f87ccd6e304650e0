/** How much of the query stands in the texts of a video, word for word. All features lie in 0..1. */
import { entityKey } from '../intent/entities.ts';
import type { Intent } from '../intent/intent.ts';
import { simplified } from '../intent/traditional.ts';
import { labelsOf, stringOf, stringsOf } from '../payload.ts';
import { coverage, cuesOf, describedBy, quotes, wordsOf } from './evidence.ts';
import type { Asking, Candidate } from './features.ts';

export interface TextualFeatures {
  /** Share of the query's words in any text of the video that is known here. */
  coverage: number;
  /** … in title and series. */
  titleCoverage: number;
  /** … in what is said and shown in the one moment that has most. */
  momentCoverage: number;
  /** … in what is seen. */
  labelCoverage: number;
  /** How close together the words stand in the best text: 1 side by side. */
  proximity: number;
  /** 1 when the whole query (or what it quotes) stands in a text as it is. */
  phrase: number;
  /** 1 when the title is the query. */
  titleExact: number;
  /** Share of the title's words that are the query's: 1 for a title that says nothing else. */
  titleShare: number;
  /** How well its words match among all that match, rare words counting more: BM25 over that of the best. */
  lexical: number;
}

const NOTHING: TextualFeatures = {
  coverage: 0,
  titleCoverage: 0,
  momentCoverage: 0,
  labelCoverage: 0,
  proximity: 0,
  phrase: 0,
  titleExact: 0,
  titleShare: 0,
  lexical: 0,
};

export function textualFeatures(
  { payload, moments, lexical }: Candidate,
  { intent }: Asking,
): TextualFeatures {
  if (!intent) return NOTHING;
  const title = [stringOf(payload.title), stringOf(payload.series)].filter(Boolean).join('\n');
  const described = simplified(describedBy(payload));
  const spoken = moments.map((moment) =>
    simplified(
      cuesOf(moment)
        .map(({ text }) => text)
        .join('\n'),
    ),
  );
  const labels = [...stringsOf(payload.labels), ...moments.flatMap(labelsOf)].join('\n');
  const texts = [described, ...spoken];
  const wanted = new Set(intent.words.map(({ token }) => token));
  return {
    coverage: coverage(intent, ...texts, labels),
    titleCoverage: coverage(intent, simplified(title)),
    momentCoverage: Math.max(0, ...spoken.map((text) => coverage(intent, text))),
    labelCoverage: coverage(intent, labels),
    proximity: Math.max(0, ...texts.map((text) => proximity(wanted, text))),
    phrase: texts.some((text) => quotes(intent, text)) ? 1 : 0,
    titleExact: entityKey(stringOf(payload.title)) === entityKey(intent.text) ? 1 : 0,
    titleShare: share(intent, simplified(stringOf(payload.title))),
    lexical,
  };
}

/** Words of the query over the length of the shortest stretch of text that has all of them that occur; 0 for fewer than two. */
export function proximity(wanted: ReadonlySet<string>, text: string): number {
  if (wanted.size < 2) return 0;
  const tokens = wordsOf(text);
  const places = tokens.flatMap((token, at) => (wanted.has(token) ? [{ token, at }] : []));
  const present = new Set(places.map(({ token }) => token));
  if (present.size < 2) return 0;
  const counts = new Map<string, number>();
  let shortest = Number.POSITIVE_INFINITY;
  let first = 0;
  for (const { token, at } of places) {
    counts.set(token, (counts.get(token) ?? 0) + 1);
    while (counts.size === present.size) {
      const start = places[first]!;
      shortest = Math.min(shortest, at - start.at + 1);
      const left = counts.get(start.token)! - 1;
      if (left === 0) counts.delete(start.token);
      else counts.set(start.token, left);
      first += 1;
    }
  }
  return (present.size / shortest) * (present.size / wanted.size);
}

function share({ words }: Intent, title: string): number {
  const tokens = new Set(wordsOf(title));
  if (tokens.size === 0) return 0;
  const wanted = new Set(words.flatMap(({ token, instead }) => [token, ...instead]));
  return [...tokens].filter((token) => wanted.has(token)).length / tokens.size;
}
