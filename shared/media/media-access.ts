/** Turns an untrusted uri into a local file: below a configured root, from the public internet, or from a listed bucket. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { CoreConfig } from '../config.ts';
import { CinedexError } from '../contracts/errors.ts';
import type { MediaSource } from '../contracts/events.ts';
import type { MediaAccess, OpenedMedia } from '../ports/media-access.ts';
import type { Logger } from '../telemetry/logger.ts';
import { download, type RemoteHooks } from './remote.ts';
import type { MediaConfig } from './safe-media.ts';

export interface MediaAccessOptions {
  dataDir: string;
  logger: Logger;
  /** Where `s3:` uris are fetched from, if its list of media buckets has any. */
  s3?: CoreConfig['s3'];
  /** How long a downloaded copy stays for the next stage after its last user let go, ms. @default 60 000 */
  lingerMs?: number;
  /** For tests, which have no public server. */
  hooks?: RemoteHooks;
}

interface Download {
  users: number;
  file: string;
  ready: Promise<number>;
  isSettled: boolean;
  stop: AbortController;
  eviction?: NodeJS.Timeout;
}

/**
 * Local files are reached through links in `<dataDir>/media/open`, downloads lie in `<dataDir>/media/fetched`; both are
 * emptied when the first uri is opened, so a killed process leaves nothing behind for long. The data folder belongs to one
 * process.
 */
