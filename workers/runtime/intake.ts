/** Takes events about uploads off the log and enters them into the ledger. It only hands work on. */
import { type VideoRef, videoKey } from '../../shared/contracts/common.ts';
import { decodeEvent, type ReceivedEvent } from '../../shared/contracts/envelope.ts';
import { CinedexError, toCinedexError } from '../../shared/contracts/errors.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import type { BusRecord, EventBus, Subscription } from '../../shared/ports/event-bus.ts';
import type { Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import { applyEvent } from './apply-event.ts';
import type { BoundStage } from './bind.ts';
import { publishDeadLetter } from './dead-letters.ts';
import { applyPlan, type PlannedStep, withCheckAt } from './plan.ts';

export const INTAKE_GROUP = 'cinedex-intake';
export const INTAKE_TOPICS = [TOPICS.ogc, TOPICS.ugc, TOPICS.interactions];

type VideoEvent = ReceivedEvent & { data: VideoRef };

/** A video and the steps of it that are due. */
export interface Due {
  video: VideoRecord;
  steps: Pick<PlannedStep, 'stage' | 'key' | 'epoch'>[];
}

export interface IntakeOptions {
  stages: readonly BoundStage[];
  bus: EventBus;
  ledger: Ledger;
  requeueMs: number;
  enqueue: (due: Due[]) => Promise<void>;
  /** Opens a trace for an event that brought none; returns its traceparent. */
  trace: (name: string, traceparent: string | undefined) => string | undefined;
  logger: Logger;
  now?: () => number;
}

/** The group's offset is committed once every event of a batch is in the ledger and its steps are in the queue. */
export async function startIntake(options: IntakeOptions): Promise<Subscription> {
  return options.bus.subscribe({
    group: INTAKE_GROUP,
    topics: INTAKE_TOPICS,
    from: 'earliest',
    handler: (batch, signal) => takeIn(options, batch, signal),
    onError: (error, batch) =>
      options.logger.error(
        { err: error, topic: batch[0]?.topic, offset: batch[0]?.offset },
        'intake failed; it is tried again',
      ),
  });
}

/** Events of one video one after the other, for their order matters; those of different videos side by side. */
async function takeIn(options: IntakeOptions, batch: BusRecord[], signal: AbortSignal): Promise<void> {
  const events = new Map<string, { record: BusRecord; event: VideoEvent }[]>();
  for (const record of batch) {
    try {
      const event = decodeEvent(record);
      if (!('videoId' in event.data)) {
        throw new CinedexError('EVENT_UNKNOWN_TYPE', `${event.type} is about no video.`);
      }
      const { data } = event;
      const ofVideo = events.get(videoKey(data)) ?? [];
      ofVideo.push({ record, event: { ...event, data } });
      events.set(videoKey(data), ofVideo);
    } catch (error) {
      await refuse(options, record, toCinedexError(error));
    }
  }
  const due: Due[] = [];
  const ended = await Promise.allSettled(
    [...events.values()].map(async (ofVideo) => {
      for (const { record, event } of ofVideo) {
        signal.throwIfAborted();
        const found = await enter(options, record, event);
        if (found) due.push(found);
      }
    }),
  );
  // What is in the ledger is handed on even where another video's event has to wait for the batch to come again.
  await options.enqueue(due);
  const failed = ended.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function enter(options: IntakeOptions, record: BusRecord, event: VideoEvent): Promise<Due | undefined> {
  const { ledger, stages, requeueMs, logger } = options;
  const { topic, partition, offset } = record;
  const now = options.now ?? Date.now;
  const origin = { topic, partition, offset };
  try {
    const traceparent = options.trace(event.type, event.traceparent);
    let steps: PlannedStep[] = [];
    const video = await ledger.update(event.data, (current) => {
      steps = [];
      const changed = applyEvent(current, { ...event, traceparent }, origin, now());
      const base = changed ?? current;
      if (!base) return undefined;
      const planned = applyPlan(base, stages, now(), { requeueMs });
      steps = planned?.queue ?? [];
      return planned?.video ?? (changed && withCheckAt(changed, requeueMs));
    });
    const { tenant, videoId } = event.data;
    logger.debug(
      { type: event.type, tenant, videoId, ...origin, steps: steps.map(({ stage }) => stage) },
      'event taken in',
    );
    return video && { video, steps };
  } catch (thrown) {
    const error = toCinedexError(thrown, 'STORE_UNAVAILABLE');
    if (error.retryable) throw error;
    await refuse(options, record, error);
    return undefined;
  }
}

async function refuse({ bus, logger }: IntakeOptions, record: BusRecord, error: CinedexError): Promise<void> {
  const { topic, partition, offset } = record;
  const origin = { topic, partition, offset };
  logger.warn({ code: error.code, message: error.message, ...origin }, 'event refused');
  await publishDeadLetter(bus, {
    key: record.key,
    stage: 'intake',
    attempts: 1,
    error: error.toInfo(),
    origin,
    original: record.value,
    originalHeaders: record.headers,
    traceparent: record.headers.ce_traceparent,
  });
}
