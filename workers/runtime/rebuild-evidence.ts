/** What the topics of the stages tell of steps that were settled before the ledger was lost. */
import { decodeEvent, type ReceivedEvent } from '../../shared/contracts/envelope.ts';
import { stageTopic } from '../../shared/contracts/events.ts';
import type { BusRecord, EventBus, ReadFrom } from '../../shared/ports/event-bus.ts';
import type { StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import { announcementId } from './announce.ts';
import type { BoundStage } from './bind.ts';
import { type PlannedStep, stageKey } from './plan.ts';

export type SettledBefore = Pick<StepState, 'status' | 'missing' | 'durationMs'>;

/** A skipped step's event does not name its key, but its id is made of it and of the run; so many runs are tried. */
const RUNS_TRIED = 32;
/** Changes of the gallery leave no event; so many in a row are tried to find the document that was made last. */
const GALLERY_CHANGES_TRIED = 64;

/** Settled steps by stage key, and the skipped ones by the id of their event. */
export class Evidence {
  readonly #byKey = new Map<string, SettledBefore>();
  readonly #skipped = new Map<string, SettledBefore>();

  /** Takes in what a stage's topic holds. What is no event of ours says nothing. */
  async read(
    bus: EventBus,
    topic: string,
    where: { partition?: number; from: ReadFrom },
    onRecord: () => void,
  ): Promise<void> {
    for await (const record of bus.read(topic, where)) {
      onRecord();
      const told = settledEvent(record);
      if (!told) continue;
      const { artifact, status, missing, reason, durationMs } = told.data;
      if (status === 'skipped') {
        this.#skipped.set(told.id, { status, durationMs, ...(reason && { missing: [reason] }) });
      } else if (artifact) {
        this.#byKey.set(artifact, { status, durationMs, ...(missing?.length && { missing }) });
      }
    }
  }

  /** How a planned step was settled before; undefined when no event tells of it, so that it has to be told again. */
  of(video: VideoRecord, step: PlannedStep): SettledBefore | undefined {
    const known = this.#byKey.get(step.key);
    if (known || this.#skipped.size === 0) return known;
    const { tenant, videoId } = video;
    const { stage, key } = step;
    const topic = stageTopic(stage);
    for (let epoch = step.epoch; epoch < step.epoch + RUNS_TRIED; epoch++) {
      const skipped = this.#skipped.get(announcementId({ tenant, videoId, stage, key, epoch }, topic));
      if (skipped) return skipped;
    }
    return undefined;
  }

  /**
   * The count of gallery changes under which this stage's newest artifact was made. It is in no event, but it shapes the
   * key, and the keys are known.
   */
  galleryRevision(video: VideoRecord, bound: BoundStage): number {
    const keyAt = (galleryRevision: number) => stageKey({ ...video, galleryRevision }, bound);
    let newest = video.galleryRevision;
    if (keyAt(newest) === keyAt(newest + 1)) return newest;
    for (let tried = newest + 1; tried <= newest + GALLERY_CHANGES_TRIED; tried++) {
      if (this.#byKey.has(keyAt(tried))) newest = tried;
    }
    return newest;
  }
}

function settledEvent(record: BusRecord): ReceivedEvent<'video.stage-settled.v1'> | undefined {
  try {
    const event = decodeEvent(record);
    return event.type === 'video.stage-settled.v1'
      ? (event as ReceivedEvent<'video.stage-settled.v1'>)
      : undefined;
  } catch {
    // Somebody else's record on our topic is no evidence of anything.
    return undefined;
  }
}
