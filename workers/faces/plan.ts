/**
 * Decides which pictures are looked at, and how thoroughly, so that the cost stays in proportion to the video's length.
 * Counted in windows of the detector and not in time, so that a video always gets the same looks.
 */
import type { FramesExtracted } from '../../shared/contracts/artifacts.ts';

export interface PictureRef {
  /** Names the picture's bytes, in this video and any other. */
  key: string;
  timeSec: number;
  source: { kind: 'keyFrame'; index: number } | { kind: 'sample'; offset: number; length: number };
}

export interface ShotPictures {
  shot: number;
  startSec: number;
  endSec: number;
  /** Always looked at thoroughly, even if the samples then get nothing. */
  keyFrames: PictureRef[];
  /** Between them, in order of time; a still picture at each of its times, under one key. */
  samples: PictureRef[];
}

/** Sorts the pictures by shot. */
export function picturesByShot(frames: FramesExtracted): ShotPictures[] {
  const shots = frames.shots.map(
    ({ index, startSec, endSec }): ShotPictures => ({
      shot: index,
      startSec,
      endSec,
      keyFrames: [],
      samples: [],
    }),
  );
  const byIndex = new Map(shots.map((shot) => [shot.shot, shot]));
  for (const { index, shot, timeSec, image } of frames.keyFrames) {
    byIndex.get(shot)?.keyFrames.push({ key: image.sha256, timeSec, source: { kind: 'keyFrame', index } });
  }
  const { blob } = frames.samples;
  for (const { shot, timeSec, offset, length } of frames.samples.items) {
    byIndex.get(shot)?.samples.push({
      key: `${blob.sha256}:${offset}`,
      timeSec,
      source: { kind: 'sample', offset, length },
    });
  }
  return shots;
}

/**
 * An allowance of detector windows that grows with the video and may be overdrawn a little, so that the first shots and
 * very short ones are looked at as well.
 */
export class Allowance {
  readonly #perSec: number;
  #left: number;

  constructor(perSec: number, startWith: number) {
    this.#perSec = perSec;
    this.#left = startWith;
  }

  /** What a shot adds. Savings are kept, but not without end: one long still shot must not pay for an hour. */
  grow(seconds: number): void {
    this.#left = Math.min(this.#left + seconds * this.#perSec, 30 * this.#perSec);
  }

  allows(windows: number): boolean {
    return this.#left >= windows;
  }

  spend(windows: number): void {
    this.#left -= windows;
  }
}

/** Least time between looks at samples where faces are followed, seconds. */
export const FOLLOW_EVERY_SEC = 0.9;
/** The same where none has been seen; twice as long after each look that again shows none, up to the latter. */
export const PROBE_EVERY_SEC = 2.9;
const PROBE_AT_LEAST_EVERY_SEC = 8.9;

/** Least time to the next look, seconds, after so many in a row that showed no face. */
export function probeEverySec(emptyLooks: number): number {
  return Math.min(PROBE_AT_LEAST_EVERY_SEC, PROBE_EVERY_SEC * 2 ** Math.max(0, emptyLooks - 1));
}