export function createMediaAccess(config: MediaConfig, options: MediaAccessOptions): MediaAccess {
  const { dataDir, logger, s3, lingerMs = 60_000, hooks } = options;
  const openFolder = path.join(dataDir, 'media', 'open');
  const fetchedFolder = path.join(dataDir, 'media', 'fetched');
  const downloads = new Map<string, Download>();
  const verified = new Map<string, string>();
  let prepared: Promise<void> | undefined;

  function prepare(): Promise<void> {
    prepared ??= (async () => {
      for (const folder of [openFolder, fetchedFolder]) {
        await rm(folder, { recursive: true, force: true });
        await mkdir(folder, { recursive: true, mode: 0o700 });
      }
    })();
    return prepared;
  }

  async function openLocal(file: string, media: MediaSource, signal: AbortSignal): Promise<OpenedMedia> {
    const real = await realpath(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw new CinedexError('MEDIA_NOT_FOUND', `The media cannot be reached: ${error.code}.`, {
        cause: error,
      });
    });
    const roots = await Promise.all(config.roots.map((root) => realpath(root).catch(() => undefined)));
    // Judged before "not found" is said, so that the answer tells nothing about files elsewhere.
    const isInside = (candidate: string) =>
      roots.some((root) => root !== undefined && isBelow(root, candidate));
    if (
      !isInside(real ?? path.resolve(file)) &&
      !(real === undefined && isBelowAny(config.roots, path.resolve(file)))
    ) {
      throw new CinedexError(
        'URI_NOT_ALLOWED',
        config.roots.length === 0
          ? 'No media root is configured (CINEDEX_MEDIA_ROOTS), so no file may be read.'
          : 'The file is not below a configured media root.',
      );
    }
    if (real === undefined) throw new CinedexError('MEDIA_NOT_FOUND', 'There is no such file.');
    const facts = await stat(real);
    if (!facts.isFile()) throw new CinedexError('MEDIA_NOT_FOUND', 'The uri does not name a file.');
    checkSize(facts.size);
    if (media.sha256) {
      const state = `${real}\0${facts.size}\0${facts.mtimeMs}\0${facts.ino}`;
      const known = verified.get(state) ?? (await hashFile(real, signal));
      if (verified.size > 1_000) verified.clear();
      verified.set(state, known);
      checkHash(known, media.sha256);
    }
    return { path: real, bytes: facts.size, release: async () => undefined, ...(await linked(real)) };
  }

  /** A name of ours for it; where links cannot be made the safe-media module still takes the path literally. */
  async function linked(real: string): Promise<Partial<OpenedMedia>> {
    const link = path.join(openFolder, randomUUID());
    try {
      await symlink(real, link);
    } catch (error) {
      logger.debug({ error: String(error) }, 'no link could be made for a media file; its own path is used');
      return {};
    }
    return { path: link, release: () => rm(link, { force: true }) };
  }

  async function openRemote(media: MediaSource, signal: AbortSignal): Promise<OpenedMedia> {
    const key = createHash('sha256')
      .update(JSON.stringify([media.uri, media.version ?? null, media.sha256 ?? null]))
      .digest('hex');
    let entry = downloads.get(key);
    if (!entry || entry.stop.signal.aborted) {
      entry = startDownload(key, media);
      downloads.set(key, entry);
    }
    const held = entry;
    held.users += 1;
    clearTimeout(held.eviction);
    let isReleased = false;
    const release = async () => {
      if (isReleased) return;
      isReleased = true;
      held.users -= 1;
      if (held.users === 0) await letGo(key, held);
    };
    try {
      const bytes = await settledOrAborted(held.ready, signal);
      return { path: held.file, bytes, release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  function startDownload(key: string, media: MediaSource): Download {
    const stop = new AbortController();
    const file = path.join(fetchedFolder, `${key}-${randomUUID().slice(0, 8)}`);
    const ready = (async () => {
      const part = `${file}.part`;
      try {
        const bytes = await fetchTo(part, media.uri, stop.signal);
        checkSize(bytes);
        if (media.sha256) checkHash(await hashFile(part, stop.signal), media.sha256);
        await rename(part, file);
        return bytes;
      } catch (error) {
        if (downloads.get(key)?.file === file) downloads.delete(key);
        await rm(part, { force: true });
        throw error;
      }
    })();
    const entry: Download = { users: 0, file, ready, isSettled: false, stop };
    const settle = () => {
      entry.isSettled = true;
    };
    // Those who wait hear of a failure; nobody may be left to.
    ready.then(settle, settle);
    return entry;
  }

  async function fetchTo(file: string, uri: string, signal: AbortSignal): Promise<number> {
    if (!s3 || !isS3(uri)) return download(uri, file, config, signal, hooks);
    // Loaded only where it is used: the client costs 100 ms and more at a start.
    const { downloadFromS3 } = await import('./s3-source.ts');
    return downloadFromS3(uri, file, config, signal, s3, logger);
  }

  async function letGo(key: string, entry: Download): Promise<void> {
    if (!entry.isSettled) {
      entry.stop.abort();
      return;
    }
    const evict = async () => {
      if (entry.users > 0) return;
      if (downloads.get(key) === entry) downloads.delete(key);
      await rm(entry.file, { force: true });
    };
    if (lingerMs === 0) await evict();
    else {
      entry.eviction = setTimeout(() => {
        evict().catch((error) =>
          logger.warn({ error: String(error) }, 'a fetched media file could not be removed'),
        );
      }, lingerMs);
      entry.eviction.unref();
    }
  }

  function checkSize(bytes: number): void {
    if (bytes === 0) throw new CinedexError('MEDIA_EMPTY', 'The file has no bytes.');
    if (bytes > config.maxBytes) {
      throw new CinedexError(
        'MEDIA_TOO_LARGE',
        `The media has ${bytes} bytes; media.maxBytes is ${config.maxBytes}.`,
      );
    }
  }

  return {
    async open(media, signal) {
      if (signal.aborted) throw new CinedexError('ABORTED', 'Opening the media was stopped.');
      await prepare();
      const { uri } = media;
      if (path.isAbsolute(uri)) return openLocal(uri, media, signal);
      const url = URL.parse(uri);
      if (url?.protocol === 'file:') return openLocal(localPath(url), media, signal);
      if (url?.protocol === 'https:') {
        if (!config.allowHttps) {
          throw new CinedexError('URI_NOT_ALLOWED', 'https is switched off (CINEDEX_MEDIA_ALLOW_HTTPS).');
        }
        return openRemote(media, signal);
      }
      if (isS3(uri)) {
        if (!s3 || s3.mediaBuckets.length === 0) {
          throw new CinedexError(
            'URI_NOT_ALLOWED',
            'No bucket of media is configured (CINEDEX_S3_MEDIA_BUCKETS), so no s3 uri may be read.',
          );
        }
        return openRemote(media, signal);
      }
      throw new CinedexError(
        'URI_NOT_ALLOWED',
        'The uri is neither an absolute path, nor file:, nor https:, nor s3:.',
      );
    },
  };
}

function isS3(uri: string): boolean {
  return /^s3:/i.test(uri);
}

function localPath(url: URL): string {
  if (url.search || url.hash)
    throw new CinedexError('URI_NOT_ALLOWED', 'A file uri has no query; encode ? and #.');
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new CinedexError('URI_NOT_ALLOWED', 'The file uri names another host or cannot be decoded.', {
      cause: error,
    });
  }
}

function isBelow(root: string, file: string): boolean {
  const relative = path.relative(root, file);
  return relative !== '' && !path.isAbsolute(relative) && relative.split(path.sep)[0] !== '..';
}

function isBelowAny(roots: readonly string[], file: string): boolean {
  return roots.some((root) => isBelow(root, file));
}

async function hashFile(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, { signal });
  } catch (error) {
    if (signal.aborted)
      throw new CinedexError('ABORTED', 'Checking the media was stopped.', { cause: error });
    throw error;
  }
  return hash.digest('hex');
}

function checkHash(actual: string, expected: string): void {
  if (actual !== expected) {
    throw new CinedexError(
      'MEDIA_CHANGED',
      `The bytes have sha256 ${actual.slice(0, 12)}…, not ${expected.slice(0, 12)}….`,
    );
  }
}

/** Waits for something shared; an abort ends the waiting, not the thing. */
async function settledOrAborted<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(new CinedexError('ABORTED', 'Opening the media was stopped.'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([shared, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
