/** What a backfill would do, before it does anything. */
import { randomBytes } from 'node:crypto';
import { type BackfillPlan, BackfillRequest, type StageCost } from '../../shared/contracts/backfill.ts';
import { type VideoRef, videoKey } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import { choiceOf, judge } from './choose.ts';
import { Pacer } from './pace.ts';
import { askedEvents, Ranges, READ_AT_ONCE, refOf } from './source.ts';
import type { BackfillDeps } from './types.ts';

const PAGE = 200;

/** Sortable by time, and usable as part of a consumer group's name: `b20260131-093000-4f1c`. */
function newId(now: number): string {
  const stamp = new Date(now)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replaceAll(/[-:]/g, '')
    .replace('T', '-');
  return `b${stamp}-${randomBytes(2).toString('hex')}`;
}

/** Sums up what each stage would cost, from the durations that the ledger has of earlier runs. */
class Costs {
  readonly #runs = new Map<string, { count: number; ms: number }>();
  readonly #planned = new Map<string, { videos: number; known: number; knownMs: number }>();

  /** Learns what the stages took for this video; a run that only found its artifact teaches nothing. */
  learn(video: VideoRecord): void {
    for (const [stage, step] of Object.entries(video.steps)) {
      const worked = (step.status === 'done' || step.status === 'partial') && !step.reused;
      if (!worked || step.durationMs === undefined) continue;
      const sum = this.#runs.get(stage) ?? { count: 0, ms: 0 };
      this.#runs.set(stage, { count: sum.count + 1, ms: sum.ms + step.durationMs });
    }
  }

  add(video: VideoRecord, stages: readonly string[]): void {
    for (const stage of stages) {
      const sum = this.#planned.get(stage) ?? { videos: 0, known: 0, knownMs: 0 };
      const step = video.steps[stage];
      const own = step && !step.reused ? step.durationMs : undefined;
      this.#planned.set(stage, {
        videos: sum.videos + 1,
        known: sum.known + (own === undefined ? 0 : 1),
        knownMs: sum.knownMs + (own ?? 0),
      });
    }
  }

  /** In the order of `names`. */
  result(names: readonly string[]): StageCost[] {
    return names.flatMap((stage) => {
      const planned = this.#planned.get(stage);
      if (!planned) return [];
      const runs = this.#runs.get(stage);
      const meanMs = runs ? runs.ms / runs.count : null;
      const rest = planned.videos - planned.known;
      // A video's own last duration says most (they differ in length); the mean stands in for those without.
      const seconds = rest > 0 && meanMs === null ? null : (planned.knownMs + rest * (meanMs ?? 0)) / 1_000;
      return [{ stage, videos: planned.videos, meanMs, seconds }];
    });
  }
}

/**
 * Reads the events (or the ledger) that the request names and asks the reducer what each video needs. Changes nothing.
 * @throws CinedexError USAGE for a request that makes no sense, NOT_FOUND for a topic that is not there
 */
export async function planBackfill(
  deps: BackfillDeps,
  asked: Partial<BackfillRequest>,
  options: { signal?: AbortSignal; onProgress?: (records: number) => void } = {},
): Promise<BackfillPlan> {
  const parsed = BackfillRequest.safeParse(asked);
  if (!parsed.success) throw new CinedexError('USAGE', parsed.error.issues[0]?.message ?? 'A wrong request.');
  const request = parsed.data;
  const createdAt = (deps.now ?? Date.now)();
  const id = newId(createdAt);
  const choice = choiceOf(id, request, deps.stages);
  const generation = request.rebuildIndex ? generationOf(deps, request) : null;
  const pacer = new Pacer(() => (deps.running?.().length ?? 0) > 0);
  const ranges = new Ranges();
  const costs = new Costs();
  const count = { records: 0, videos: 0, matched: 0, stale: 0, gone: 0 };

  const take = (video: VideoRecord | undefined) => {
    count.videos += 1;
    const verdict = judge(video, choice, deps.stages);
    if (video) costs.learn(video);
    if (verdict.kind === 'gone') count.gone += 1;
    if (verdict.kind === 'upToDate' || verdict.kind === 'stale') count.matched += 1;
    if (verdict.kind === 'stale' && video) {
      count.stale += 1;
      costs.add(video, verdict.stages);
    }
  };
  const turn = async () => {
    options.signal?.throwIfAborted();
    options.onProgress?.(count.records);
    await pacer.pause();
  };

  if (request.topics.length > 0) {
    const seen = new Set<string>();
    let refs: VideoRef[] = [];
    const takeAll = async () => {
      const found = await Promise.all(refs.map((ref) => deps.ledger.get(ref)));
      refs = [];
      for (const video of found) {
        take(video);
        await turn();
      }
    };
    for await (const record of askedEvents(deps.bus, request)) {
      options.signal?.throwIfAborted();
      count.records += 1;
      ranges.add(record);
      const ref = refOf(record);
      if (!ref || seen.has(videoKey(ref))) continue;
      seen.add(videoKey(ref));
      refs.push(ref);
      if (refs.length >= READ_AT_ONCE) await takeAll();
    }
    await takeAll();
  } else {
    for await (const video of ledgerVideos(deps, request.tenant)) {
      count.records += 1;
      take(video);
      await turn();
    }
  }
  const stages = costs.result(deps.stages.map(({ stage }) => stage.name));
  const seconds = stages.reduce((sum, cost) => sum + (cost.seconds ?? 0), 0);
  return { id, request, createdAt, ranges: ranges.toJSON(), ...count, stages, seconds, generation };
}

function generationOf(deps: BackfillDeps, request: BackfillRequest): string {
  if (!deps.generation)
    throw new CinedexError('USAGE', 'This process does not know which generation documents are written to.');
  const generation = deps.generation();
  if (request.generation !== undefined && request.generation !== generation) {
    throw new CinedexError(
      'USAGE',
      `The present models make the generation ${generation}, not ${request.generation}. Choose the models of the one that you want.`,
    );
  }
  return generation;
}

/** Every video of the ledger in order of key, page by page. */
export async function* ledgerVideos(
  { ledger }: Pick<BackfillDeps, 'ledger'>,
  tenant: string | undefined,
): AsyncIterable<VideoRecord & VideoRef> {
  let cursor: string | undefined;
  for (;;) {
    const page = await ledger.list({ tenant, cursor, limit: PAGE });
    yield* page.records;
    if (page.cursor === null) return;
    cursor = page.cursor;
  }
}
