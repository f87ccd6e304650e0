/** A durable, partitioned, replayable log with consumer groups: the shape of Kafka, kept small. */

export interface OutgoingRecord {
  /** Records of one key keep their order. */
  key: string;
  value: string;
  headers: Record<string, string>;
}

export interface BusRecord extends OutgoingRecord {
  topic: string;
  partition: number;
  /** Position in the partition, from 0; text because Kafka's is 64 bits wide. */
  offset: string;
  /** Milliseconds since the epoch, when it was appended. */
  timestamp: number;
}

export interface TopicSpec {
  name: string;
  partitions: number;
  /** Records older than this may be dropped; null keeps them for ever. */
  retentionMs: number | null;
  /** Keyed state: only the last record of each key needs to be kept. A log may keep all of them. */
  compact?: boolean;
}

export interface SubscribeOptions {
  group: string;
  topics: string[];
  /** Where a group that has no committed offset begins. Default `earliest`. */
  from?: 'earliest' | 'latest';
  maxBatch?: number;
  /**
   * Gets records of one partition in order. Offsets are committed when it resolves; when it rejects, the same batch
   * comes again after a pause. It must only hand work on (to a queue), never do it.
   */
  handler: (batch: BusRecord[], signal: AbortSignal) => Promise<void>;
  /** Told of every rejection of the handler; the subscription goes on. */
  onError?: (error: unknown, batch: BusRecord[]) => void;
}

export interface Subscription {
  pause(topics?: string[]): void;
  resume(topics?: string[]): void;
  /** Stops fetching, waits for the handler in progress, commits. */
  stop(): Promise<void>;
}

export type ReadFrom = { offset: string } | { timestamp: number } | 'earliest';

export interface PartitionOffsets {
  partition: number;
  /** First offset that is still there. */
  start: string;
  /** Offset that the next record will get. */
  end: string;
}

export interface EventBus {
  /** Creates what is missing; the partition count of an existing topic stays. */
  ensureTopics(topics: TopicSpec[]): Promise<void>;
  topics(): Promise<string[]>;
  /** Resolves when the records are durable, with their positions in the order given. */
  publish(topic: string, records: OutgoingRecord[]): Promise<{ partition: number; offset: string }[]>;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** Reads without a group, from a position up to what was there when it began (or up to `until`, ms, exclusive). */
  read(
    topic: string,
    options?: { from?: ReadFrom; partition?: number; until?: number },
  ): AsyncIterable<BusRecord>;
  offsets(topic: string): Promise<PartitionOffsets[]>;
  /** Next offset to be consumed by the group, by partition; null where nothing was committed. */
  committed(group: string, topic: string): Promise<{ partition: number; offset: string | null }[]>;
  /** Moves a group that is not running to a position. */
  seek(group: string, topic: string, from: ReadFrom): Promise<void>;
  close(): Promise<void>;
}
