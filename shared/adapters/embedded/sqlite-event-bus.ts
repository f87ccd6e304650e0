/**
 * The event log on SQLite (WAL): topics, partitions by key, offsets, consumer groups, replay.
 *
 * Publishes that come at once share one durable commit (group commit), since a commit costs a disk flush whatever it
 * holds. Subscribers in this process are woken by the publish itself; nothing polls. Keys land in partitions as with
 * Kafka (see partitioner.ts).
 */
import { EventEmitter } from 'node:events';
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
import { partitionOf } from '../partitioner.ts';
import { SqliteStore } from './sqlite.ts';

const SCHEMA = `
  create table if not exists topic (name text primary key, partitions integer not null, retention_ms integer);
  create table if not exists head (topic text, part integer, next integer not null, at integer not null, primary key (topic, part)) without rowid;
  create table if not exists log (
    topic text, part integer, off integer, at integer not null, key text not null, value text not null, headers text not null,
    primary key (topic, part, off)
  ) without rowid;
  create index if not exists log_time on log (topic, part, at);
  create table if not exists committed (grp text, topic text, part integer, off integer not null, primary key (grp, topic, part))
    without rowid;`;

const READ_BATCH = 500;
/** Characters of values after which a batch is cut, so that large payloads do not pile up in memory. */
const BATCH_CHARACTERS = 8 * 1024 ** 2;
const RETENTION_EVERY_MS = 60_000;
const RETRY_MS = { first: 50, most: 5_000 };

export interface SqliteEventBusOptions {
  now?: () => number;
}

interface Row {
  part: number;
  off: number;
  at: number;
  key: string;
  value: string;
  headers: string;
}

type Positions = { partition: number; offset: string }[];
export class SqliteEventBus implements EventBus {
  readonly #store: SqliteStore;
  readonly #wake = new EventEmitter().setMaxListeners(0);
  readonly #subscriptions = new Set<Subscription>();
  readonly #now: () => number;
  /** Who consumes a partition for a group; a second member of the group waits for its turn. */
  readonly #owners = new Map<string, Promise<void>>();
  readonly #janitor: NodeJS.Timeout;

  constructor(file: string, options: SqliteEventBusOptions = {}) {
    this.#store = new SqliteStore(file, SCHEMA);
    this.#now = options.now ?? Date.now;
    this.dropExpired();
    this.#janitor = setInterval(() => this.dropExpired(), RETENTION_EVERY_MS).unref();
  }

