/**
 * Makes the ledger again where its store was lost. The log says what was uploaded, changed and deleted; the stages' topics
 * and the artifact store say what was done. So nothing is computed a second time but what left no trace: steps that had
 * failed are tried again, and steps whose event was never sent find their artifact and send it.
 *
 * It may run while workers do: every change of a record is atomic, and an event is applied once whoever comes first. It
 * may be stopped and run again: what it finds in the ledger, it leaves.
 */
import { type VideoRef, videoKey } from '../../shared/contracts/common.ts';
import { decodeEvent, type ReceivedEvent } from '../../shared/contracts/envelope.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { stageTopic } from '../../shared/contracts/events.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { BusRecord, EventBus, ReadFrom } from '../../shared/ports/event-bus.ts';
import type { Ledger, StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import { applyEvent } from './apply-event.ts';
import type { BoundStage } from './bind.ts';
import { INTAKE_TOPICS } from './intake.ts';
import { hasArtifact, plan } from './plan.ts';
import { Evidence } from './rebuild-evidence.ts';

export interface RebuildProgress {
  /** Records read so far, of all topics. */
  read: number;
  /** Videos whose record was made or brought up to date. */
  videos: number;
  /** Steps entered as settled, as they were. */
  restored: number;
  /** Videos handed to workers, because something of them was not settled. */
  driven: number;
  /** Events that no record takes: they are among the dead letters since they came first. */
  refused: number;
}

export interface RebuildOptions {
  stages: readonly BoundStage[];
  bus: EventBus;
  ledger: Ledger;
  artifacts: ArtifactStore;
  /** Plans what is left of a video and hands it to the queue: `App.drive`. */
  drive: (ref: VideoRef) => Promise<void>;
  /** Reads the log from here only: enough where the store came back without its last seconds. Default: all of it. */
  since?: number;
  onProgress?: (progress: RebuildProgress) => void;
  signal?: AbortSignal;
  now?: () => number;
}

/** Records taken together; those of one video among them cost one write. */
const BATCH = 500;
const SIDE_BY_SIDE = 32;
/** When the sweeper takes a video on that a rebuild began with and never finished, ms. */
const RESCUE_MS = 3_600_000;

/**
 * @returns the last progress
 * @throws CinedexError STORE_UNAVAILABLE; what was done so far stays, and running it again goes on
 */
export async function rebuildLedger(options: RebuildOptions): Promise<RebuildProgress> {
  const rebuild = new Rebuild(options);
  for (const group of await partitionGroups(options)) {
    options.signal?.throwIfAborted();
    await rebuild.group(group);
  }
  return rebuild.progress;
}

/** Partitions that are read together. */
interface Group {
  intake: { topic: string; partition?: number }[];
  stages: { topic: string; partition?: number }[];
}

/**
 * Topics with as many partitions each keep all records of one video in the partition of the same number, so one partition
 * of all topics is enough to know a video, and a rebuild holds no more in memory. Otherwise everything is read together.
 */
async function partitionGroups({ bus, stages }: RebuildOptions): Promise<Group[]> {
  const existing = new Set(await bus.topics());
  const intake = INTAKE_TOPICS.filter((topic) => existing.has(topic));
  const ofStages = stages.map(({ stage }) => stageTopic(stage.name)).filter((topic) => existing.has(topic));
  const counts = await Promise.all(
    [...intake, ...ofStages].map(async (topic) => (await bus.offsets(topic)).length),
  );
  const partitions = counts[0] ?? 0;
  if (counts.some((count) => count !== partitions)) {
    const every = await Promise.all(
      intake.map(async (topic) => (await bus.offsets(topic)).map(({ partition }) => ({ topic, partition }))),
    );
    return [{ intake: every.flat(), stages: ofStages.map((topic) => ({ topic })) }];
  }
  return Array.from({ length: partitions }, (_, partition) => ({
    intake: intake.map((topic) => ({ topic, partition })),
    stages: ofStages.map((topic) => ({ topic, partition })),
  }));
}

class Rebuild {
  readonly progress: RebuildProgress = { read: 0, videos: 0, restored: 0, driven: 0, refused: 0 };
  readonly #o: RebuildOptions;
  readonly #now: () => number;
  readonly #from: ReadFrom;

  constructor(options: RebuildOptions) {
    this.#o = options;
    this.#now = options.now ?? Date.now;
    this.#from = options.since === undefined ? 'earliest' : { timestamp: options.since };
  }

  async group(group: Group): Promise<void> {
    const { bus, onProgress } = this.#o;
    const evidence = new Evidence();
    for (const { topic, partition } of group.stages) {
      const where = { ...(partition !== undefined && { partition }), from: this.#from };
      await evidence.read(bus, topic, where, () => {
        this.progress.read += 1;
      });
      onProgress?.({ ...this.progress });
    }
    // By video, whether its record was changed.
    const touched = new Map<string, VideoRef & { changed: boolean }>();
    let batch: BusRecord[] = [];
    const flush = async () => {
      this.#o.signal?.throwIfAborted();
      await this.#apply(batch, touched);
      batch = [];
      onProgress?.({ ...this.progress });
    };
    const sources = group.intake.map(({ topic, partition }) =>
      bus.read(topic, { ...(partition !== undefined && { partition }), from: this.#from }),
    );
    for await (const record of byTime(sources)) {
      this.progress.read += 1;
      batch.push(record);
      if (batch.length >= BATCH) await flush();
    }
    await flush();
    await sideBySide([...touched.values()], async (video) => {
      this.#o.signal?.throwIfAborted();
      await this.#restore(video, video.changed, evidence);
      onProgress?.({ ...this.progress });
    });
  }

  /** Enters events into the records, each video's in their order. */
  async #apply(batch: BusRecord[], touched: Map<string, VideoRef & { changed: boolean }>): Promise<void> {
    const byVideo = new Map<
      string,
      { ref: VideoRef; events: { event: ReceivedEvent; record: BusRecord }[] }
    >();
    for (const record of batch) {
      const event = decoded(record);
      if (!event) {
        this.progress.refused += 1;
        continue;
      }
      const { tenant, videoId } = event.data as VideoRef;
      const key = videoKey({ tenant, videoId });
      const known = byVideo.get(key) ?? { ref: { tenant, videoId }, events: [] };
      known.events.push({ event, record });
      byVideo.set(key, known);
    }
    await sideBySide([...byVideo], async ([key, { ref, events }]) => {
      let refused = 0;
      let changed = false;
      const video = await this.#o.ledger.update(ref, (current) => {
        refused = 0;
        const next = this.#applyAll(current, events, () => {
          refused += 1;
        });
        changed = next !== current;
        if (!changed || !next) return undefined;
        return Object.keys(next.steps).length === 0 ? { ...next, checkAt: this.#now() + RESCUE_MS } : next;
      });
      this.progress.refused += refused;
      if (video) touched.set(key, { ...ref, changed: changed || touched.get(key)?.changed === true });
    });
  }

  #applyAll(
    current: VideoRecord | undefined,
    events: { event: ReceivedEvent; record: BusRecord }[],
    onRefused: () => void,
  ): VideoRecord | undefined {
    let next = current;
    for (const { event, record } of events) {
      try {
        const { topic, partition, offset, timestamp } = record;
        const applied = applyEvent(next, event, { topic, partition, offset }, this.#now());
        if (applied) next = next ? applied : { ...applied, createdAt: timestamp };
      } catch (error) {
        if (!(error instanceof CinedexError) || error.retryable) throw error;
        onRefused();
      }
    }
    return next;
  }

  /** Enters the steps that were settled before; what is left of the video goes to the workers. */
  async #restore(ref: VideoRef, changed: boolean, evidence: Evidence): Promise<void> {
    const { ledger, stages, drive } = this.#o;
    let record = await ledger.get(ref);
    if (!record) return;
    if (Object.keys(record.steps).length === 0) {
      const restored = await this.#settledBefore(record, evidence);
      const { revision } = record;
      let entered = false;
      record = await ledger.update(ref, (current) => {
        // Workers took the video on meanwhile, or an event came: they find what is there.
        entered = current?.revision === revision && Object.keys(current.steps).length === 0;
        if (!entered || !current) return undefined;
        const { steps, galleryRevision } = restored;
        const next = { ...current, steps, galleryRevision };
        return { ...next, checkAt: plan(next, stages).length > 0 ? this.#now() + RESCUE_MS : null };
      });
      if (entered) this.progress.restored += Object.keys(restored.steps).length;
      changed = true;
    }
    if (changed) this.progress.videos += 1;
    if (!changed || !record || plan(record, stages).length === 0) return;
    await drive(ref);
    this.progress.driven += 1;
  }

  /** The record as far as it can be told; a deleted video's too, for the keys of its artifacts. */
  async #settledBefore(record: VideoRecord, evidence: Evidence): Promise<VideoRecord> {
    let video: VideoRecord = { ...record, deleted: false };
    for (;;) {
      const found: Record<string, StepState> = {};
      for (const step of plan(video, this.#o.stages)) {
        const { key, epoch } = step;
        const bound = this.#o.stages.find(({ stage }) => stage.name === step.stage);
        const base = {
          ...{ key, epoch, attempts: 0, since: this.#now() },
          ...(bound && { version: bound.stage.version }),
        };
        if (step.action === 'skip') {
          found[step.stage] = { ...base, status: 'skipped', missing: [step.reason!] };
          continue;
        }
        const galleryRevision = bound ? evidence.galleryRevision(video, bound) : video.galleryRevision;
        if (galleryRevision > video.galleryRevision) {
          return this.#settledBefore({ ...record, galleryRevision }, evidence);
        }
        const before = evidence.of(video, step);
        if (!before) continue;
        const state: StepState = { ...base, ...before, reused: true };
        if (hasArtifact(state) && (await this.#o.artifacts.getManifest(key)) === undefined) continue;
        found[step.stage] = state;
      }
      if (Object.keys(found).length === 0) return { ...video, deleted: record.deleted };
      video = { ...video, steps: { ...video.steps, ...found } };
    }
  }
}

function decoded(record: BusRecord): ReceivedEvent | undefined {
  try {
    return decodeEvent(record);
  } catch (error) {
    if (error instanceof CinedexError) return undefined;
    throw error;
  }
}

/** Merges sources, each in its own order, by when their records were appended. */
async function* byTime(sources: AsyncIterable<BusRecord>[]): AsyncIterable<BusRecord> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
    for (;;) {
      let first = -1;
      for (const [i, head] of heads.entries()) {
        if (!head.done && (first < 0 || head.value.timestamp < (heads[first]!.value as BusRecord).timestamp))
          first = i;
      }
      if (first < 0) return;
      yield heads[first]!.value as BusRecord;
      heads[first] = await iterators[first]!.next();
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()));
  }
}

/** Does work on each item, some at a time. The first failure ends it. */
async function sideBySide<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const hand = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, items.length) }, hand));
}
