/** Dead letters: the original event with its cause, on a topic of their own, so that nothing that failed is lost. */
import { encodeEvent } from '../../shared/contracts/envelope.ts';
import type { ErrorInfo } from '../../shared/contracts/errors.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import { digest } from './bind.ts';

export interface DeadLetterInput {
  key: string;
  stage: string;
  attempts: number;
  error: ErrorInfo;
  origin?: { topic: string; partition: number; offset: string };
  original: string;
  /** Of an event that was refused: what it takes to send it again where its topic holds it no more. */
  originalHeaders?: Record<string, string>;
  /** Which run of the step failed: one that fails again after a replay is another letter. */
  epoch?: number;
  traceparent?: string;
}

/** A letter must always fit into its topic, or it would stop what it is about for good; the rest lies at its origin. */
const LONGEST_ORIGINAL = 64 * 1024;
const LONGEST_REASON = 4_000;
const LONGEST_REASON_HEADER = 1_000;
const LONGEST_HEADERS = 8 * 1024;

/** Writes one dead letter. A failure to write it is the caller's failure: it is never swallowed. */
export async function publishDeadLetter(bus: EventBus, letter: DeadLetterInput): Promise<void> {
  const { key, stage, attempts, error, origin, original, originalHeaders, epoch, traceparent } = letter;
  const record = encodeEvent(
    'video.dead-letter.v1',
    {
      reason: error.message.slice(0, LONGEST_REASON),
      ...{ code: error.code, hint: error.hint, stage, attempts, origin },
      original: original.slice(0, LONGEST_ORIGINAL),
      ...(original.length > LONGEST_ORIGINAL && { originalLength: original.length }),
      ...keptHeaders(originalHeaders),
    },
    {
      key,
      // The same failure written twice has one id.
      id: digest([key, stage, error.code, origin ?? null, attempts, epoch ?? null, original]).slice(0, 32),
      traceparent,
    },
  );
  await bus.publish(TOPICS.dlq, [
    {
      ...record,
      headers: {
        ...record.headers,
        reason: error.message.slice(0, LONGEST_REASON_HEADER),
        code: error.code,
        stage,
        attempts: String(attempts),
        ...(origin && {
          'origin-topic': origin.topic,
          'origin-partition': String(origin.partition),
          'origin-offset': origin.offset,
        }),
      },
    },
  ]);
}

function keptHeaders(headers: Record<string, string> | undefined): {
  originalHeaders?: Record<string, string>;
} {
  if (!headers) return {};
  const size = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return size > LONGEST_HEADERS ? {} : { originalHeaders: headers };
}
