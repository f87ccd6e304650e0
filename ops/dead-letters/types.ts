/** What is asked of the dead letters, and what is told of them. */
import type { VideoRef } from '../../shared/contracts/common.ts';
import type { DeadLetter, DeadLetterHandled } from '../../shared/contracts/events.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';

export interface DeadLetterDeps {
  bus: EventBus;
  /** Runs a failed stage of a video again and tells which ones it sent: `Runtime.retry`. */
  retry(ref: VideoRef, options: { stage: string }): Promise<string[]>;
  status(ref: VideoRef): Promise<VideoRecord | undefined>;
  logger?: Logger;
}

export interface DeadLetterFilter {
  tenant?: string;
  stage?: string;
  code?: string;
  videoId?: string;
  /** Ms since the epoch. */
  since?: number;
  until?: number;
  /** Ids of letters, or beginnings of them of six characters and more. */
  ids?: string[];
  /** At most so many, the newest. @default 100 */
  limit?: number;
  /** Also those that were replayed or dropped. */
  handled?: boolean;
}

export interface ListedDeadLetter extends DeadLetter {
  id: string;
  tenant: string | null;
  videoId: string | null;
  /** When it was written, ms since the epoch. */
  at: number;
  /** W3C trace context of the failed work. */
  traceparent: string | null;
  /** What became of it; null while it waits for somebody. */
  handled: (Pick<DeadLetterHandled, 'action' | 'note'> & { at: number }) | null;
}

export interface HandledDeadLetter {
  id: string;
  /** `refused`: nothing could be done; the letter stays. */
  outcome: 'replayed' | 'dropped' | 'refused';
  note: string;
}
