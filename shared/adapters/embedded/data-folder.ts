/** A data folder belongs to one process. The operating system frees the lock when the process dies, however it dies. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CinedexError } from '../../contracts/errors.ts';

export interface DataFolder {
  dir: string;
  release(): void;
}

/**
 * Takes the folder, making it where it is missing. The lock is an SQLite database held in an exclusive transaction: a
 * file lock of the operating system on every platform, with no native package.
 * @throws CinedexError DATA_LOCKED naming the process that holds it
 */
export function openDataFolder(dir: string): DataFolder {
  mkdirSync(dir, { recursive: true });
  const file = path.join(dir, 'lock');
  const owner = path.join(dir, 'lock.pid');
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('pragma locking_mode = exclusive; begin exclusive');
  } catch (cause) {
    database.close();
    throw new CinedexError('DATA_LOCKED', `${dir} is in use by process ${readOwner(owner)}.`, { cause });
  }
  writeFileSync(owner, String(process.pid));
  return { dir, release: () => database.close() };
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '(unknown)';
    throw error;
  }
}
