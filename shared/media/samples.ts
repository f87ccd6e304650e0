/** Reads the evenly spaced pictures that the frames stage leaves behind, for stages that follow something over time. */
import type { FramesExtracted } from '../contracts/artifacts.ts';
import { CinedexError } from '../contracts/errors.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';

/** Size of the grey picture, a byte a pixel, that follows each JPEG of the strip: enough to tell whether two show the same. */
export const SMALL_GREY = { width: 72, height: 64, bytes: 72 * 64 } as const;

/** One stored picture and every moment at which it was on the screen. */
export interface SamplePicture {
  /** JPEG, upright, at most 1280 pixels wide. */
  jpeg: Buffer;
  /** Place of the picture in the blob; the same offset is the same picture. */
  offset: number;
  /** In order of time; more than one where the picture stood still. All lie in the same shot. */
  times: { timeSec: number; shot: number }[];
  /** When the next, different picture of the strip is due; the end of the video for the last one. */
  untilSec: number;
}

/**
 * Yields each stored picture once, in order of its first time, reading ahead one picture at a time: memory stays flat
 * however long the video is. A picture that comes back later in the strip is yielded again.
 *
 * @throws CinedexError ARTIFACT_MISSING when the blob is gone, ABORTED when `signal` is
 */
export async function* readSamples(
  artifacts: Pick<ArtifactStore, 'getRange'>,
  frames: Pick<FramesExtracted, 'samples' | 'media'>,
  signal?: AbortSignal,
): AsyncGenerator<SamplePicture> {
  const { blob } = frames.samples;
  const runs = groupSamples(frames.samples.items);
  const load = (run: SampleRun | undefined) => {
    const loading = run && artifacts.getRange(blob, run.offset, run.length);
    // Awaited on the next turn; without this a failure before that would count as unhandled.
    loading?.catch(() => undefined);
    return loading;
  };
  let next = load(runs[0]);
  for (const [index, run] of runs.entries()) {
    if (signal?.aborted) throw new CinedexError('ABORTED', 'Reading the samples was stopped.');
    const jpeg = await next!;
    const following = runs[index + 1];
    next = load(following);
    const last = run.times.at(-1)!.timeSec;
    yield {
      jpeg,
      offset: run.offset,
      times: run.times,
      untilSec: following ? following.times[0]!.timeSec : Math.max(last, frames.media.durationSec),
    };
  }
}

export interface SampleRun {
  offset: number;
  length: number;
  times: { timeSec: number; shot: number }[];
}

/** Items side by side that refer to the same bytes within one shot become one run. Pure. */
export function groupSamples(items: FramesExtracted['samples']['items']): SampleRun[] {
  const runs: SampleRun[] = [];
  for (const { offset, length, timeSec, shot } of items) {
    const open = runs.at(-1);
    if (open && open.offset === offset && open.times[0]!.shot === shot) open.times.push({ timeSec, shot });
    else runs.push({ offset, length, times: [{ timeSec, shot }] });
  }
  return runs;
}
