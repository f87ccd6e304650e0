/** The ledger as one SQLite table: a JSON record a video, with the columns that are looked up beside it. */
import { type VideoRef, videoKey } from '../../contracts/common.ts';
import { type Ledger, VideoRecord } from '../../ports/ledger.ts';
import { SqliteStore } from './sqlite.ts';

const SCHEMA = `
  create table if not exists video (
    key text primary key, tenant text not null, check_at integer, record text not null
  ) without rowid;
  create index if not exists video_check on video (check_at, key) where check_at is not null;
  create index if not exists video_tenant on video (tenant, key);`;

const DEFAULT_PAGE = 100;

export class SqliteLedger implements Ledger {
  readonly #store: SqliteStore;

  constructor(file: string) {
    this.#store = new SqliteStore(file, SCHEMA);
  }

  async get(ref: VideoRef): Promise<VideoRecord | undefined> {
    return this.#read(videoKey(ref));
  }

  async update(
    ref: VideoRef,
    change: (current: VideoRecord | undefined) => VideoRecord | undefined,
  ): Promise<VideoRecord | undefined> {
    const key = videoKey(ref);
    return this.#store.write(() => {
      const current = this.#read(key);
      const next = change(current && structuredClone(current));
      if (!next) return current;
      this.#store
        .sql('insert or replace into video (key, tenant, check_at, record) values (?, ?, ?, ?)')
        .run(key, next.tenant, next.checkAt, JSON.stringify(next));
      return next;
    });
  }

  async list(
    options: { tenant?: string; cursor?: string; limit?: number } = {},
  ): Promise<{ records: VideoRecord[]; cursor: string | null }> {
    const { tenant = null, cursor = '', limit = DEFAULT_PAGE } = options;
    const rows = this.#store
      .sql('select key, record from video where key > ? and (? is null or tenant = ?) order by key limit ?')
      .all(cursor, tenant, tenant, limit) as { key: string; record: string }[];
    const records = rows.map(({ record }) => VideoRecord.parse(JSON.parse(record)));
    return { records, cursor: rows.length < limit ? null : rows.at(-1)!.key };
  }

  async due(now: number, limit: number): Promise<VideoRef[]> {
    const rows = this.#store
      .sql('select record from video where check_at <= ? order by check_at, key limit ?')
      .all(now, limit) as { record: string }[];
    return rows.map(({ record }) => {
      const { tenant, videoId } = JSON.parse(record) as VideoRef;
      return { tenant, videoId };
    });
  }

  async close(): Promise<void> {
    this.#store.close();
  }

  #read(key: string): VideoRecord | undefined {
    const row = this.#store.sql('select record from video where key = ?').get(key) as
      | { record: string }
      | undefined;
    return row && VideoRecord.parse(JSON.parse(row.record));
  }
}
