/**
 * What is known of the files that were probed lately. Several stages open the same upload, often at once; ffprobe, which
 * costs a tenth of decoding a short video, is asked once.
 */
import { stat } from 'node:fs/promises';
import { CinedexError } from '../contracts/errors.ts';
import type { ProbeResult } from './probe.ts';

interface Entry {
  result: Promise<ProbeResult>;
  isSettled: boolean;
  waiting: number;
  stop: AbortController;
}

/** A probe has a few hundred bytes. */
const KEPT = 256;

export class ProbeMemory {
  readonly #entries = new Map<string, Entry>();

  /**
   * The answer for this key; asks where there is none. Failures are not kept.
   * @param ask its signal is aborted when nobody waits any more
   * @throws what `ask` throws; CinedexError ABORTED when `signal` is aborted, which ends this waiting only
   */
  async recall(
    key: string,
    ask: (signal: AbortSignal) => Promise<ProbeResult>,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    if (signal.aborted) throw aborted();
    const entry = this.#entries.get(key) ?? this.#ask(key, ask);
    // Used last, so dropped last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > KEPT) this.#entries.delete(this.#entries.keys().next().value!);
    entry.waiting += 1;
    const left = Promise.withResolvers<never>();
    const onAbort = () => left.reject(aborted());
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([entry.result, left.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      entry.waiting -= 1;
      if (entry.waiting === 0 && !entry.isSettled) {
        this.#forget(key, entry);
        entry.stop.abort();
      }
    }
  }

  #ask(key: string, ask: (signal: AbortSignal) => Promise<ProbeResult>): Entry {
    const stop = new AbortController();
    const entry: Entry = { result: ask(stop.signal), isSettled: false, waiting: 0, stop };
    entry.result.then(
      () => {
        entry.isSettled = true;
      },
      () => {
        entry.isSettled = true;
        this.#forget(key, entry);
      },
    );
    return entry;
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }
}

/** Names the bytes that a path leads to now, whatever the path: a file that was changed or replaced has another name. */
export async function fileIdentity(file: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function aborted(): CinedexError {
  return new CinedexError('ABORTED', 'Reading the media was stopped.');
}
