import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { CinedexError } from '../../contracts/errors.ts';

/** The disk is full, broken or set to read only, or there are too many files open: it may be different later. */
const DISK_TROUBLE = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE']);

/**
 * Writes a file whole: a reader sees the old one or the new one, never half of it, after a power cut too. Makes the folder
 * where it is missing.
 * @throws CinedexError STORE_UNAVAILABLE when the disk does not take it now
 */
export async function writeDurably(
  file: string,
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${randomUUID()}`);
  try {
    const handle = await openIn(folder, temporary);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code || !DISK_TROUBLE.has(code)) throw error;
    throw new CinedexError('STORE_UNAVAILABLE', `The disk does not take ${file}: ${message}`, {
      cause: error,
    });
  }
  const directory = await open(folder);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The folder is mostly there, so it is made only when it turns out to be missing. */
async function openIn(folder: string, file: string): Promise<FileHandle> {
  try {
    return await open(file, 'w');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(folder, { recursive: true });
    return open(file, 'w');
  }
}
