/** Carries a backfill out: replays its events (or walks the ledger) and hands over the videos that have something to do. */
import { setTimeout } from 'node:timers/promises';
import type {
  BackfillCounts,
  BackfillPlan,
  BackfillState,
  OffsetRange,
} from '../../shared/contracts/backfill.ts';
import { LANES, type VideoRef, videoKey } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { considerActivation } from '../../shared/index/activation.ts';
import type { BusRecord } from '../../shared/ports/event-bus.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import { isVideoSettled } from '../../workers/runtime/plan.ts';
import { type Choice, choiceOf, enter, judge } from './choose.ts';
import { Gate, Pacer } from './pace.ts';
import { ledgerVideos } from './plan.ts';
import { findBackfill, groupOf, writeState } from './registry.ts';
import { beginning, isAsked, READ_AT_ONCE, refOf } from './source.ts';
import type { BackfillDeps, BackfillProgress, BackfillResult } from './types.ts';

const TOLD_EVERY_MS = 250;
const CANCELLED_LOOK_MS = 2_000;
const SETTLE_LOOK_MS = 250;
/** A handler of the bus must not keep its batch for long; what did not fit in comes again. */
const HANDLER_MS = 2_000;

export interface RunOptions {
  signal?: AbortSignal;
  onProgress?: (progress: BackfillProgress) => void;
}

/** The batch could not be finished in time; it is delivered again. */
class NotNow extends Error {}

/**
 * Runs a plan, or goes on with one that was stopped: its consumer group knows where it was, and a video that it has handed
 * over is not handed over again. Resolves when every video has settled, with state `open` when the signal stopped it.
 * @throws CinedexError USAGE when the backfill has ended before
 */
export async function runBackfill(
  deps: BackfillDeps,
  plan: BackfillPlan,
  options: RunOptions = {},
): Promise<BackfillResult> {
  return new Run(deps, plan, options).run();
}

/** Goes on with a backfill that was stopped. @throws CinedexError NOT_FOUND, USAGE when it has ended */
export async function resumeBackfill(
  deps: BackfillDeps,
  id: string,
  options: RunOptions = {},
): Promise<BackfillResult> {
  const { plan, state } = await findBackfill(deps, id);
  if (state !== 'open') throw new CinedexError('USAGE', `Backfill ${id} is ${state} already.`);
  return new Run(deps, plan, options).run(true);
}

class Run {
  readonly #deps: BackfillDeps;
  readonly #plan: BackfillPlan;
  readonly #choice: Choice;
  readonly #options: RunOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  readonly #gate: Gate;
  readonly #pacer: Pacer;
  readonly #seen = new Set<string>();
  readonly #outstanding = new Map<string, VideoRef>();
  readonly #counts: Omit<BackfillCounts, 'outstanding'>;
  #reading: Promise<unknown> = Promise.resolve();
  #phase: BackfillProgress['phase'] = 'replay';
  #startedAt = 0;
  #doneBefore = 0;
  #toldAt = 0;
  #cancelled = false;

