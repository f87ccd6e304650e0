/** How a backfill keeps out of the way of live work. */
import { setTimeout } from 'node:timers/promises';

const SLICE_MS = 4;
/** Pause after a slice while live work goes on in the same process: the backfill then has about a sixth of its time. */
const PAUSE_MS = 20;
/** Pause after a slice else: live work of other processes waits for the same servers, and perhaps the same processors. */
const REST_MS = 8;
/** Live work counts as going on for so long: between two steps of a video nothing of it runs here. */
const LINGER_MS = 2_000;

/** Gives the event loop back after every few milliseconds of work, of all that shares the pacer together. */
export class Pacer {
  readonly #live: () => boolean;
  #since = performance.now();
  #liveAt = Number.NEGATIVE_INFINITY;
  #pausing: Promise<void> | undefined;

  /** @param live whether live work runs in this process */
  constructor(live: () => boolean) {
    this.#live = live;
  }

  pause(): Promise<void> {
    const now = performance.now();
    if (this.#live()) this.#liveAt = now;
    if (!this.#pausing && now - this.#since >= SLICE_MS) {
      const beside = now - this.#liveAt < LINGER_MS;
      this.#pausing = setTimeout(beside ? PAUSE_MS : REST_MS).then(() => {
        this.#since = performance.now();
        this.#pausing = undefined;
      });
    }
    return this.#pausing ?? Promise.resolve();
  }
}

export interface GateOptions {
  /** Videos a second, at most; undefined: as fast as the others allow. */
  rate: number | undefined;
  /** Videos in work side by side. */
  parallel: number;
  /** Videos that are in work. */
  outstanding: () => number;
  /** Looks which of them have settled. */
  refresh: () => Promise<void>;
  /** Whether live videos wait for a worker. */
  liveWaits: () => Promise<boolean>;
  now: () => number;
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const LOOK_MS = { first: 20, most: 500 };
const LIVE_LOOK_MS = 500;

/**
 * Lets videos through one by one: at the rate, within the number that may be in work, and not while live videos wait. The
 * lanes already put live jobs first; this keeps worker slots free for them too.
 */
export class Gate {
  readonly #o: GateOptions & Required<Pick<GateOptions, 'sleep'>>;
  #nextAt = 0;
  #liveLookAt = Number.NEGATIVE_INFINITY;
  #yielding = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: GateOptions) {
    this.#o = {
      sleep: async (ms, signal) => {
        await setTimeout(ms, undefined, { signal });
      },
      ...options,
    };
  }

  /** Whether it waits for live work. */
  get yielding(): boolean {
    return this.#yielding;
  }

  /**
   * Resolves true when one video may go, after `use` has sent it; false when that did not come to pass before `deadline`.
   * @throws the signal's reason
   */
  async pass(use: () => Promise<void>, deadline: number, signal: AbortSignal): Promise<boolean> {
    const turn = this.#queue.then(async () => {
      if (!(await this.#open(deadline, signal))) return false;
      await use();
      return true;
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #open(deadline: number, signal: AbortSignal): Promise<boolean> {
    const { rate, parallel, outstanding, refresh, now, sleep } = this.#o;
    let pause = LOOK_MS.first;
    for (;;) {
      signal.throwIfAborted();
      const early = this.#nextAt - now();
      if (outstanding() >= parallel) await refresh();
      if (early <= 0 && outstanding() < parallel && !(await this.#liveWaits())) break;
      if (now() >= deadline) return false;
      await sleep(Math.max(1, early > 0 ? Math.min(early, LOOK_MS.most) : pause), signal);
      pause = Math.min(pause * 1.5, LOOK_MS.most);
    }
    if (rate !== undefined) this.#nextAt = Math.max(now(), this.#nextAt) + 1_000 / rate;
    return true;
  }

  async #liveWaits(): Promise<boolean> {
    const { liveWaits, now } = this.#o;
    if (now() - this.#liveLookAt >= LIVE_LOOK_MS) {
      this.#yielding = await liveWaits();
      this.#liveLookAt = now();
    }
    return this.#yielding;
  }
}
