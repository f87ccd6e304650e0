import { DatabaseSync } from 'node:sqlite';

/**
 * Opens a database in WAL mode.
 * @param durability `full` survives a power cut after each commit; `normal` survives a crash of the process.
 */
export function openSqlite(file: string, schema: string, durability: 'full' | 'normal'): DatabaseSync {
  const database = new DatabaseSync(file);
  database.exec(
    `pragma journal_mode = wal; pragma synchronous = ${durability}; pragma busy_timeout = 5000; ${schema}`,
  );
  return database;
}

/** Runs `work` in one immediate transaction: all of it or nothing. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('begin immediate');
  try {
    const result = work();
    database.exec('commit');
    return result;
  } catch (error) {
    database.exec('rollback');
    throw error;
  }
}
