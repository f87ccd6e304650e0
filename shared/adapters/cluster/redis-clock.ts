/**
 * The time of the Redis server, for leases: a lease that one machine writes is judged by others, and their clocks may be
 * minutes apart. Between two looks at the server it goes on by the monotonic clock, so a step of the machine's own clock
 * is not felt. The error is at most half a round trip (Cristian, Distributed Computing 3, 1989).
 */
import { Cluster } from 'ioredis';
import type { RedisClient, RedisLog } from './redis-connection.ts';

export interface RedisClockOptions {
  /** How often the server is asked, ms. */
  refreshMs?: number;
  /** Difference from the machine's clock that is worth a warning, ms. */
  tolerableMs?: number;
  /** The machine's clock, and its monotonic one; ms. */
  wallClock?: () => number;
  monotonic?: () => number;
}

export class RedisClock {
  readonly #client: RedisClient;
  readonly #log: RedisLog;
  readonly #o: Required<RedisClockOptions>;
  #timer: NodeJS.Timeout | undefined;
  /** Server's time less monotonic time. */
  #offset = 0;
  #warned = false;

  private constructor(client: RedisClient, log: RedisLog, options: RedisClockOptions) {
    this.#client = client;
    this.#log = log;
    this.#o = {
      refreshMs: options.refreshMs ?? 10_000,
      tolerableMs: options.tolerableMs ?? 2_000,
      wallClock: options.wallClock ?? Date.now,
      monotonic: options.monotonic ?? (() => performance.now()),
    };
  }

  /** Asks the server, and goes on asking until it is stopped. The client stays the caller's. */
  static async start(
    client: RedisClient,
    log: RedisLog,
    options: RedisClockOptions = {},
  ): Promise<RedisClock> {
    const clock = new RedisClock(client, log, options);
    await clock.refresh();
    clock.#timer = setInterval(() => {
      clock
        .refresh()
        // The last offset stays good: the monotonic clock drifts by a second in hours.
        .catch((error) => log.warn({ err: error }, 'the time of Redis is not known anew'));
    }, clock.#o.refreshMs).unref();
    return clock;
  }

  /** Milliseconds since the epoch, by the server's clock. */
  readonly now = (): number => Math.round(this.#offset + this.#o.monotonic());

  async refresh(): Promise<void> {
    const { monotonic, wallClock, tolerableMs } = this.#o;
    const server = this.#client instanceof Cluster ? this.#client.nodes('master')[0] : this.#client;
    if (!server) return;
    const asked = monotonic();
    const [seconds, microseconds] = await server.time();
    const answered = monotonic();
    this.#offset = Number(seconds) * 1_000 + Number(microseconds) / 1_000 - (asked + answered) / 2;
    const aheadMs = wallClock() - this.now();
    const off = Math.abs(aheadMs) > tolerableMs;
    if (off && !this.#warned) {
      this.#log.warn({ aheadMs }, 'the clock of this machine differs from that of Redis; leases go by Redis');
    }
    this.#warned = off;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
