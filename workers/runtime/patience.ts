/** Waiting, at a start, for a server that is not there yet: it may be starting too, as in a fresh installation. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CinedexError } from '../../shared/contracts/errors.ts';

export interface PatienceOptions {
  /** How long it is tried, ms. @default 60 000 */
  limitMs?: number;
  /** Pause between two tries, ms. @default 1 000 */
  pauseMs?: number;
  onWait?: (error: CinedexError) => void;
  now?: () => number;
}

/**
 * Tries again while a store is unavailable.
 * @throws what `work` throws for any other reason, at once; its last STORE_UNAVAILABLE after the limit
 */
export async function patiently<T>(work: () => Promise<T>, options: PatienceOptions = {}): Promise<T> {
  const { limitMs = 60_000, pauseMs = 1_000, onWait, now = Date.now } = options;
  const until = now() + limitMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const away = error instanceof CinedexError && error.code === 'STORE_UNAVAILABLE';
      if (!away || now() >= until) throw error;
      onWait?.(error);
      await sleep(pauseMs);
    }
  }
}
