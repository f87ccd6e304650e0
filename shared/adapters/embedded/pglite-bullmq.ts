import { createPostgresBackend, runMigrations } from 'bullmq';
import type { BullmqBackend } from '../bullmq-job-queue.ts';
import { PglitePool } from './pglite-pool.ts';

const SCHEMA = 'bullmq';
/** PGlite has no autovacuum; a queue leaves a dead row a job. */
const VACUUM_EVERY_MS = 600_000;

/** BullMQ's PostgreSQL backend on a PGlite database in a folder. The folder must have one owner (see data-folder.ts). */
export async function openPgliteBackend(
  folder: string,
): Promise<BullmqBackend & Required<Pick<BullmqBackend, 'factory'>>> {
  const pool = await PglitePool.open(folder);
  const client = await pool.connect();
  await runMigrations(client, SCHEMA);
  client.release();
  await pool.query(`set search_path = ${SCHEMA}`);
  // The folder has one owner, who has just begun: whoever held these jobs is gone, and nobody need wait for their locks.
  await pool.query(
    `update job set state = 'waiting', lock_token = null, locked_until_ms = null, stalled_marked = false
     where state = 'active'`,
  );
  await pool.query('vacuum');
  const vacuum = setInterval(() => {
    pool.query('vacuum').catch((error: Error) => process.emitWarning(error));
  }, VACUUM_EVERY_MS).unref();
  return {
    connection: pool as never,
    factory: createPostgresBackend as never,
    close: () => {
      clearInterval(vacuum);
      return pool.end();
    },
  };
}