  async ensureTopics(topics: TopicSpec[]): Promise<void> {
    await this.#store.write(() => {
      for (const { name, partitions, retentionMs } of topics) {
        this.#store
          .sql(
            `insert into topic values (?, ?, ?) on conflict (name) do update set retention_ms = excluded.retention_ms`,
          )
          .run(name, partitions, retentionMs);
        for (let part = 0; part < this.#partitions(name); part++) {
          this.#store.sql('insert or ignore into head values (?, ?, 0, 0)').run(name, part);
        }
      }
    });
  }

  async topics(): Promise<string[]> {
    const rows = this.#store.sql('select name from topic order by name').all() as { name: string }[];
    return rows.map(({ name }) => name);
  }

  async publish(topic: string, records: OutgoingRecord[]): Promise<Positions> {
    const positions = await this.#store.write(() => {
      const partitions = this.#partitions(topic);
      return records.map((record) => this.#append(topic, partitions, record));
    });
    this.#wake.emit(topic);
    return positions;
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const { group, topics, from = 'earliest' } = options;
    for (const topic of topics) {
      for (const { partition, end } of await this.offsets(topic)) {
        if (from === 'latest' && this.#committed(group, topic, partition) === null) {
          await this.#commit(group, topic, partition, Number(end));
        }
      }
    }
    const stopping = new AbortController();
    const paused = new Set<string>();
    const loops = topics.flatMap((topic) =>
      Array.from({ length: this.#partitions(topic) }, (_, part) =>
        this.#inTurn(`${group}\n${topic}\n${part}`, stopping.signal, () =>
          this.#consume(options, topic, part, paused, stopping.signal),
        ),
      ),
    );
    const subscription: Subscription = {
      pause: (some = topics) => {
        for (const topic of some) paused.add(topic);
      },
      resume: (some = topics) => {
        for (const topic of some) {
          paused.delete(topic);
          this.#wake.emit(topic);
        }
      },
      stop: async () => {
        stopping.abort();
        this.#subscriptions.delete(subscription);
        await Promise.all(loops);
      },
    };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async *read(
    topic: string,
    options: { from?: ReadFrom; partition?: number; until?: number } = {},
  ): AsyncIterable<BusRecord> {
    const { from = 'earliest', partition, until = Number.MAX_SAFE_INTEGER } = options;
    for (const { partition: part, start, end } of await this.offsets(topic)) {
      if (partition !== undefined && partition !== part) continue;
      let next = this.#position(topic, part, from, Number(start), Number(end));
      while (next < Number(end)) {
        const rows = this.#rows(topic, part, next, READ_BATCH).filter(({ off }) => off < Number(end));
        if (rows.length === 0) break;
        for (const row of rows) if (row.at < until) yield toRecord(topic, row);
        next = rows.at(-1)!.off + 1;
      }
    }
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    return Array.from({ length: this.#partitions(topic) }, (_, partition) => {
      const { next } = this.#store
        .sql('select next from head where topic = ? and part = ?')
        .get(topic, partition) as { next: number };
      const first = this.#store
        .sql('select min(off) as off from log where topic = ? and part = ?')
        .get(topic, partition) as { off: number | null };
      return { partition, start: String(first.off ?? next), end: String(next) };
    });
  }

  async committed(group: string, topic: string): Promise<{ partition: number; offset: string | null }[]> {
    return Array.from({ length: this.#partitions(topic) }, (_, partition) => {
      const offset = this.#committed(group, topic, partition);
      return { partition, offset: offset === null ? null : String(offset) };
    });
  }

  async seek(group: string, topic: string, from: ReadFrom): Promise<void> {
    const offsets = await this.offsets(topic);
    await Promise.all(
      offsets.map(({ partition, start, end }) =>
        this.#commit(
          group,
          topic,
          partition,
          this.#position(topic, partition, from, Number(start), Number(end)),
        ),
      ),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#janitor);
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()));
    this.#store.close();
  }

  /** Removes the records that are older than their topic's retention; runs by itself every minute. */
  dropExpired(): void {
    const topics = this.#store
      .sql('select name, retention_ms from topic where retention_ms is not null')
      .all() as {
      name: string;
      retention_ms: number;
    }[];
    for (const { name, retention_ms } of topics) {
      this.#store.sql('delete from log where topic = ? and at < ?').run(name, this.#now() - retention_ms);
    }
  }

  #append(topic: string, partitions: number, record: OutgoingRecord): Positions[number] {
    const partition = partitionOf(record.key, partitions);
    // Times never run backwards in a partition, whatever the clock does: reading from a time relies on it.
    const { next, at } = this.#store
      .sql('update head set next = next + 1, at = max(at, ?) where topic = ? and part = ? returning next, at')
      .get(this.#now(), topic, partition) as { next: number; at: number };
    this.#store
      .sql('insert into log values (?, ?, ?, ?, ?, ?, ?)')
      .run(topic, partition, next - 1, at, record.key, record.value, JSON.stringify(record.headers));
    return { partition, offset: String(next - 1) };
  }

  /** Runs `work` when everybody who asked for `name` before is done. One that is stopped meanwhile gives way at once. */
  #inTurn(name: string, stopping: AbortSignal, work: () => Promise<void>): Promise<void> {
    const before = this.#owners.get(name) ?? Promise.resolve();
    const turn = before.then(() => (stopping.aborted ? undefined : work()));
    this.#owners.set(name, turn);
    let begun = false;
    void before.then(() => {
      begun = true;
    });
    return new Promise((resolve, reject) => {
      turn.then(resolve, reject);
      stopping.addEventListener('abort', () => {
        if (!begun) resolve();
      });
    });
  }

  async #consume(
    options: SubscribeOptions,
    topic: string,
    part: number,
    paused: Set<string>,
    stopping: AbortSignal,
  ): Promise<void> {
    const { group, handler, onError, maxBatch = 100 } = options;
    let failures = 0;
    while (!stopping.aborted) {
      let batch: BusRecord[] = [];
      try {
        const from = this.#committed(group, topic, part) ?? 0;
        if (!paused.has(topic)) {
          batch = this.#rows(topic, part, from, maxBatch).map((row) => toRecord(topic, row));
        }
        if (batch.length === 0) {
          await this.#published(topic, stopping);
          continue;
        }
        await handler(batch, stopping);
        await this.#commit(group, topic, part, Number(batch.at(-1)!.offset) + 1);
        failures = 0;
      } catch (error) {
        if (stopping.aborted) return;
        onError?.(error, batch);
        failures += 1;
        await pause(Math.min(RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.most), stopping);
      }
    }
  }

  /** Resolves at the next publish to the topic, or when stopped. */
  #published(topic: string, stopping: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#wake.off(topic, done);
        stopping.removeEventListener('abort', done);
        resolve();
      };
      this.#wake.on(topic, done);
      stopping.addEventListener('abort', done);
    });
  }

  #partitions(topic: string): number {
    const row = this.#store.sql('select partitions from topic where name = ?').get(topic) as
      | { partitions: number }
      | undefined;
    if (!row) throw new CinedexError('NOT_FOUND', `There is no topic "${topic}".`);
    return row.partitions;
  }

  /** At least one where there is one; not many when they are large. */
  #rows(topic: string, part: number, from: number, limit: number): Row[] {
    const rows: Row[] = [];
    let bytes = 0;
    const found = this.#store
      .sql(
        'select part, off, at, key, value, headers from log where topic = ? and part = ? and off >= ? order by off limit ?',
      )
      .iterate(topic, part, from, limit) as unknown as Iterable<Row>;
    for (const row of found) {
      rows.push(row);
      bytes += row.value.length;
      if (bytes >= BATCH_CHARACTERS) break;
    }
    return rows;
  }

  #position(topic: string, part: number, from: ReadFrom, start: number, end: number): number {
    if (from === 'earliest') return start;
    if ('offset' in from) return Math.max(start, Number(from.offset));
    const row = this.#store
      .sql('select min(off) as off from log where topic = ? and part = ? and at >= ?')
      .get(topic, part, from.timestamp) as { off: number | null };
    return row.off ?? end;
  }

  #committed(group: string, topic: string, part: number): number | null {
    const row = this.#store
      .sql('select off from committed where grp = ? and topic = ? and part = ?')
      .get(group, topic, part) as { off: number } | undefined;
    return row?.off ?? null;
  }

  #commit(group: string, topic: string, part: number, offset: number): Promise<void> {
    return this.#store.write(() => {
      this.#store.sql('insert or replace into committed values (?, ?, ?, ?)').run(group, topic, part, offset);
    });
  }
}

function toRecord(topic: string, row: Row): BusRecord {
  return {
    topic,
    partition: row.part,
    offset: String(row.off),
    timestamp: row.at,
    key: row.key,
    value: row.value,
    headers: JSON.parse(row.headers) as Record<string, string>,
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
