import { CinedexError } from '../contracts/errors.ts';

/** A single call of a model takes well under a second; one that takes this long hangs, and its thread is ended. */
export const CALL_TIMEOUT_MS = 120_000;

/**
 * Encoders are shared by all stages and searches of a process, so a caller that loses interest must not end their thread:
 * it is left out between calls instead, and calls are kept short.
 * @throws CinedexError ABORTED
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CinedexError('ABORTED', 'Encoding was aborted.');
}
