/** The ways in which a step ends other than with a result. */
import { CinedexError } from '../../shared/contracts/errors.ts';

/** The handler's promise, or a rejection as soon as the signal is aborted, whether or not the handler heeds it. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new CinedexError('ABORTED', 'The work was stopped.', { cause: signal.reason }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}

/** The stage said that trying again cannot help, whatever the code's table entry says. */
export class Rejected extends CinedexError {}

export class Postponed extends Error {
  readonly delayMs: number;
  constructor(delayMs: number, reason: string) {
    super(reason);
    this.delayMs = delayMs;
  }
}

export class UpstreamLost extends Error {
  readonly stage: string;
  constructor(stage: string) {
    super(`The artifact of ${stage} is gone; that stage runs again.`);
    this.stage = stage;
  }
}
