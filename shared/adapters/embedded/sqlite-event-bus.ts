/**
 * The event log on SQLite (WAL): topics, partitions by key, offsets, consumer groups, replay.
 *
 * Publishes that come at once share one durable commit (group commit), since a commit costs a disk flush whatever it
 * holds. Subscribers in this process are woken by the publish itself; nothing polls.
 */
import { EventEmitter, once } from 'node:events';
import type { DatabaseSync } from 'node:sqlite';
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
import { openSqlite, transaction } from './sqlite.ts';

const SCHEMA = `
  create table if not exists topic (name text primary key, partitions integer not null, retention_ms integer);
  create table if not exists head (topic text, part integer, next integer not null, primary key (topic, part)) without rowid;
  create table if not exists log (
    topic text, part integer, off integer, at integer not null, key text not null, value text not null, headers text not null,
    primary key (topic, part, off)
  ) without rowid;
  create index if not exists log_time on log (topic, part, at);
  create table if not exists committed (grp text, topic text, part integer, off integer not null, primary key (grp, topic, part))
    without rowid;`;

const READ_BATCH = 500;
const RETRY_MS = { first: 50, most: 5_000 };

interface Row {
  part: number;
  off: number;
  at: number;
  key: string;
  value: string;
  headers: string;
}

type Positions = { partition: number; offset: string }[];
interface Waiting {
  topic: string;
  records: OutgoingRecord[];
  resolve: (positions: Positions) => void;
  reject: (error: unknown) => void;
}

export class SqliteEventBus implements EventBus {
  readonly #database: DatabaseSync;
  readonly #wake = new EventEmitter().setMaxListeners(0);
  readonly #subscriptions = new Set<Subscription>();
  readonly #now: () => number;
  #waiting: Waiting[] = [];

  constructor(file: string, now: () => number = Date.now) {
    this.#database = openSqlite(file, SCHEMA, 'full');
    this.#now = now;
  }

  async ensureTopics(topics: TopicSpec[]): Promise<void> {
    transaction(this.#database, () => {
      for (const { name, partitions, retentionMs } of topics) {
        this.#database
          .prepare(
            `insert into topic values (?, ?, ?) on conflict (name) do update set retention_ms = excluded.retention_ms`,
          )
          .run(name, partitions, retentionMs);
        for (let part = 0; part < this.#partitions(name); part++) {
          this.#database.prepare('insert or ignore into head values (?, ?, 0)').run(name, part);
        }
        if (retentionMs !== null) {
          this.#database
            .prepare('delete from log where topic = ? and at < ?')
            .run(name, this.#now() - retentionMs);
        }
      }
    });
  }

  async topics(): Promise<string[]> {
    const rows = this.#database.prepare('select name from topic order by name').all() as { name: string }[];
    return rows.map(({ name }) => name);
  }

  publish(topic: string, records: OutgoingRecord[]): Promise<Positions> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ topic, records, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#commitWaiting());
    });
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const { group, topics, from = 'earliest' } = options;
    for (const topic of topics) {
      for (const { partition, end } of await this.offsets(topic)) {
        if (from === 'latest' && this.#committed(group, topic, partition) === null) {
          this.#commit(group, topic, partition, Number(end));
        }
      }
    }
    const stopping = new AbortController();
    const paused = new Set<string>();
    const loops = topics.flatMap((topic) =>
      Array.from({ length: this.#partitions(topic) }, (_, part) =>
        this.#consume(options, topic, part, paused, stopping.signal),
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
      const { next } = this.#database
        .prepare('select next from head where topic = ? and part = ?')
        .get(topic, partition) as { next: number };
      const first = this.#database
        .prepare('select min(off) as off from log where topic = ? and part = ?')
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
    for (const { partition, start, end } of await this.offsets(topic)) {
      this.#commit(
        group,
        topic,
        partition,
        this.#position(topic, partition, from, Number(start), Number(end)),
      );
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()));
    this.#commitWaiting();
    this.#database.close();
  }

  #commitWaiting(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length === 0) return;
    const settled: (() => void)[] = [];
    const touched = new Set<string>();
    try {
      transaction(this.#database, () => {
        for (const { topic, records, resolve, reject } of batch) {
          // One caller's mistake must not take back what others publish.
          try {
            const partitions = this.#partitions(topic);
            const positions = records.map((record) => this.#append(topic, partitions, record));
            settled.push(() => resolve(positions));
            touched.add(topic);
          } catch (error) {
            settled.push(() => reject(error));
          }
        }
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const finish of settled) finish();
    for (const topic of touched) this.#wake.emit(topic);
  }

  #append(topic: string, partitions: number, record: OutgoingRecord): Positions[number] {
    const partition = partitionOf(record.key, partitions);
    const { next } = this.#database
      .prepare('update head set next = next + 1 where topic = ? and part = ? returning next')
      .get(topic, partition) as { next: number };
    this.#database
      .prepare('insert into log values (?, ?, ?, ?, ?, ?, ?)')
      .run(topic, partition, next - 1, this.#now(), record.key, record.value, JSON.stringify(record.headers));
    return { partition, offset: String(next - 1) };
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
      const from = this.#committed(group, topic, part) ?? 0;
      const rows = paused.has(topic) ? [] : this.#rows(topic, part, from, maxBatch);
      if (rows.length === 0) {
        await once(this.#wake, topic, { signal: stopping }).catch((error) => {
          if (!stopping.aborted) throw error;
        });
        continue;
      }
      const batch = rows.map((row) => toRecord(topic, row));
      try {
        await handler(batch, stopping);
        this.#commit(group, topic, part, rows.at(-1)!.off + 1);
        failures = 0;
      } catch (error) {
        if (stopping.aborted) return;
        onError?.(error, batch);
        failures += 1;
        await pause(Math.min(RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.most), stopping);
      }
    }
  }

  #partitions(topic: string): number {
    const row = this.#database.prepare('select partitions from topic where name = ?').get(topic) as
      | { partitions: number }
      | undefined;
    if (!row) throw new CinedexError('NOT_FOUND', `There is no topic "${topic}".`);
    return row.partitions;
  }

  #rows(topic: string, part: number, from: number, limit: number): Row[] {
    return this.#database
      .prepare(
        'select part, off, at, key, value, headers from log where topic = ? and part = ? and off >= ? order by off limit ?',
      )
      .all(topic, part, from, limit) as unknown as Row[];
  }

  #position(topic: string, part: number, from: ReadFrom, start: number, end: number): number {
    if (from === 'earliest') return start;
    if ('offset' in from) return Math.max(start, Number(from.offset));
    const row = this.#database
      .prepare('select min(off) as off from log where topic = ? and part = ? and at >= ?')
      .get(topic, part, from.timestamp) as { off: number | null };
    return row.off ?? end;
  }

  #committed(group: string, topic: string, part: number): number | null {
    const row = this.#database
      .prepare('select off from committed where grp = ? and topic = ? and part = ?')
      .get(group, topic, part) as { off: number } | undefined;
    return row?.off ?? null;
  }

  #commit(group: string, topic: string, part: number, offset: number): void {
    this.#database
      .prepare('insert or replace into committed values (?, ?, ?, ?)')
      .run(group, topic, part, offset);
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
