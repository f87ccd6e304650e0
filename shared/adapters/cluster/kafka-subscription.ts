/**
 * A member of a consumer group on Kafka.
 *
 * - An offset is committed after the handler has resolved for the records before it, never earlier.
 * - While the handler works, heartbeats go on beside it, so that the group does not take a slow hand-over for a death.
 * - A rebalance waits for the handler in progress; what was not committed comes again, here or at another member.
 * - A batch that the handler rejects comes again after a pause; only its partition waits.
 * - kafkajs ends a consumer for good on some errors; here every end is followed by a new consumer, until `stop`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Consumer, type EachBatchPayload, type Kafka, type KafkaMessage } from 'kafkajs';
import { CinedexError } from '../../contracts/errors.ts';
import type { BusRecord, SubscribeOptions, Subscription } from '../../ports/event-bus.ts';
import { type KafkaLog, kafkaError, protocolError } from './kafka-client.ts';

export interface GroupTimes {
  /** After so long without a heartbeat a member counts as dead, milliseconds. */
  sessionMs: number;
  heartbeatMs: number;
  /** How long a rebalance waits for the members' handlers. */
  rebalanceMs: number;
  /** Longest wait of one fetch for records: bounds how late a pause, a resume or a stop is noticed. */
  fetchWaitMs: number;
}

export interface KafkaSubscriptionOptions extends SubscribeOptions {
  times: GroupTimes;
  log: KafkaLog;
  /** Partitions of all topics together. */
  partitions: number;
  /** Called before the first start: where a group without a committed offset begins, by topic and partition. */
  startAt: () => Promise<Map<string, string>>;
}

/** A running consumer; `ended` resolves with the error when it has ended by itself. */
interface Joined {
  ended: Promise<unknown>;
}

/**
 * What one fetch may bring, as it is stored, that is compressed: kafkajs decodes it in one go, up to ten times as much, and
 * nothing else runs in the process meanwhile.
 */
export const PARTITION_BYTES = 16 * 1024;
export const FETCH_BYTES = 64 * 1024;
const RETRY_MS = { first: 50, most: 5_000 };
const DEFAULT_BATCH = 100;
const START_LIMIT_MS = 60_000;

export const partitionName = (topic: string, partition: number) => `${partition}/${topic}`;

export class KafkaSubscription implements Subscription {
  readonly #kafka: Kafka;
  readonly #options: KafkaSubscriptionOptions;
  readonly #paused = new Set<string>();
  /** Partitions whose batch was rejected: how often in a row, and the timer that ends the pause. */
  readonly #failing = new Map<string, { times: number; timer: NodeJS.Timeout | undefined }>();
  readonly #stopping = new AbortController();
  readonly #handlers = new Set<Promise<void>>();
  #consumer: Consumer | undefined;
  #supervising: Promise<void> | undefined;

  constructor(kafka: Kafka, options: KafkaSubscriptionOptions) {
    this.#kafka = kafka;
    this.#options = options;
  }

  /**
   * Joins the group; resolves when it has its partitions and a record published from now on will arrive.
   * @throws CinedexError STORE_UNAVAILABLE, NOT_FOUND, CONFIG_INVALID
   */
  async start(): Promise<void> {
    let joined: Joined;
    try {
      const starts =
        this.#options.from === 'latest' ? await this.#options.startAt() : new Map<string, string>();
      joined = await this.#join(starts);
    } catch (error) {
      await this.#leave();
      throw kafkaError(error, `Joining the group "${this.#options.group}" failed`);
    }
    this.#supervising = this.#supervise(joined);
  }

  pause(topics: string[] = this.#options.topics): void {
    for (const topic of topics) this.#paused.add(topic);
    this.#ifRunning((consumer) => consumer.pause(topics.map((topic) => ({ topic }))));
  }

