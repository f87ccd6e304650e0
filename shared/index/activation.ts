/**
 * When searches are switched over to a new generation of the index: once every video that could be found before is in it,
 * its collections hold as much, and a probe of known queries finds what it should. Until then searches see the old one, whole.
 */
import { type VideoRef, videoKey } from '../contracts/common.ts';
import type { Ledger, StepState, VideoRecord } from '../ports/ledger.ts';
import type { CollectionName, Point, VideoIndex } from '../ports/video-index.ts';
import { COLLECTIONS, pointId } from './schema.ts';

/** What is known of the generation that waits, compared with the one that searches see. */
export interface ActivationFacts {
  /** Videos with a finished document that are not deleted; null while that has not been counted. */
  expected: number | null;
  /** A few of the videos that searches see and that are not in the new generation yet. */
  missing: string[];
  /** Points by collection, in the generation that searches see and in the new one. */
  counts: { collection: CollectionName; before: number; after: number }[];
  /** Videos looked for by their own titles and vectors; `lost` names those that the new generation does not find. */
  probe: { asked: number; lost: string[] };
}

export interface ActivationDecision {
  activate: boolean;
  /** Why not. Empty when `activate`. */
  reasons: string[];
}

/** Of moments, faces and sounds: other models may cut and group a little differently, and left-overs go. */
const LEAST_SHARE = 0.9;
/** Of the probe: titles that many videos share may lose their place to each other. */
const LEAST_FOUND = 0.95;

/** Pure, so every situation is a test case. */
export function decideActivation({ expected, missing, counts, probe }: ActivationFacts): ActivationDecision {
  const reasons: string[] = [];
  if (missing.length > 0)
    reasons.push(
      `videos are not in it yet: ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}`,
    );
  for (const { collection, before, after } of counts) {
    const least = collection === 'videos' ? Math.min(before, expected ?? before) : before * LEAST_SHARE;
    if (after < least) reasons.push(`${collection}: ${after} points, ${before} before`);
  }
  if (probe.asked > 0 && probe.lost.length > probe.asked * (1 - LEAST_FOUND))
    reasons.push(
      `the probe does not find ${probe.lost.slice(0, 3).join(', ')} (${probe.lost.length} of ${probe.asked})`,
    );
  return { activate: reasons.length === 0, reasons };
}

export interface ActivationDeps {
  index: VideoIndex;
  ledger: Ledger;
}

const PAGE = 200;
const NAMED = 20;
const PROBES = 20;
const DEPTH = 10;
/** Of a vector with itself, stored in eight bits at the worst. */
const SAME = 0.97;

/**
 * Looks at a generation and switches searches over to it when it is whole. Cheap while it is not: it stops at the first
 * page with a missing video.
 * @returns `activate` true when searches see the generation (now or already)
 */
export async function considerActivation(
  { index, ledger }: ActivationDeps,
  generation: string,
): Promise<ActivationDecision> {
  const active = await index.active();
  if (active === generation) return { activate: true, reasons: [] };
  if (!(await index.generations()).includes(generation))
    return { activate: false, reasons: [`there is no generation ${generation}`] };
  const decision = decideActivation(await gatherFacts({ index, ledger }, active, generation));
  if (decision.activate) await index.activate(generation);
  return decision;
}

async function gatherFacts(
  { index, ledger }: ActivationDeps,
  active: string | null,
  generation: string,
): Promise<ActivationFacts> {
  const facts: ActivationFacts = { expected: null, missing: [], counts: [], probe: { asked: 0, lost: [] } };
  for (const collection of COLLECTIONS) {
    const [before, after] = await Promise.all([
      active === null ? 0 : index.count(active, collection),
      index.count(generation, collection),
    ]);
    facts.counts.push({ collection, before, after });
    // Far from whole: there is no need to look at every video.
    if (collection === 'videos' && after < before * LEAST_SHARE) return facts;
  }
  let expected = 0;
  const sample: VideoRef[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await ledger.list({ cursor, limit: PAGE });
    const known = page.records.filter(isSearchable);
    const found = await present(index, generation, known);
    const absent = known.filter((video) => !found.has(videoKey(video)));
    // One that the old generation does not have either is no hole: its document is on its way.
    const seen = active === null ? new Set(absent.map(videoKey)) : await present(index, active, absent);
    facts.missing.push(...seen);
    if (facts.missing.length >= NAMED) return facts;
    expected += known.filter(({ steps }) => steps.document && hasPoints(steps.document)).length;
    // Of each page a few, thinned out as more come.
    const there = known.filter((video) => found.has(videoKey(video)));
    sample.push(...there.filter((_, i) => i % (PAGE / PROBES) === 0));
    if (sample.length > 4 * PROBES) sample.splice(0, sample.length, ...sample.filter((_, i) => i % 2 === 0));
    if (page.cursor === null) break;
    cursor = page.cursor;
  }
  facts.expected = expected;
  if (facts.missing.length > 0) return facts;
  const step = Math.max(1, Math.ceil(sample.length / PROBES));
  for (const video of sample.filter((_, i) => i % step === 0)) {
    facts.probe.asked += 1;
    if (!(await isFound(index, generation, video))) facts.probe.lost.push(videoKey(video));
  }
  return facts;
}

function hasPoints({ status }: StepState): boolean {
  return status === 'done' || status === 'partial';
}

/** Whether searches may see it. What the document stage skips (it cannot be played) is not indexed, whatever was before. */
function isSearchable(video: VideoRecord): boolean {
  return !video.deleted && video.steps.document !== undefined && video.steps.document.status !== 'skipped';
}

async function present(
  index: VideoIndex,
  generation: string,
  videos: readonly VideoRef[],
): Promise<Set<string>> {
  if (videos.length === 0) return new Set();
  const ids = new Map(videos.map((video) => [pointId(video, 'videos'), videoKey(video)]));
  const points = await index.get(generation, 'videos', [...ids.keys()]);
  return new Set(points.map(({ id }) => ids.get(id)!));
}

/** Whether the generation finds a video of its own by its own title: by its words, and by each of its vectors. */
async function isFound(index: VideoIndex, generation: string, video: VideoRef): Promise<boolean> {
  const [point] = await index.get(generation, 'videos', [pointId(video, 'videos')]);
  if (!point) return false;
  const filter = [{ field: 'tenant', equals: video.tenant }];
  const tokens = point.lexical.title ?? [];
  const vectors = Object.entries(point.vectors).filter(([, values]) => values.some((value) => value !== 0));
  const answers = await index.query(generation, 'videos', [
    ...vectors.map(([vector, values]) => ({ kind: 'dense' as const, vector, values, limit: 1, filter })),
    ...(tokens.length > 0
      ? [{ kind: 'lexical' as const, field: 'title', tokens, limit: DEPTH, filter }]
      : []),
  ]);
  const near = answers
    .slice(0, vectors.length)
    .every(([first]) => first !== undefined && first.score >= SAME);
  const words = tokens.length === 0 || answers.at(-1)!.some((hit) => isSame(hit, point));
  return near && words;
}

/** Videos of one title stand for each other: which of them comes first is chance. */
function isSame(hit: { id: string; payload: Point['payload'] }, point: Point): boolean {
  return (
    hit.id === point.id || (hit.payload.title !== undefined && hit.payload.title === point.payload.title)
  );
}
