/** Clips of sound that somebody asks with, heard by what hears the videos. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { AnalysisThread } from '../../shared/audio/analysis/analysis.thread.ts';
import { listen } from '../../shared/audio/analysis/listen.ts';
import type { CoreConfig } from '../../shared/config.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { createSafeMedia, type SafeMedia } from '../../shared/media/safe-media.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { ThreadClient } from '../../shared/threads/client.ts';

export const LARGEST_SOUND_BYTES = 50 * 1024 ** 2;
/** What is beyond is not heard: a question is a clip, and everything in it is asked for at once. */
export const LONGEST_SOUND_SEC = 60;
const TIMEOUT_MS = 30_000;
const MEMORY_BYTES = 1024 ** 3;
/** Spans beyond these say little that the longest ones do not, and each is a query. */
const MOST_SPANS = 8;

export interface HeardClip {
  durationSec: number;
  /** Unit vectors of its spans in the index's space of sounds, the longest span first; none of silence. */
  spans: Float32Array[];
  fingerprint: Uint32Array;
}

/** ffmpeg with the limits of a question in place of those of a video. */
export function clipMedia({ media }: Pick<CoreConfig, 'media'>, logger?: Logger): SafeMedia {
  return createSafeMedia(
    {
      ...media,
      maxDurationSec: LONGEST_SOUND_SEC,
      timeoutMs: Math.min(media.timeoutMs, TIMEOUT_MS),
      maxMemoryBytes: Math.min(media.maxMemoryBytes, MEMORY_BYTES),
    },
    logger,
  );
}

/**
 * @param clip a file in any container that videos may have; its pictures, if it has some, are not looked at
 * @throws CinedexError MEDIA_EMPTY; MEDIA_UNSUPPORTED, also without a track of sound; MEDIA_LIMIT above 50 MiB; MEDIA_CORRUPT;
 * MEDIA_TIMEOUT after 30 s; ABORTED
 */
export async function hearClip(
  clip: Uint8Array,
  media: SafeMedia,
  thread: ThreadClient<AnalysisThread>,
  signal: AbortSignal,
): Promise<HeardClip> {
  if (clip.length > LARGEST_SOUND_BYTES) {
    throw new CinedexError('MEDIA_LIMIT', `A clip of sound may have ${LARGEST_SOUND_BYTES} bytes.`);
  }
  // Containers are read back and forth, which a pipe does not allow.
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cinedex-clip-'));
  try {
    const file = path.join(folder, 'clip');
    await writeFile(file, clip, { mode: 0o600, signal });
    const { audio } = await media.probe(file, signal);
    if (!audio) throw new CinedexError('MEDIA_UNSUPPORTED', 'The clip has no track of sound.');
    const { analysis, damage } = await listen(media, thread, {
      path: file,
      track: audio,
      signal,
      timeoutMs: TIMEOUT_MS,
      onSpeech: async () => undefined,
    });
    if (analysis.durationSec === 0) {
      throw damage ?? new CinedexError('MEDIA_CORRUPT', 'The clip’s track of sound is empty.');
    }
    const { segments, embeddings, rows, durationSec, fingerprint } = analysis;
    const width = rows === 0 ? 0 : embeddings.length / rows;
    const spans = segments
      .flatMap(({ embedding, startSec, endSec }) =>
        embedding === null ? [] : [{ row: embedding, seconds: endSec - startSec }],
      )
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, MOST_SPANS)
      .map(({ row }) => embeddings.slice(row * width, (row + 1) * width));
    return { durationSec, spans, fingerprint };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
