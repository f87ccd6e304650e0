/**
 * Reading a topic from a position to its end, for replay. kafkajs can only fetch as a member of a group, so a read has a
 * group of its own, which commits nothing and is removed at the end.
 */
import type { Admin, Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { v4 as uuid } from 'uuid';
import type { BusRecord } from '../../ports/event-bus.ts';
import { type KafkaLog, kafkaError } from './kafka-client.ts';
import { FETCH_BYTES, type GroupTimes, heartbeats, PARTITION_BYTES, toRecord } from './kafka-subscription.ts';

export interface ReadRange {
  partition: number;
  /** First offset to give. */
  next: bigint;
  /** Offset before which to stop. */
  end: bigint;
}

export interface KafkaReaderOptions {
  topic: string;
  ranges: ReadRange[];
  times: GroupTimes;
  log: KafkaLog;
  clientId: string;
  /** First offsets that are still there, by partition; retention may remove what was to be read. */
  starts: () => Promise<Map<number, bigint>>;
}

/** Records that were fetched and not yet taken; above it fetching waits. */
const AHEAD = 2_000;
const STILL_MS = 5_000;

/** @throws CinedexError STORE_UNAVAILABLE when Kafka goes away meanwhile */
export async function* readRanges(
  kafka: Kafka,
  admin: Admin,
  options: KafkaReaderOptions,
): AsyncGenerator<BusRecord, void, undefined> {
  const { topic, times, log, clientId } = options;
  const ranges = new Map(
    options.ranges.filter(({ next, end }) => next < end).map((range) => [range.partition, { ...range }]),
  );
  if (ranges.size === 0) return;
  const groupId = `${clientId}-read-${uuid()}`;
  const buffer: BusRecord[] = [];
  let failure: { error: unknown } | undefined;
  let over = false;
  const waiters = new Set<() => void>();
  const changed = () => new Promise<void>((resolve) => waiters.add(resolve));
  const tell = () => {
    const all = [...waiters];
    waiters.clear();
    for (const waiter of all) waiter();
  };

  const consumer: Consumer = kafka.consumer({
    groupId,
    sessionTimeout: times.sessionMs,
    heartbeatInterval: times.heartbeatMs,
    rebalanceTimeout: times.rebalanceMs,
    maxWaitTimeInMs: times.fetchWaitMs,
    maxBytesPerPartition: PARTITION_BYTES,
    maxBytes: FETCH_BYTES,
    allowAutoTopicCreation: false,
    retry: { retries: 6, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: async () => false },
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    failure = { error: payload.error };
    tell();
  });
  // Before the first fetch of each join: partitions begin where reading is, not where the group is.
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const assigned = (payload.memberAssignment as Record<string, number[]>)[topic] ?? [];
    for (const partition of assigned) {
      const range = ranges.get(partition);
      if (range) consumer.seek({ topic, partition, offset: String(range.next) });
      else consumer.pause([{ topic, partitions: [partition] }]);
    }
  });

  const take = async ({ batch, heartbeat, resolveOffset, isStale }: EachBatchPayload) => {
    const { partition } = batch;
    const range = ranges.get(partition);
    if (!range || isStale()) return;
    for (const message of batch.messages) {
      const offset = BigInt(message.offset);
      if (offset < range.next || offset >= range.end) continue;
      buffer.push(toRecord(topic, partition, message));
      range.next = offset + 1n;
    }
    // Offsets may be missing at the end of a batch (compaction), so where the batch ends is where reading is.
    const last = BigInt(batch.lastOffset());
    if (last + 1n > range.next) range.next = last + 1n;
    resolveOffset(batch.lastOffset());
    if (range.next >= range.end) {
      ranges.delete(partition);
      consumer.pause([{ topic, partitions: [partition] }]);
    }
    tell();
    const beat = heartbeats(heartbeat, times.heartbeatMs);
    while (buffer.length >= AHEAD && !over && !beat.failed) await changed();
    beat.stop();
    if (beat.failed && !over) throw beat.error;
  };

  /** What retention removes while it is read cannot be waited for. */
  const skipRemoved = async () => {
    const starts = await options.starts();
    for (const [partition, range] of ranges) {
      if ((starts.get(partition) ?? 0n) >= range.end) ranges.delete(partition);
    }
    tell();
  };
  let progress = '';
  const watch = setInterval(() => {
    const now = [...ranges.values()].map(({ next }) => next).join();
    if (now === progress && buffer.length === 0) {
      skipRemoved().catch((error: unknown) => log.debug({ err: error }, 'offsets could not be asked for'));
    }
    progress = now;
  }, STILL_MS);

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: take,
    });
    for (;;) {
      const record = buffer.shift();
      if (record) {
        if (buffer.length === AHEAD - 1) tell();
        yield record;
      } else if (failure) throw failure.error;
      else if (ranges.size === 0) return;
      else await changed();
    }
  } catch (error) {
    throw kafkaError(error, `Reading "${topic}" failed`);
  } finally {
    over = true;
    clearInterval(watch);
    tell();
    try {
      await consumer.disconnect();
      await admin.deleteGroups([groupId]);
    } catch (error) {
      // An empty group without offsets goes by itself.
      log.debug({ err: error, groupId }, 'the group of a read was not removed');
    }
  }
}