  constructor(deps: BackfillDeps, plan: BackfillPlan, options: RunOptions) {
    this.#deps = deps;
    this.#plan = plan;
    this.#options = options;
    this.#now = deps.now ?? Date.now;
    this.#choice = choiceOf(plan.id, plan.request, deps.stages);
    this.#signal = AbortSignal.any([this.#stop.signal, ...(options.signal ? [options.signal] : [])]);
    this.#counts = { records: 0, total: plan.records, videos: 0, enqueued: 0, upToDate: 0, passedOver: 0 };
    this.#pacer = new Pacer(() => this.#liveRuns());
    this.#gate = new Gate({
      rate: plan.request.rate,
      parallel: plan.request.parallel,
      outstanding: () => this.#outstanding.size,
      refresh: () => this.#refresh(),
      liveWaits: () => this.#liveWaits(),
      now: () => performance.now(),
    });
  }

  async run(resumed = false): Promise<BackfillResult> {
    if (!resumed) await writeState(this.#deps.bus, { plan: this.#plan, state: 'open' });
    this.#startedAt = this.#now();
    const watch = this.#watchForCancel();
    try {
      if (this.#plan.request.topics.length > 0) await this.#replay();
      else await this.#walk();
      await this.#settle();
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      this.#stop.abort();
      await watch;
    }
    return this.#end();
  }

  async #end(): Promise<BackfillResult> {
    const counts = { ...this.#counts, outstanding: this.#outstanding.size };
    const { id, generation } = this.#plan;
    if (this.#cancelled) return { id, state: 'cancelled', counts };
    if (this.#options.signal?.aborted) return { id, state: 'open', counts };
    let activation: BackfillResult['activation'];
    if (generation !== null) {
      this.#tell('activate');
      const { activate, reasons } = await considerActivation(this.#deps, generation);
      activation = { generation, activated: activate, reasons };
    }
    this.#tell('activate');
    const note = activation && (activation.activated ? 'switched over' : activation.reasons.join('; '));
    await writeState(this.#deps.bus, {
      ...{ plan: this.#plan, state: 'done', counts },
      ...(note && { note: note.slice(0, 1_000) }),
    });
    return { id, state: 'done', counts, ...(activation && { activation }) };
  }

  /** Walks the ledger; what an earlier run has handed over is recognised by its record. */
  async #walk(): Promise<void> {
    for await (const video of ledgerVideos(this.#deps, this.#plan.request.tenant)) {
      await this.#take(video, video, Number.POSITIVE_INFINITY);
      this.#counts.records += 1;
      this.#tell('replay');
      await this.#pacer.pause();
    }
  }

  async #replay(): Promise<void> {
    const { bus, logger } = this.#deps;
    const { request, ranges } = this.#plan;
    const group = groupOf(this.#plan.id);
    const topics = Object.keys(ranges);
    const left = new Map<string, { range: OffsetRange; next: bigint }>();
    for (const topic of topics) {
      const committed = await bus.committed(group, topic);
      if (committed.every(({ offset }) => offset === null)) await bus.seek(group, topic, beginning(request));
      for (const range of ranges[topic]!) {
        const offset = committed.find(({ partition }) => partition === range.partition)?.offset;
        const next = offset === null || offset === undefined ? BigInt(range.from) : BigInt(offset);
        const done = Number((next < BigInt(range.to) ? next : BigInt(range.to)) - BigInt(range.from));
        this.#doneBefore += Math.max(0, done);
        if (next < BigInt(range.to)) left.set(`${topic}/${range.partition}`, { range, next });
      }
    }
    this.#counts.records = Math.min(this.#doneBefore, this.#counts.total);
    if (left.size === 0) return;
    const finished = new AbortController();
    const subscription = await bus.subscribe({
      group,
      topics,
      handler: async (batch, stopping) => {
        await this.#takeBatch(batch, AbortSignal.any([stopping, this.#signal]));
        const { topic, partition, offset } = batch.at(-1)!;
        const place = `${topic}/${partition}`;
        const part = left.get(place);
        if (part && BigInt(offset) + 1n >= BigInt(part.range.to)) left.delete(place);
        if (left.size === 0) finished.abort();
      },
      onError: (error) => {
        if (error instanceof NotNow || this.#signal.aborted) return;
        logger?.warn({ err: error, backfill: this.#plan.id }, 'backfill failed; it is tried again');
      },
    });
    try {
      await this.#untilFinished(finished.signal, left);
    } finally {
      await subscription.stop();
    }
  }

  /** Until the last event of every stretch has been taken, or has been dropped by its topic's retention. */
  async #untilFinished(finished: AbortSignal, left: Map<string, { range: OffsetRange }>): Promise<void> {
    const wake = AbortSignal.any([finished, this.#signal]);
    while (!wake.aborted) {
      await setTimeout(1_000, undefined, { signal: wake }).catch((error) => {
        if (!wake.aborted) throw error;
      });
      this.#tell('replay');
      for (const [place, { range }] of left) {
        const topic = place.slice(0, place.lastIndexOf('/'));
        const part = (await this.#deps.bus.offsets(topic)).find(
          ({ partition }) => partition === range.partition,
        );
        if (part && BigInt(part.start) >= BigInt(range.to)) left.delete(place);
      }
      if (left.size === 0) return;
    }
    this.#signal.throwIfAborted();
  }

  /** @throws NotNow when the videos of the batch could not all be handed over yet */
  async #takeBatch(batch: readonly BusRecord[], signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + HANDLER_MS;
    const fresh = new Map<string, VideoRef>();
    for (const record of batch) {
      const ref = isAsked(record, this.#plan.request) ? refOf(record) : undefined;
      if (ref && !this.#seen.has(videoKey(ref))) fresh.set(videoKey(ref), ref);
    }
    const refs = [...fresh.values()];
    for (let at = 0; at < refs.length; at += READ_AT_ONCE) {
      signal.throwIfAborted();
      const some = refs.slice(at, at + READ_AT_ONCE);
      const videos = await this.#read(some);
      for (const [i, ref] of some.entries()) {
        // Another partition's handler never has this video, but this batch may come a second time.
        if (!this.#seen.has(videoKey(ref))) await this.#take(ref, videos[i], deadline);
        await this.#pacer.pause();
      }
    }
    const asked = batch.filter((record) => isAsked(record, this.#plan.request)).length;
    this.#counts.records = Math.min(this.#counts.records + asked, this.#counts.total);
    this.#tell('replay');
  }

  /** One after the other, so that all partitions together read no more than a few records at a time. */
  #read(refs: VideoRef[]): Promise<(VideoRecord | undefined)[]> {
    const read = this.#reading.then(async () => {
      await this.#pacer.pause();
      return Promise.all(refs.map((ref) => this.#deps.ledger.get(ref)));
    });
    this.#reading = read.catch(() => undefined); // Its caller hears of it; those behind it only wait.
    return read;
  }

  async #take(ref: VideoRef, video: VideoRecord | undefined, deadline: number): Promise<void> {
    const key = videoKey(ref);
    const verdict = judge(video, this.#choice, this.#deps.stages);
    if (verdict.kind === 'stale') {
      const send = async () => {
        this.#outstanding.set(key, { tenant: ref.tenant, videoId: ref.videoId });
        await this.#deps.drive(ref, (current) =>
          judge(current, this.#choice, this.#deps.stages).kind === 'stale'
            ? enter(current, this.#choice)
            : current,
        );
      };
      if (!(await this.#gate.pass(send, deadline, this.#signal))) throw new NotNow();
      this.#counts.enqueued += 1;
    } else if (verdict.kind === 'upToDate') {
      this.#counts.upToDate += 1;
      // Handed over before the backfill was stopped, and still in work.
      if (video?.backfill?.id === this.#plan.id) this.#outstanding.set(key, ref);
    } else this.#counts.passedOver += 1;
    this.#seen.add(key);
    this.#counts.videos += 1;
  }

  async #settle(): Promise<void> {
    for (;;) {
      await this.#refresh();
      this.#tell('settle');
      if (this.#outstanding.size === 0) return;
      await setTimeout(SETTLE_LOOK_MS, undefined, { signal: this.#signal });
    }
  }

  async #refresh(): Promise<void> {
    const refs = [...this.#outstanding];
    const videos = await Promise.all(refs.map(([, ref]) => this.#deps.ledger.get(ref)));
    for (const [i, [key]] of refs.entries()) {
      const video = videos[i];
      if (!video || isVideoSettled(video)) this.#outstanding.delete(key);
    }
  }

  async #liveWaits(): Promise<boolean> {
    const { queue, stages } = this.#deps;
    const waiting = await Promise.all(stages.map(({ stage }) => queue.lanes(stage.name)));
    return waiting.some((lanes) => LANES.some((lane) => lane !== 'backfill' && lanes[lane] !== undefined));
  }

  #liveRuns(): boolean {
    return (this.#deps.running?.() ?? []).some(({ ref }) => !this.#outstanding.has(videoKey(ref)));
  }

  async #watchForCancel(): Promise<void> {
    while (!this.#signal.aborted) {
      await setTimeout(CANCELLED_LOOK_MS, undefined, { signal: this.#signal }).catch((error) => {
        if (!this.#signal.aborted) throw error;
      });
      if (this.#signal.aborted) return;
      const state = await this.#stateSeen();
      if (state !== 'cancelled') continue;
      this.#cancelled = true;
      this.#stop.abort();
    }
  }

  /** Undefined when the log does not answer just now: nobody waits for this look, and there will be another. */
  async #stateSeen(): Promise<BackfillState['state'] | undefined> {
    try {
      return (await findBackfill(this.#deps, this.#plan.id)).state;
    } catch (error) {
      this.#deps.logger?.warn({ err: error, backfill: this.#plan.id }, 'its state could not be looked up');
      return undefined;
    }
  }

  #tell(phase: BackfillProgress['phase']): void {
    const now = this.#now();
    const { onProgress } = this.#options;
    if (!onProgress || (phase === this.#phase && now - this.#toldAt < TOLD_EVERY_MS)) return;
    this.#phase = phase;
    this.#toldAt = now;
    const { records, total } = this.#counts;
    const pace = (records - this.#doneBefore) / Math.max(1, now - this.#startedAt);
    onProgress({
      ...this.#counts,
      phase,
      outstanding: this.#outstanding.size,
      etaSec: phase === 'replay' && pace > 0 ? Math.max(0, total - records) / pace / 1_000 : null,
      yielding: this.#gate.yielding,
    });
  }
}
