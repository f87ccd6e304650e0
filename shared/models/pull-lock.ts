import { open, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CinedexError } from '../contracts/errors.ts';

const LOCK = '.lock';
const POLL_MS = 100;

/**
 * Runs `work` while no other process or caller works in the folder. A lock whose owner died on this machine is taken
 * over.
 */
export async function withFolderLock<T>(
  folder: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const lock = path.join(folder, LOCK);
  while (!(await take(lock))) {
    if (signal?.aborted) throw new CinedexError('ABORTED', 'Stopped while waiting for another pull.');
    await removeIfAbandoned(lock);
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    const handle = await open(lock, 'wx');
    await handle.writeFile(JSON.stringify({ pid: process.pid, host: os.hostname() }));
    await handle.close();
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function removeIfAbandoned(lock: string): Promise<void> {
  let owner: { pid?: number; host?: string };
  try {
    owner = JSON.parse(await readFile(lock, 'utf8')) as typeof owner;
  } catch (error) {
    // Gone by now, or its owner has not finished writing it.
    if (error instanceof SyntaxError || hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if (owner.host !== os.hostname() || owner.pid === undefined) return;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) return;
    await rm(lock, { force: true });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
