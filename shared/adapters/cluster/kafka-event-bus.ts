/**
 * The event log on Apache Kafka, by kafkajs.
 *
 * Topics that are made here keep the broker's time of appending, so that reading from a time means the same as on the
 * embedded log. Keys land in partitions as with Kafka's own producers (see partitioner.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { CinedexError } from '../../contracts/errors.ts';
import type {
  BusRecord,
  EventBus,
  OutgoingRecord,
  PartitionOffsets,
  ReadFrom,
  SubscribeOptions,
  Subscription,
  TopicSpec,
} from '../../ports/event-bus.ts';
import { createLogger } from '../../telemetry/logger.ts';
import {
  type KafkaConfig,
  type KafkaLog,
  kafkaClient,
  kafkaError,
  kafkaName,
  protocolError,
} from './kafka-client.ts';
import { KafkaPublisher } from './kafka-publisher.ts';
import { readRanges } from './kafka-reader.ts';
import { type GroupTimes, KafkaSubscription, partitionName } from './kafka-subscription.ts';

export interface KafkaEventBusOptions {
  logger?: KafkaLog;
  /** Shorter times for tests; each has its default. */
  times?: Partial<GroupTimes>;
}

/** The largest record of a topic made here, bytes as compressed; the broker's default is 1 MiB. */
const RECORD_BYTES = 8 * 1024 ** 2;
/** Partition counts are asked for again after this, milliseconds: somebody may add partitions. */
const TOPIC_MAX_AGE_MS = 60_000;
/** How long questions to brokers are repeated, milliseconds. */
const ASK_LIMIT_MS = 10_000;
const TIMES = { heartbeatMs: 1_000, rebalanceMs: 60_000, fetchWaitMs: 250 };
const COMPRESSION = {
  none: kafkajs.CompressionTypes.None,
  gzip: kafkajs.CompressionTypes.GZIP,
  zstd: kafkajs.CompressionTypes.ZSTD,
} as const;

/**
 * @throws CinedexError STORE_UNAVAILABLE when no broker answers; CONFIG_INVALID when it refuses the user;
 * DEPENDENCY_MISSING without zstd
 */
export async function openKafkaEventBus(
  config: KafkaConfig,
  options: KafkaEventBusOptions = {},
): Promise<KafkaEventBus> {
  const log = options.logger ?? createLogger({ level: 'warn', name: 'kafka' });
  const kafka = kafkaClient(config, log);
  const admin = kafka.admin({ retry: { retries: 6, initialRetryTime: 100, maxRetryTime: 1_000 } });
  try {
    await admin.connect();
  } catch (error) {
    await admin.disconnect();
    throw kafkaError(error, `${kafkaName(config)} does not answer`);
  }
  return new KafkaEventBus({ kafka, admin, config, log, times: options.times });
}

export class KafkaEventBus implements EventBus {
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  readonly #config: KafkaConfig;
  readonly #log: KafkaLog;
  readonly #times: GroupTimes;
  readonly #publisher: KafkaPublisher;
  readonly #subscriptions = new Set<KafkaSubscription>();
  /** Topics that are there for certain, as far as this process has seen. */
  readonly #known = new Set<string>();
  readonly #topics = new Map<string, { partitions: Promise<number>; at: number }>();

