/** From files, folders and manifests to upload events. */
import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { SourceKind, VideoId } from '../shared/contracts/common.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import { type EventData, VideoMetadata } from '../shared/contracts/events.ts';
import { formatZodError } from '../shared/contracts/zod.ts';
import { sha256File } from '../shared/models/store.ts';

export type Upload = EventData<'video.uploaded.v1'>;

/** Extensions of videos, in lower case. What is really inside is found out when it is opened. */
const VIDEO_EXTENSIONS = new Set(
  '3g2 3gp asf avi flv gif m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv'
    .split(' ')
    .map((extension) => `.${extension}`),
);

export interface Library {
  uploads: Upload[];
  /** Folders that hold the files: they become media roots. */
  roots: string[];
  /** Files that are no videos by their extension. */
  ignored: number;
}

export interface LibraryOptions {
  tenant: string;
  source: 'ogc' | 'ugc';
  /** Replaces what is derived from the name of a single file. */
  metadata?: Partial<VideoMetadata>;
  videoId?: string;
  onFile?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * @param target a video, a folder of videos (searched to the bottom), or a manifest `*.jsonl`
 * @throws CinedexError NOT_FOUND, USAGE, or MANIFEST_INVALID naming the line of the manifest
 */
export async function readLibrary(target: string, options: LibraryOptions): Promise<Library> {
  const place = await realpath(path.resolve(target)).catch((cause) => {
    throw new CinedexError('NOT_FOUND', `There is no file or folder ${target}.`, { cause });
  });
  const kind = await stat(place);
  if (kind.isDirectory()) return readFolder(place, options);
  if (/\.jsonl$/i.test(place)) return readManifest(place, options);
  const upload = await describeFile(place, options);
  return { uploads: [upload], roots: [path.dirname(place)], ignored: 0 };
}

async function readFolder(folder: string, options: LibraryOptions): Promise<Library> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    // A hidden folder is somebody's cache or trash; ours, with its posters, may be among them.
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter(
      (file) =>
        !path
          .relative(folder, file)
          .split(path.sep)
          .some((part) => part.startsWith('.')),
    );
  const videos = files.filter((file) => VIDEO_EXTENSIONS.has(path.extname(file).toLowerCase())).sort();
  const uploads: Upload[] = [];
  for (const [done, file] of videos.entries()) {
    options.signal?.throwIfAborted();
    options.onFile?.(done, videos.length);
    uploads.push(await describeFile(file, { ...options, metadata: undefined, videoId: undefined }));
  }
  options.onFile?.(videos.length, videos.length);
  return { uploads, roots: [folder], ignored: files.length - videos.length };
}

/** A line: `path` (relative to the manifest) or `uri`, and what of the metadata is known. */
const ManifestLine = z
  .strictObject({
    path: z.string().min(1).optional(),
    uri: z.string().min(1).optional(),
    sha256: z.string().optional(),
    version: z.string().optional(),
    videoId: VideoId.optional(),
    source: SourceKind.optional(),
    ...VideoMetadata.partial().shape,
  })
  .refine(
    ({ path: file, uri }) => (file === undefined) !== (uri === undefined),
    'needs either "path" or "uri"',
  );

async function readManifest(manifest: string, options: LibraryOptions): Promise<Library> {
  const lines = (await readFile(manifest, 'utf8')).split(/\r?\n/);
  const uploads: Upload[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    options.signal?.throwIfAborted();
    options.onFile?.(index, lines.length);
    const parsed = ManifestLine.safeParse(parseJson(line));
    if (!parsed.success) {
      throw new CinedexError(
        'MANIFEST_INVALID',
        `${path.basename(manifest)}:${index + 1}: ${formatZodError(parsed.error)}`,
      );
    }
    const { path: file, uri, sha256, version, videoId, source = options.source, ...metadata } = parsed.data;
    const local = file
      ? path.resolve(path.dirname(manifest), file)
      : uri?.startsWith('file:')
        ? fileURLToPath(uri)
        : null;
    if (local !== null) {
      const upload = await describeFile(await existing(local), { ...options, source, metadata, videoId });
      uploads.push(sha256 ? { ...upload, media: { ...upload.media, sha256 } } : upload);
    } else {
      const title = metadata.title ?? titleOf(new URL(uri!).pathname);
      uploads.push({
        tenant: options.tenant,
        videoId: videoId ?? idOf(title, uri!),
        source,
        media: { uri: uri!, sha256, version },
        metadata: { ...metadata, title },
      });
    }
  }
  return { uploads, roots: [path.dirname(manifest)], ignored: 0 };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The schema then says that it is not an object, with the line's number.
    return line;
  }
}

async function existing(file: string): Promise<string> {
  return realpath(file).catch((cause) => {
    throw new CinedexError('NOT_FOUND', `There is no file ${file}.`, { cause });
  });
}

async function describeFile(
  file: string,
  { tenant, source, metadata = {}, videoId }: LibraryOptions,
): Promise<Upload> {
  const title = metadata.title ?? titleOf(file);
  return {
    tenant,
    videoId: videoId ?? idOf(titleOf(file), file),
    source,
    media: { uri: pathToFileURL(file).href, sha256: await sha256File(file) },
    metadata: { ...metadata, title },
  };
}

/** `holiday_2024-05.mp4` is "holiday 2024-05". */
function titleOf(file: string): string {
  const name = path.basename(file, path.extname(file));
  return (
    name
      .replace(/[_\s]+/g, ' ')
      .trim()
      .slice(0, 1_000) || path.basename(file)
  );
}

/** The same for the same place, so that publishing again is an update; readable, as people will type it. */
function idOf(title: string, place: string): string {
  const words = title
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  const digest = createHash('sha256').update(place).digest('hex').slice(0, 8);
  return `${[...words].slice(0, 60).join('')}${words && '-'}${digest}`;
}
