/**
 * Publishing to Kafka: one request in flight at a time, made of everything that waits (group commit), so that records keep
 * the order in which they were published and each caller learns the positions of its own.
 *
 * The producer is idempotent: an attempt that is repeated after a lost answer is recognised by the broker (by producer id
 * and sequence) and not appended twice. kafkajs rolls its sequence back when an attempt fails, so that only the very same
 * records may follow; when an attempt is given up instead, the next records would be taken for its repetition and be lost
 * without a word. A producer that gave up is therefore thrown away, with its id.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type CompressionTypes, type Kafka, type Producer, type TopicMessages } from 'kafkajs';
import { CinedexError } from '../../contracts/errors.ts';
import type { OutgoingRecord } from '../../ports/event-bus.ts';
import { partitionOf } from '../partitioner.ts';
import { type KafkaLog, kafkaError, protocolError } from './kafka-client.ts';

export interface Position {
  partition: number;
  offset: string;
}

interface Entry {
  topic: string;
  partition: number;
  record: OutgoingRecord;
}

interface Waiting {
  entries: Entry[];
  bytes: number;
  resolve: (positions: Position[]) => void;
  reject: (error: unknown) => void;
}

/** Uncompressed bytes of one request; below what brokers take in one batch of a partition by default (1 MiB). */
const REQUEST_BYTES = 900_000;
/** A request of fewer bytes goes as it is: compressing it, a partition at a time, costs more than it saves. */
const COMPRESS_FROM_BYTES = 32_000;
const RETRY_MS = { first: 100, most: 1_000 };
/** Longer than kafkajs can take for an attempt by its own limits. */
const ATTEMPT_LIMIT_MS = 60_000;
/** After these the broker knows this producer no more, or differently; its records must come from a new one. */
const PRODUCER_LOST = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'DUPLICATE_SEQUENCE_NUMBER',
]);

export interface KafkaPublisherOptions {
  compression: CompressionTypes;
  /** How long a publish is tried, milliseconds; the attempt in progress is still waited for. */
  timeoutMs: number;
  log: KafkaLog;
  /** Partition counts may have changed. */
  onStaleTopic: (topic: string) => void;
}

export class KafkaPublisher {
  readonly #kafka: Kafka;
  readonly #options: KafkaPublisherOptions;
  readonly #waiting: Waiting[] = [];
  #producer: Producer | undefined;
  #pumping: Promise<void> | undefined;
  #closed = false;

  constructor(kafka: Kafka, options: KafkaPublisherOptions) {
    this.#kafka = kafka;
    this.#options = options;
  }

