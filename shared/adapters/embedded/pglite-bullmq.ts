import { createPostgresBackend, runMigrations } from 'bullmq';
import type { BullmqBackend } from '../bullmq-job-queue.ts';
import { PglitePool } from './pglite-pool.ts';

const SCHEMA = 'bullmq';

/** BullMQ's PostgreSQL backend on a PGlite database in a folder. The folder must have one owner (see data-folder.ts). */
export async function openPgliteBackend(folder: string): Promise<BullmqBackend> {
  const pool = await PglitePool.open(folder);
  const client = await pool.connect();
  await runMigrations(client, SCHEMA);
  client.release();
  await pool.query(`set search_path = ${SCHEMA}`);
  return {
    connection: pool as never,
    factory: createPostgresBackend as never,
    close: () => pool.end(),
  };
}
