/** Takes events about uploads off the log and enters them into the ledger. It only hands work on. */
import { decodeEvent } from '../../shared/contracts/envelope.ts';
import { toCinedexError } from '../../shared/contracts/errors.ts';
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

export interface IntakeOptions {
  stages: readonly BoundStage[];
  bus: EventBus;
  ledger: Ledger;
  requeueMs: number;
  enqueue: (video: VideoRecord, steps: PlannedStep[]) => Promise<void>;
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
    handler: async (batch, signal) => {
      for (const record of batch) {
        signal.throwIfAborted();
        await takeIn(options, record);
      }
    },
    onError: (error, batch) =>
      options.logger.error(
        { err: error, topic: batch[0]?.topic, offset: batch[0]?.offset },
        'intake failed; it is tried again',
      ),
  });
}

async function takeIn(options: IntakeOptions, record: BusRecord): Promise<void> {
  const { bus, ledger, stages, requeueMs, logger } = options;
  const { topic, partition, offset } = record;
  const now = options.now ?? Date.now;
  const origin = { topic, partition, offset };
  try {
    const event = decodeEvent(record);
    const data = event.data as { tenant: string; videoId: string };
    const traceparent = options.trace(event.type, event.traceparent);
    let queue: PlannedStep[] = [];
    const video = await ledger.update(data, (current) => {
      queue = [];
      const changed = applyEvent(current, { ...event, traceparent }, origin, now());
      const base = changed ?? current;
      if (!base) return undefined;
      const planned = applyPlan(base, stages, now(), { requeueMs });
      queue = planned?.queue ?? [];
      return planned?.video ?? (changed && withCheckAt(changed, requeueMs));
    });
    if (video) await options.enqueue(video, queue);
    logger.debug(
      { type: event.type, ...data, ...origin, steps: queue.map(({ stage }) => stage) },
      'event taken in',
    );
  } catch (thrown) {
    const error = toCinedexError(thrown, 'STORE_UNAVAILABLE');
    if (error.retryable) throw error;
    logger.warn({ code: error.code, message: error.message, ...origin }, 'event refused');
    await publishDeadLetter(bus, {
      key: record.key,
      stage: 'intake',
      attempts: 1,
      error: error.toInfo(),
      origin,
      original: record.value,
      traceparent: record.headers.ce_traceparent,
    });
  }
}
