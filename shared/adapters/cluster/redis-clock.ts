/**
 * The time of the Redis server, for leases: a lease that one machine writes is judged by others, and their clocks may be
 * minutes apart. Between two looks at the server it goes on by the monotonic clock, so a step of the machine's own clock
 * is not felt. The error is at most half a round trip (Cristian, Distributed Computing 3, 1989).
 */
import { Cluster } from 'ioredis';
import { type RedisClient, type RedisLog, TO_PROCESS } from './redis-connection.ts';

export interface RedisClockOptions {
  /** How often the server is asked, ms. */
  refreshMs?: number;
  /** Difference from the machine's clock that is worth a warning, ms. */
  tolerableMs?: number;
  log?: Pick<RedisLog, 'warn'>;
  /** The machine's clock, and its monotonic one; ms. */
  wallClock?: () => number;
  monotonic?: () => number;
}

export class RedisClock {
  readonly #client: RedisClient;
  readonly #o: Required<RedisClockOptions>;
  #timer: NodeJS.Timeout | undefined;
  #first: Promise<void> | undefined;
  /** Server's time less monotonic time. */
  #offset: number;
  #warned = false;

  /** @param client stays the caller's */
  constructor(client: RedisClient, options: RedisClockOptions = {}) {
    this.#client = client;
    this.#o = {
      refreshMs: options.refreshMs ?? 10_000,
      tolerableMs: options.tolerableMs ?? 2_000,
      log: options.log ?? TO_PROCESS,
      wallClock: options.wallClock ?? Date.now,
      monotonic: options.monotonic ?? (() => performance.now()),
    };
    this.#offset = this.#o.wallClock() - this.#o.monotonic();
  }

  /** Resolves when the server's time is known; before that, the machine's is given. */
  known(): Promise<void> {
    this.#first ??= this.refresh().then(
      () => {
        this.#timer = setInterval(() => {
          this.refresh().catch((error) =>
            // The last offset stays good: the monotonic clock drifts by a second in hours.
            this.#o.log.warn({ err: error }, 'the time of Redis could not be asked'),
          );
        }, this.#o.refreshMs).unref();
      },
      (error) => {
        this.#first = undefined;
        throw error;
      },
    );
    return this.#first;
  }

  /** Milliseconds since the epoch, by the server's clock. */
  now(): number {
    return Math.round(this.#offset + this.#o.monotonic());
  }

  async refresh(): Promise<void> {
    const { monotonic, wallClock, tolerableMs, log } = this.#o;
    const server = this.#client instanceof Cluster ? this.#client.nodes('master')[0] : this.#client;
    if (!server) throw new Error('no server of the cluster is known');
    const asked = monotonic();
    const [seconds, microseconds] = await server.time();
    const answered = monotonic();
    this.#offset = Number(seconds) * 1_000 + Number(microseconds) / 1_000 - (asked + answered) / 2;
    const aheadMs = Math.round(wallClock() - this.now());
    const differs = Math.abs(aheadMs) > tolerableMs;
    if (differs && !this.#warned) {
      log.warn({ aheadMs }, 'the clock of this machine differs from that of Redis; leases go by Redis');
    }
    this.#warned = differs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
