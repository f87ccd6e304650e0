/** Which pictures of a video the stage reads, in order of time. */
import type { FramesExtracted, KeyFrame } from '../../shared/contracts/artifacts.ts';
import { readSamples } from '../../shared/media/samples.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { Sighting } from './tracking/tracker.ts';

export type Sampling = 'samples' | 'keyframes';

export interface PictureToRead {
  bytes: Uint8Array;
  sighting: Sighting;
}

type Blobs = Pick<ArtifactStore, 'getRange' | 'getBlob'>;

/**
 * `samples`: the even strip (about two a second), and the key frames of shots too short to have a sample of their own.
 * `keyframes`: those only; a line then lasts until the next key frame or the end of its shot.
 */
export async function* picturesToRead(
  artifacts: Blobs,
  frames: FramesExtracted,
  sampling: Sampling,
  signal?: AbortSignal,
): AsyncGenerator<PictureToRead> {
  const sampled = new Set(sampling === 'samples' ? frames.samples.items.map(({ shot }) => shot) : []);
  const keyFrames = frames.keyFrames.filter(({ shot }) => !sampled.has(shot));
  const readKeyFrame = async (frame: KeyFrame, nextSec: number): Promise<PictureToRead> => ({
    bytes: await artifacts.getBlob(frame.image),
    sighting: {
      times: [{ timeSec: frame.timeSec, shot: frame.shot }],
      untilSec: Math.max(frame.timeSec, Math.min(nextSec, frames.shots[frame.shot]?.endSec ?? nextSec)),
    },
  });
  let next = 0;
  const nextKeyFrameSec = () => keyFrames[next]?.timeSec ?? Number.POSITIVE_INFINITY;
  if (sampled.size > 0) {
    for await (const sample of readSamples(artifacts, frames, signal)) {
      const firstSec = sample.times[0]!.timeSec;
      while (nextKeyFrameSec() < firstSec) {
        const frame = keyFrames[next++]!;
        yield await readKeyFrame(frame, Math.min(firstSec, nextKeyFrameSec()));
      }
      const lastSec = sample.times.at(-1)!.timeSec;
      yield {
        bytes: sample.jpeg,
        sighting: {
          times: sample.times,
          untilSec: Math.max(lastSec, Math.min(sample.untilSec, nextKeyFrameSec())),
          identity: sample.offset,
        },
      };
    }
  }
  while (next < keyFrames.length) {
    signal?.throwIfAborted();
    const frame = keyFrames[next++]!;
    yield await readKeyFrame(frame, Math.min(nextKeyFrameSec(), frames.media.durationSec));
  }
}