  /** Use {@link openKafkaEventBus}. */
  constructor(parts: {
    kafka: Kafka;
    admin: Admin;
    config: KafkaConfig;
    log: KafkaLog;
    times?: Partial<GroupTimes>;
  }) {
    this.#kafka = parts.kafka;
    this.#admin = parts.admin;
    this.#config = parts.config;
    this.#log = parts.log;
    this.#times = { sessionMs: parts.config.sessionTimeoutMs, ...TIMES, ...parts.times };
    this.#publisher = new KafkaPublisher(parts.kafka, {
      compression: COMPRESSION[parts.config.compression],
      timeoutMs: parts.config.publishTimeoutMs,
      log: parts.log,
      onStaleTopic: (topic) => {
        this.#topics.delete(topic);
        this.#known.delete(topic);
      },
    });
  }

  /** Topics that exist are left as their operator set them, their retention included. */
  async ensureTopics(topics: TopicSpec[]): Promise<void> {
    const asked = topics.filter(({ name }) => !this.#known.has(name));
    if (asked.length === 0) return;
    const names = asked.map(({ name }) => name);
    await this.#ask('Making topics failed', async () => {
      const there = new Set(await this.#admin.listTopics());
      const missing = asked.filter(({ name }) => !there.has(name));
      if (missing.length > 0) await this.#make(missing);
      try {
        // Fails while a partition has no leader.
        await this.#admin.fetchTopicMetadata({ topics: names });
      } catch (error) {
        if (protocolError(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
        // A broker may not know yet what the controller has just made.
        throw new CinedexError('STORE_UNAVAILABLE', 'Kafka is still making topics.', { cause: error });
      }
    });
    for (const name of names) this.#known.add(name);
  }

  async #make(missing: TopicSpec[]): Promise<void> {
    try {
      await this.#admin.createTopics({
        waitForLeaders: false,
        topics: missing.map((spec) => ({
          topic: spec.name,
          numPartitions: spec.partitions,
          replicationFactor: this.#config.replication,
          configEntries: topicSettings(spec, this.#config.replication),
        })),
      });
    } catch (error) {
      // Another process may have been faster.
      const now = new Set(await this.#admin.listTopics());
      if (missing.some(({ name }) => !now.has(name))) throw error;
    }
  }

  async topics(): Promise<string[]> {
    const all = await this.#ask('Listing topics failed', () => this.#admin.listTopics());
    return all.filter((name) => !name.startsWith('__')).sort();
  }

  async publish(topic: string, records: OutgoingRecord[]): Promise<{ partition: number; offset: string }[]> {
    if (records.length === 0) return [];
    return this.#publisher.publish(topic, await this.#partitions(topic), records);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const counts = await Promise.all(options.topics.map((topic) => this.#partitions(topic)));
    const subscription = new KafkaSubscription(this.#kafka, {
      ...options,
      times: this.#times,
      log: this.#log,
      partitions: counts.reduce((sum, count) => sum + count, 0),
      startAt: () => this.#ends(options.group, options.topics),
    });
    await subscription.start();
    this.#subscriptions.add(subscription);
    return {
      pause: (topics) => subscription.pause(topics),
      resume: (topics) => subscription.resume(topics),
      stop: async () => {
        this.#subscriptions.delete(subscription);
        await subscription.stop();
      },
    };
  }

  async *read(
    topic: string,
    options: { from?: ReadFrom; partition?: number; until?: number } = {},
  ): AsyncGenerator<BusRecord, void, undefined> {
    const { from = 'earliest', until = Number.POSITIVE_INFINITY } = options;
    const bounds = await this.offsets(topic);
    const positions = await this.#positions(topic, from, bounds);
    const ranges = bounds
      .filter(({ partition }) => options.partition === undefined || options.partition === partition)
      .map(({ partition, end }) => ({
        partition,
        next: positions.get(partition) ?? BigInt(end),
        end: BigInt(end),
      }));
    const records = readRanges(this.#kafka, this.#admin, {
      topic,
      ranges,
      times: this.#times,
      log: this.#log,
      clientId: this.#config.clientId,
      starts: async () =>
        new Map((await this.offsets(topic)).map(({ partition, start }) => [partition, BigInt(start)])),
    });
    for await (const record of records) if (record.timestamp < until) yield record;
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    const found = await this.#ask(`Asking for the offsets of "${topic}" failed`, () =>
      this.#admin.fetchTopicOffsets(topic),
    );
    return found
      .map(({ partition, low, high }) => ({ partition, start: low, end: high }))
      .sort((a, b) => a.partition - b.partition);
  }

  async committed(group: string, topic: string): Promise<{ partition: number; offset: string | null }[]> {
    const [found] = await this.#ask(`Asking for the offsets of group "${group}" failed`, () =>
      this.#admin.fetchOffsets({ groupId: group, topics: [topic] }),
    );
    return (found?.partitions ?? [])
      .map(({ partition, offset }) => ({ partition, offset: offset === '-1' ? null : offset }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** @throws CinedexError USAGE while a member of the group runs */
  async seek(group: string, topic: string, from: ReadFrom): Promise<void> {
    const positions = await this.#positions(topic, from, await this.offsets(topic));
    await this.#ask(`Moving group "${group}" failed`, async () => {
      const { groups } = await this.#admin.describeGroups([group]);
      if (groups.some(({ members }) => members.length > 0)) {
        throw new CinedexError('USAGE', `The group "${group}" is running; stop it before it is moved.`);
      }
      await this.#commitAlone(group, topic, positions);
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()));
    this.#subscriptions.clear();
    await this.#publisher.close();
    await this.#admin.disconnect();
  }

  /** Offsets can only be committed by a member: one joins, commits and leaves. */
  async #commitAlone(group: string, topic: string, positions: ReadonlyMap<number, bigint>): Promise<void> {
    const member = new KafkaSubscription(this.#kafka, {
      group,
      topics: [topic],
      times: this.#times,
      log: this.#log,
      partitions: 1,
      from: 'latest',
      startAt: async () =>
        new Map(
          [...positions].map(([partition, offset]) => [partitionName(topic, partition), String(offset)]),
        ),
      handler: async () => {
        throw new CinedexError('ABORTED', 'the group is only moved');
      },
    });
    try {
      await member.start();
    } finally {
      await member.stop();
    }
  }

  /** Where a group that begins at the end begins, by partition name; only where it has committed nothing. */
  async #ends(group: string, topics: readonly string[]): Promise<Map<string, string>> {
    const ends = new Map<string, string>();
    for (const topic of topics) {
      const committed = new Map(
        (await this.committed(group, topic)).map(({ partition, offset }) => [partition, offset]),
      );
      for (const { partition, end } of await this.offsets(topic)) {
        if ((committed.get(partition) ?? null) === null) ends.set(partitionName(topic, partition), end);
      }
    }
    return ends;
  }

  async #positions(
    topic: string,
    from: ReadFrom,
    bounds: readonly PartitionOffsets[],
  ): Promise<Map<number, bigint>> {
    if (from !== 'earliest' && 'timestamp' in from) {
      const found = await this.#ask(`Asking for the offsets of "${topic}" failed`, () =>
        this.#admin.fetchTopicOffsetsByTimestamp(topic, from.timestamp),
      );
      return new Map(found.map(({ partition, offset }) => [partition, BigInt(offset)]));
    }
    const wanted = from === 'earliest' ? 0n : BigInt(from.offset);
    return new Map(
      bounds.map(({ partition, start, end }) => [partition, clamp(wanted, BigInt(start), BigInt(end))]),
    );
  }

  /** @throws CinedexError NOT_FOUND */
  #partitions(topic: string): Promise<number> {
    const known = this.#topics.get(topic);
    if (known && Date.now() - known.at < TOPIC_MAX_AGE_MS) return known.partitions;
    const partitions = this.#ask(`There is no topic "${topic}"`, async () => {
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] });
      const count = topics[0]?.partitions.length ?? 0;
      if (count === 0) throw new CinedexError('NOT_FOUND', `There is no topic "${topic}".`);
      return count;
    });
    // While Kafka is away the count of before will do: partitions are added, never taken away.
    const answer = partitions.catch((error: unknown) => {
      if (known && error instanceof CinedexError && error.retryable) return known.partitions;
      this.#topics.delete(topic);
      throw error;
    });
    this.#topics.set(topic, { partitions: answer, at: Date.now() });
    return answer;
  }

  /** Asks again while the answer may yet come: coordinators move and load after a broker has started. */
  async #ask<T>(failure: string, work: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + ASK_LIMIT_MS;
    for (let wait = 50; ; wait = Math.min(wait * 2, 1_000)) {
      try {
        return await work();
      } catch (error) {
        const ours = kafkaError(error, failure);
        if (!ours.retryable || Date.now() + wait > deadline) throw ours;
        this.#log.debug({ err: error }, `${failure}; it is asked again`);
        await sleep(wait);
      }
    }
  }
}

function topicSettings(spec: TopicSpec, replication: number): { name: string; value: string }[] {
  const settings: Record<string, string> = {
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': String(RECORD_BYTES),
    'retention.ms': String(spec.retentionMs ?? -1),
    'retention.bytes': '-1',
    // With three copies, acknowledged means that two have it: one broker may be lost.
    'min.insync.replicas': String(replication >= 3 ? 2 : 1),
  };
  if (spec.compact) {
    settings['cleanup.policy'] = spec.retentionMs === null ? 'compact' : 'compact,delete';
  } else settings['cleanup.policy'] = 'delete';
  return Object.entries(settings).map(([name, value]) => ({ name, value }));
}

function clamp(value: bigint, low: bigint, high: bigint): bigint {
  if (value < low) return low;
  return value > high ? high : value;
}
