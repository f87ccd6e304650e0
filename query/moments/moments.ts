/** The moments of a video that answer: where to play, what matched, and how to show it. */
import type { BlobRef } from '../../shared/contracts/common.ts';
import type { Hit, Payload } from '../../shared/ports/video-index.ts';
import type { Intent } from '../intent/intent.ts';
import { simplified } from '../intent/traditional.ts';
import { blobOf, labelsOf, numberOf, stringOf, stringsOf } from '../payload.ts';
import type { Match } from '../recall/channels.ts';
import { type Contribution, type Fusion, fuse, total } from '../recall/fusion.ts';
import type { Recalled } from '../recall/recall.ts';
import { coverage, cuesOf, quotes, type StoredCue, secondOf } from '../relevance/evidence.ts';
import { type Highlight, highlight } from './highlights.ts';

export interface MomentFound {
  /** Of the point in the index; `like` takes it. */
  id: string;
  startSec: number;
  endSec: number;
  /** Where to begin to play: about where the words that match begin, or the shot. */
  atSec: number;
  /** Address that plays it. */
  link: string;
  thumbnail: BlobRef | null;
  score: number;
  matched: Match[];
  /** The words that match, as said or shown. */
  words: { kind: 'said' | 'shown'; text: string } | null;
  /** Where in the words the query stands. */
  highlights: Highlight[];
  /** What is seen. */
  labels: string[];
  /** Names of people seen who are named in the question. */
  people: string[];
  why: Contribution[];
}

export interface MomentsOptions {
  fusion: Fusion;
  linkTemplate: string;
}

const COVERAGE_BONUS = 2;
const QUOTE_BONUS = 3;

/** Moments that were found, by video, the best first. @param intent null: asked by example only */
export function findMoments(
  intent: Intent | null,
  channels: readonly Recalled[],
  { fusion, linkTemplate }: MomentsOptions,
): Map<string, MomentFound[]> {
  const own = channels.filter(({ collection }) => collection === 'moments');
  const matchOf = new Map(own.map(({ name, match }) => [name, match]));
  const payloads = new Map<string, Payload>();
  /** Where an example is known to be met, by the channel that says so with most weight. */
  const starts = new Map<string, number>();
  for (const { hits } of [...own].sort((a, b) => a.weight - b.weight)) {
    for (const { id, payload, atSec } of hits) {
      payloads.set(id, payload);
      if (atSec !== undefined) starts.set(id, atSec);
    }
  }
  const keyed = own.map(({ name, weight, hits }) => ({
    ...{ name, weight },
    hits: hits.map(({ id, score }: Hit) => ({ key: id, score })),
  }));
  // What words add is measured in first places, so that it means the same whichever the fusion.
  const first = fusion.by === 'rrf' ? 1 / (fusion.k + 1) : 1;
  const found = new Map<string, MomentFound[]>();
  for (const [id, why] of fuse(keyed, fusion)) {
    const payload = payloads.get(id)!;
    const video = stringOf(payload.video);
    const moment = momentOf(id, intent, { payload, start: starts.get(id) }, why, matchOf, first);
    const link = linkTemplate
      .replaceAll('{video}', encodeURIComponent(video))
      .replaceAll('{seconds}', String(Math.floor(moment.atSec * 10) / 10));
    const known = found.get(video);
    if (known) known.push({ ...moment, link });
    else found.set(video, [{ ...moment, link }]);
  }
  for (const moments of found.values()) moments.sort((a, b) => b.score - a.score || a.startSec - b.startSec);
  return found;
}

function momentOf(
  id: string,
  intent: Intent | null,
  { payload, start }: { payload: Payload; start: number | undefined },
  why: readonly Contribution[],
  matchOf: ReadonlyMap<string, Match>,
  first: number,
): Omit<MomentFound, 'link'> {
  const cues = intent ? cuesOf(payload) : [];
  const best = intent ? bestCue(intent, cues) : undefined;
  const all = simplified(cues.map(({ text }) => text).join('\n'));
  const covered = intent ? coverage(intent, all) : 0;
  const quoted = intent ? quotes(intent, all) : false;
  const startSec = numberOf(payload.startSec) ?? 0;
  const endSec = numberOf(payload.endSec) ?? startSec;
  const present = stringsOf(payload.people);
  const how = why.map(({ channel }) => matchOf.get(channel)!);
  return {
    id,
    startSec,
    endSec,
    atSec: Math.min(
      endSec,
      Math.max(startSec, best && intent ? secondOf(intent, best) : (start ?? startSec)),
    ),
    thumbnail: blobOf(payload.thumbnail),
    score: total(why) + (covered ** 2 * COVERAGE_BONUS + (quoted ? QUOTE_BONUS : 0)) * first,
    matched: [...new Set([...(best ? [best.kind] : []), ...how])],
    words: best ? { kind: best.kind, text: best.text } : null,
    highlights: best && intent ? highlight(intent, best.text) : [],
    labels: labelsOf(payload),
    people: [
      ...new Set(
        (intent?.entities ?? []).flatMap(({ entity: { identity, name } }) =>
          identity !== null && present.includes(identity) ? [name] : [],
        ),
      ),
    ],
    why: [...why].sort((a, b) => b.share - a.share),
  };
}

/** The cue that has most of the query; undefined where none has a word of it. */
function bestCue(intent: Intent, cues: readonly StoredCue[]): StoredCue | undefined {
  let best: { cue: StoredCue; value: number } | undefined;
  for (const cue of cues) {
    const text = simplified(cue.text);
    const value = coverage(intent, text) + (quotes(intent, text) ? 1 : 0);
    if (value > (best?.value ?? 0)) best = { cue, value };
  }
  return best?.cue;
}