  resume(topics: string[] = this.#options.topics): void {
    for (const topic of topics) this.#paused.delete(topic);
    this.#ifRunning((consumer) => {
      consumer.resume(topics.map((topic) => ({ topic })));
      this.#holdBack(consumer);
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#leave();
    await this.#supervising;
    for (const { timer } of this.#failing.values()) clearTimeout(timer);
  }

  /** Starts a new consumer whenever one has ended. */
  async #supervise(first: Joined): Promise<void> {
    const { log, group } = this.#options;
    const { signal } = this.#stopping;
    let attempt = 0;
    for (let current: Joined | undefined = first; ; ) {
      if (current) {
        const error = await Promise.race([current.ended, aborted(signal)]);
        if (signal.aborted) return;
        log.warn({ err: error, group }, 'the Kafka consumer ended; it is started again');
        attempt = 0;
      }
      current = undefined;
      await this.#leave();
      if (signal.aborted) return;
      await pause(Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.most), signal);
      if (signal.aborted) return;
      try {
        current = await this.#join(new Map());
        log.info({ group }, 'the Kafka consumer is back');
      } catch (error) {
        attempt += 1;
        // Said at the first failure and then seldom: it may be away for hours.
        const write = attempt === 1 || attempt % 20 === 0 ? log.warn.bind(log) : log.debug.bind(log);
        write({ err: error, group, attempt }, 'the Kafka consumer does not start; it is tried again');
      }
    }
  }

  async #join(starts: ReadonlyMap<string, string>): Promise<Joined> {
    const { group, topics, times, from, partitions } = this.#options;
    const consumer = this.#kafka.consumer({
      groupId: group,
      sessionTimeout: times.sessionMs,
      heartbeatInterval: times.heartbeatMs,
      rebalanceTimeout: times.rebalanceMs,
      maxWaitTimeInMs: times.fetchWaitMs,
      maxBytesPerPartition: PARTITION_BYTES,
      maxBytes: FETCH_BYTES,
      allowAutoTopicCreation: false,
      retry: {
        retries: 4,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        // Ours starts a new one: kafkajs's own way back does not cover every end.
        restartOnFailure: async () => false,
      },
    });
    this.#consumer = consumer;
    const { GROUP_JOIN, CRASH } = consumer.events;
    const ended = new Promise<unknown>((resolve) => {
      consumer.on(CRASH, ({ payload }) => resolve(payload.error));
    });
    const joined = new Promise<void>((resolve) => {
      // Runs before the first fetch, so nothing comes from a partition that is paused, or from before a start.
      consumer.on(GROUP_JOIN, ({ payload }) => {
        const assigned = payload.memberAssignment as Record<string, number[]>;
        for (const [topic, parts] of Object.entries(assigned)) {
          for (const partition of parts) {
            const offset = starts.get(partitionName(topic, partition));
            if (offset !== undefined) consumer.seek({ topic, partition, offset });
          }
        }
        if (this.#paused.size > 0) consumer.pause([...this.#paused].map((topic) => ({ topic })));
        this.#holdBack(consumer);
        resolve();
      });
    });
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: from !== 'latest' });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: Math.max(1, partitions),
      eachBatch: (payload) => this.#track(this.#consume(consumer, payload)),
    });
    const late = new AbortController();
    try {
      await Promise.race([
        joined,
        ended.then((error) => {
          throw error;
        }),
        sleep(START_LIMIT_MS, undefined, { signal: late.signal }).then(() => {
          throw new CinedexError(
            'STORE_UNAVAILABLE',
            `Kafka did not give "${group}" its partitions in time.`,
          );
        }),
      ]);
    } finally {
      late.abort();
    }
    await this.#commitStarts(consumer, starts);
    return { ended };
  }

  /** Makes the beginning of a new group durable: whoever gets the partition next must not begin later. */
  async #commitStarts(consumer: Consumer, starts: ReadonlyMap<string, string>): Promise<void> {
    if (starts.size === 0) return;
    await consumer.commitOffsets(
      [...starts].map(([name, offset]) => {
        const slash = name.indexOf('/');
        return { topic: name.slice(slash + 1), partition: Number(name.slice(0, slash)), offset };
      }),
    );
  }

  async #consume(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    const { batch, heartbeat, resolveOffset, commitOffsetsIfNecessary, isRunning, isStale } = payload;
    const { topic, partition } = batch;
    const { handler, onError, maxBatch = DEFAULT_BATCH, times } = this.#options;
    const { signal } = this.#stopping;
    const name = partitionName(topic, partition);
    const beat = heartbeats(heartbeat, times.heartbeatMs);
    try {
      for (let at = 0; at < batch.messages.length; at += maxBatch) {
        const goesOn = isRunning() && !isStale() && !signal.aborted && !this.#paused.has(topic);
        if (!goesOn || beat.failed || this.#failing.get(name)?.timer) break;
        const messages = batch.messages.slice(at, at + maxBatch);
        const records = messages.map((message) => toRecord(topic, partition, message));
        try {
          await handler(records, signal);
        } catch (error) {
          if (signal.aborted) return;
          onError?.(error, records);
          this.#fail(consumer, topic, partition);
          return;
        }
        this.#failing.delete(name);
        const last = messages.at(-1)!.offset;
        // With offsets given this commits at once, also while the consumer is stopping, when `consumer.commitOffsets`
        // would do nothing and say nothing.
        const offset = String(BigInt(last) + 1n);
        await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] });
        resolveOffset(last);
      }
    } finally {
      beat.stop();
    }
    // The group rebalances, or this member was forgotten: kafkajs joins again when it is told.
    if (beat.failed && !signal.aborted) throw beat.error;
  }

  /** Lets the partition wait, longer each time; kafkajs fetches the batch again because it was not resolved. */
  #fail(consumer: Consumer, topic: string, partition: number): void {
    const name = partitionName(topic, partition);
    const times = (this.#failing.get(name)?.times ?? 0) + 1;
    const timer = setTimeout(
      () => {
        this.#failing.set(name, { times, timer: undefined });
        // A topic that is paused as a whole lets its partition go when it is resumed.
        if (this.#paused.has(topic)) return;
        this.#ifRunning((current) => current.resume([{ topic, partitions: [partition] }]));
      },
      Math.min(RETRY_MS.first * 2 ** (times - 1), RETRY_MS.most),
    );
    this.#failing.set(name, { times, timer });
    consumer.pause([{ topic, partitions: [partition] }]);
  }

  /** Pauses the partitions that are still waiting after a failure. */
  #holdBack(consumer: Consumer): void {
    for (const [name, { timer }] of this.#failing) {
      const slash = name.indexOf('/');
      const topic = name.slice(slash + 1);
      if (timer && !this.#paused.has(topic)) {
        consumer.pause([{ topic, partitions: [Number(name.slice(0, slash))] }]);
      }
    }
  }

  /** kafkajs refuses to pause or resume before the first join and after the end; then the next join does it. */
  #ifRunning(work: (consumer: Consumer) => void): void {
    if (!this.#consumer) return;
    try {
      work(this.#consumer);
    } catch (error) {
      if (!(error instanceof kafkajs.KafkaJSNonRetriableError)) throw error;
      this.#options.log.debug({ err: error }, 'the Kafka consumer is not running; it is told when it joins');
    }
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.#handlers.delete(tracked));
    this.#handlers.add(tracked);
    return tracked;
  }

  /** Waits for the handlers in progress, leaves the group, closes the connections. */
  async #leave(): Promise<void> {
    const consumer = this.#consumer;
    if (!consumer) return;
    await consumer
      .disconnect()
      .catch((error: unknown) => this.#options.log.debug({ err: error }, 'a Kafka consumer did not close'));
    // After a crash kafkajs does not wait for them.
    await Promise.allSettled(this.#handlers);
    if (this.#consumer === consumer) this.#consumer = undefined;
  }
}

export function toRecord(topic: string, partition: number, message: KafkaMessage): BusRecord {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    // A header may stand more than once; the last one counts.
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) headers[name] = last.toString();
  }
  return {
    topic,
    partition,
    offset: message.offset,
    timestamp: Number(message.timestamp),
    key: message.key?.toString() ?? '',
    value: message.value?.toString() ?? '',
    headers,
  };
}

/** Sends heartbeats until stopped; the first that the group refuses ends them. */
export function heartbeats(heartbeat: () => Promise<void>, everyMs: number) {
  const state = {
    failed: false,
    error: undefined as unknown,
    stop: () => clearInterval(timer),
  };
  const timer = setInterval(() => {
    heartbeat().catch((error: unknown) => {
      // A coordinator that cannot be reached for a moment is no refusal: the next heartbeat may reach it.
      if (protocolError(error) === undefined) return;
      state.failed = true;
      state.error = error;
      clearInterval(timer);
    });
  }, everyMs);
  return state;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Waits, but not longer than until the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
