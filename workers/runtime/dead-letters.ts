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
  traceparent?: string;
}

/** Writes one dead letter. A failure to write it is the caller's failure: it is never swallowed. */
export async function publishDeadLetter(bus: EventBus, letter: DeadLetterInput): Promise<void> {
  const { key, stage, attempts, error, origin, original, traceparent } = letter;
  const record = encodeEvent(
    'video.dead-letter.v1',
    { reason: error.message, code: error.code, hint: error.hint, stage, attempts, origin, original },
    // The same failure written twice has one id.
    {
      key,
      id: digest([key, stage, error.code, origin ?? null, attempts, original]).slice(0, 32),
      traceparent,
    },
  );
  await bus.publish(TOPICS.dlq, [
    {
      ...record,
      headers: {
        ...record.headers,
        reason: error.message.slice(0, 1_000),
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