  /**
   * @param partitions of the topic; a key lands where Kafka's own producers put it
   * @throws CinedexError STORE_UNAVAILABLE after `timeoutMs`: the records may or may not have been written; NOT_FOUND;
   * EVENT_INVALID for a record that is too large
   */
  async publish(topic: string, partitions: number, records: readonly OutgoingRecord[]): Promise<Position[]> {
    const positions: Promise<Position[]>[] = [];
    let entries: Entry[] = [];
    let bytes = 0;
    const hand = () => {
      if (entries.length > 0) positions.push(this.#enqueue(entries, bytes));
      entries = [];
      bytes = 0;
    };
    for (const record of records) {
      const size = sizeOf(record);
      if (bytes + size > REQUEST_BYTES) hand();
      entries.push({ topic, partition: partitionOf(record.key, partitions), record });
      bytes += size;
    }
    hand();
    // All of them settle before this does: a part that is still on its way must not outlive a rejection.
    const settled = await Promise.allSettled(positions);
    return settled.flatMap((each) => {
      if (each.status === 'rejected') throw each.reason;
      return each.value;
    });
  }

  /** Waits for what was published. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pumping;
    await this.#discard();
  }

  #enqueue(entries: Entry[], bytes: number): Promise<Position[]> {
    if (this.#closed)
      return Promise.reject(new CinedexError('STORE_UNAVAILABLE', 'The event bus is closed.'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, bytes, resolve, reject });
      this.#pumping ??= this.#pump().finally(() => {
        this.#pumping = undefined;
      });
    });
  }

  async #pump(): Promise<void> {
    // What is published in the same turn of the event loop goes together.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const group: Waiting[] = [];
      let bytes = 0;
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        if (group.length > 0 && bytes + next.bytes > REQUEST_BYTES) break;
        bytes += next.bytes;
        group.push(next);
        this.#waiting.shift();
      }
      await this.#settle(group);
    }
  }

  async #settle(group: readonly Waiting[]): Promise<void> {
    try {
      const entries = group.flatMap((waiting) => waiting.entries);
      const bytes = group.reduce((sum, waiting) => sum + waiting.bytes, 0);
      const positions = await this.#send(entries, bytes);
      let at = 0;
      for (const { entries: own, resolve } of group) {
        resolve(positions.slice(at, at + own.length));
        at += own.length;
      }
    } catch (error) {
      const failure = kafkaError(error, 'Publishing failed');
      // What is wrong with one publish must not fail those that happened to travel with it.
      if (group.length > 1 && !failure.retryable) for (const alone of group) await this.#settle([alone]);
      else for (const { reject } of group) reject(failure);
    }
  }

  /** Tries until the limit; every attempt ends before the next begins. */
  async #send(entries: readonly Entry[], bytes: number): Promise<Position[]> {
    const deadline = Date.now() + this.#options.timeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(entries, bytes);
      } catch (error) {
        const type = protocolError(error);
        if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
          for (const topic of new Set(entries.map((entry) => entry.topic))) this.#options.onStaleTopic(topic);
        }
        const wait = Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.most);
        const last = !kafkaError(error, '').retryable || Date.now() + wait > deadline;
        if (last || (type && PRODUCER_LOST.has(type))) await this.#discard();
        if (last) throw error;
        this.#options.log.debug({ err: error, attempt }, 'publishing to Kafka failed; it is tried again');
        await sleep(wait);
      }
    }
  }

  async #attempt(entries: readonly Entry[], bytes: number): Promise<Position[]> {
    const byTopic = new Map<string, TopicMessages>();
    for (const { topic, partition, record } of entries) {
      const { key, value, headers } = record;
      let messages = byTopic.get(topic);
      if (!messages) {
        messages = { topic, messages: [] };
        byTopic.set(topic, messages);
      }
      messages.messages.push({ key, value, headers, partition });
    }
    const abandoned = new AbortController();
    try {
      const answers = await Promise.race([
        this.#ready().then((producer) =>
          producer.sendBatch({
            topicMessages: [...byTopic.values()],
            acks: -1,
            compression:
              bytes < COMPRESS_FROM_BYTES ? kafkajs.CompressionTypes.None : this.#options.compression,
          }),
        ),
        sleep(ATTEMPT_LIMIT_MS, undefined, { signal: abandoned.signal }).then(() => {
          // It hangs; whatever becomes of it belongs to the old producer.
          void this.#discard();
          throw new CinedexError('STORE_UNAVAILABLE', 'Kafka did not answer.');
        }),
      ]);
      return positionsOf(entries, answers);
    } finally {
      abandoned.abort();
    }
  }

  async #ready(): Promise<Producer> {
    if (this.#producer) return this.#producer;
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 400 },
    });
    try {
      await producer.connect();
    } catch (error) {
      await this.#disconnect(producer);
      throw error;
    }
    this.#producer = producer;
    return producer;
  }

  async #discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer) await this.#disconnect(producer);
  }

  async #disconnect(producer: Producer): Promise<void> {
    await producer
      .disconnect()
      .catch((error: unknown) => this.#options.log.debug({ err: error }, 'a Kafka producer did not close'));
  }
}

type Answer = { topicName: string; partition: number; errorCode: number; baseOffset?: string };

/**
 * Records of a partition lie one behind the other from the base offset that the broker told.
 * @throws CinedexError STORE_UNAVAILABLE when a partition was not answered for: after a leader has moved in the middle of
 * a request, kafkajs can leave its records out and yet resolve
 */
function positionsOf(entries: readonly Entry[], answers: readonly Answer[]): Position[] {
  const next = new Map<string, bigint>();
  for (const { topicName, partition, errorCode, baseOffset } of answers) {
    if (errorCode === 0 && baseOffset !== undefined && BigInt(baseOffset) >= 0n) {
      next.set(`${partition}/${topicName}`, BigInt(baseOffset));
    }
  }
  return entries.map(({ topic, partition }) => {
    const name = `${partition}/${topic}`;
    const offset = next.get(name);
    if (offset === undefined) {
      throw new CinedexError(
        'STORE_UNAVAILABLE',
        `Kafka did not confirm partition ${partition} of "${topic}".`,
      );
    }
    next.set(name, offset + 1n);
    return { partition, offset: String(offset) };
  });
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let bytes = 64 + Buffer.byteLength(key) + Buffer.byteLength(value);
  for (const [name, content] of Object.entries(headers)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(content) + 8;
  }
  return bytes;
}
