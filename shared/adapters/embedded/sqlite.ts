import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { CinedexError } from '../../contracts/errors.ts';

/**
 * An SQLite database in WAL mode, with its prepared statements and with *group commit*: a durable commit costs a disk
 * flush whatever it holds, so everything that is asked for in one turn of the event loop shares one.
 */
export class SqliteStore {
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #waiting: Work[] = [];

  /** Commits survive a power cut (`synchronous = full`). */
  constructor(file: string, schema: string) {
    this.database = new DatabaseSync(file);
    this.database.exec(
      `pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000; ${schema}`,
    );
  }

  /** Prepared once: preparing costs more than most statements themselves. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (!statement) {
      statement = this.database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /**
   * Runs `work` in a transaction with whatever else waits, in the order of the calls; resolves when it is durable. Work
   * that throws is undone alone and rejects; the rest is kept.
   * @throws CinedexError ABORTED once the store is closed
   */
  write<T>(work: () => T): Promise<T> {
    if (!this.database.isOpen) return Promise.reject(new CinedexError('ABORTED', 'The store is closed.'));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: (value) => resolve(value as T), reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#commit());
    });
  }

  /** Commits what waits, and closes. */
  close(): void {
    if (!this.database.isOpen) return;
    this.#commit();
    this.#statements.clear();
    this.database.close();
  }

  #commit(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length === 0) return;
    const settle: (() => void)[] = [];
    try {
      this.database.exec('begin immediate');
      for (const { work, resolve, reject } of batch) {
        this.sql('savepoint work').run();
        try {
          const value = work();
          settle.push(() => resolve(value));
        } catch (error) {
          this.sql('rollback to work').run();
          settle.push(() => reject(error));
        }
        this.sql('release work').run();
      }
      this.database.exec('commit');
    } catch (error) {
      if (this.database.isOpen && this.database.isTransaction) this.database.exec('rollback');
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const finish of settle) finish();
  }
}

interface Work {
  work: () => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}
