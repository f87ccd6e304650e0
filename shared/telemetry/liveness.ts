/**
 * Whether a worker process is alive: a pure function of what was noted and the time. A supervisor kills what is not, so it
 * says so only of what a restart mends: an event loop that stood still, or work that waits for this process and is not
 * taken. A process with nothing to do is alive; so is one whose intake is paused, or whose stores do not answer (those
 * are matters of readiness).
 */

/** What a process knows of one queue that it takes jobs from. */
export interface QueueState {
  name: string;
  /** Jobs that this process may run side by side, and how many it does. */
  concurrency: number;
  running: number;
  /** Longest time that one job may take, ms. */
  timeoutMs: number;
  /** Since when the queue has been seen with waiting jobs, each time that it was looked at; null: it was empty. */
  waitingSince: number | null;
  /** When it was last looked at with success. */
  observedAt: number;
  /** When this process last started or finished a job of it; its own start when it never did. */
  movedAt: number;
}

export interface HealthState {
  /** When the event loop last came round to its heartbeat. */
  heartbeatAt: number;
  queues: readonly QueueState[];
  /** Draining: it takes no more, rightly. */
  stopping: boolean;
  /** How long a standstill may last, ms. */
  stallMs: number;
}

export interface Liveness {
  alive: boolean;
  /** Why not, for people; empty when it is. */
  reasons: string[];
}

/** @param now ms since the epoch, of the clock that the state was noted with */
export function liveness(state: HealthState, now: number): Liveness {
  const reasons: string[] = [];
  const { stallMs } = state;
  const still = now - state.heartbeatAt;
  if (still > stallMs) reasons.push(`the event loop stood still for ${seconds(still)}`);
  if (!state.stopping) {
    for (const queue of state.queues) {
      const { name, concurrency, running, timeoutMs, waitingSince, observedAt, movedAt } = queue;
      // An old observation says nothing about now: perhaps the store is gone, perhaps the loop stood still.
      if (waitingSince === null || now - observedAt > stallMs) continue;
      // While every slot is taken, a job may rightly take its whole time.
      const limit = running >= concurrency ? timeoutMs + stallMs : stallMs;
      const unmoved = now - Math.max(waitingSince, movedAt);
      if (unmoved > limit) reasons.push(`jobs of ${name} have waited for ${seconds(unmoved)} and none moved`);
    }
  }
  return { alive: reasons.length === 0, reasons };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}

/** Notes what {@link liveness} asks about. */
export class HealthNotes {
  readonly #now: () => number;
  readonly #stallMs: number;
  readonly #queues = new Map<string, QueueState>();
  #heartbeatAt: number;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(stallMs: number, now: () => number = Date.now) {
    this.#stallMs = stallMs;
    this.#now = now;
    this.#heartbeatAt = now();
  }

  /** Lets the event loop show that it comes round. */
  start(): void {
    this.beat();
    this.#timer ??= setInterval(() => this.beat(), Math.min(1_000, this.#stallMs / 3)).unref();
  }

  beat(): void {
    this.#heartbeatAt = this.#now();
  }

  /** From now on the process answers for this queue. */
  takes(name: string, concurrency: number, timeoutMs: number): void {
    const now = this.#now();
    this.#queues.set(name, {
      ...{ name, concurrency, timeoutMs, running: 0 },
      ...{ waitingSince: null, observedAt: now, movedAt: now },
    });
  }

  moved(name: string, change: 1 | -1): void {
    const queue = this.#queues.get(name);
    if (!queue) return;
    queue.running += change;
    queue.movedAt = this.#now();
  }

  observed(name: string, waiting: number): void {
    const queue = this.#queues.get(name);
    if (!queue) return;
    queue.observedAt = this.#now();
    queue.waitingSince = waiting > 0 ? (queue.waitingSince ?? queue.observedAt) : null;
  }

  /** From now on nothing is taken, rightly. */
  drain(): void {
    this.#stopping = true;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  state(): HealthState {
    return {
      heartbeatAt: this.#heartbeatAt,
      queues: [...this.#queues.values()].map((queue) => ({ ...queue })),
      stopping: this.#stopping,
      stallMs: this.#stallMs,
    };
  }
}
