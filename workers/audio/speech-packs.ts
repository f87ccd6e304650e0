/**
 * Puts neighbouring stretches of speech into one window for a transcriber that times what it writes: "cut and merge" of
 * Bain et al., "WhisperX: Time-Accurate Speech Transcription of Long-Form Audio", 2023, arXiv:2303.00747, section 2.1.
 * Such a model pads every window to its full length, so a full one costs no more than a short one, and it hears the
 * language and the sense better. Pure.
 */

import { SAMPLE_RATE } from '../../shared/audio/analysis/frame-sizes.ts';
import type { SpeechClip } from '../../shared/audio/analysis/recording.ts';
import type { TimeSpan } from '../../shared/contracts/common.ts';

/** Pauses are kept up to this length, as signs of where a sentence ends. */
const LONGEST_PAUSE_SEC = 0.5;
/** Speech farther apart than this is given separately: it may be of other people, in another language. */
const FARTHEST_SEC = 5;

export interface SpeechPack {
  clips: SpeechClip[];
  /** Seconds from the start of the pack at which each clip begins. */
  offsets: number[];
  samples: Float32Array;
}

export class SpeechPacker {
  readonly #longestSec: number;
  #clips: SpeechClip[] = [];
  #offsets: number[] = [];
  #samples = 0;

  constructor(longestSec: number) {
    this.#longestSec = longestSec;
  }

  /** @returns the pack that was being filled, where the clip no longer belongs into it */
  push(clip: SpeechClip): SpeechPack | null {
    const last = this.#clips.at(-1);
    const gap = last ? Math.max(0, clip.startSec - last.endSec) : 0;
    let pause = Math.round(Math.min(gap, LONGEST_PAUSE_SEC) * SAMPLE_RATE);
    let full: SpeechPack | null = null;
    const total = this.#samples + pause + clip.samples.length;
    if (gap > FARTHEST_SEC || total > this.#longestSec * SAMPLE_RATE) {
      full = this.finish();
      pause = 0;
    }
    this.#clips.push(clip);
    this.#offsets.push((this.#samples + pause) / SAMPLE_RATE);
    this.#samples += pause + clip.samples.length;
    return full;
  }

  /** @returns what is left, null where nothing is */
  finish(): SpeechPack | null {
    if (this.#clips.length === 0) return null;
    const pack = { clips: this.#clips, offsets: this.#offsets, samples: new Float32Array(this.#samples) };
    for (const [index, clip] of pack.clips.entries()) {
      pack.samples.set(clip.samples, Math.round(pack.offsets[index]! * SAMPLE_RATE));
    }
    this.#clips = [];
    this.#offsets = [];
    this.#samples = 0;
    return pack;
  }
}

/** A span of a pack on the video's clock. A span that begins or ends in a pause between clips is cut back to speech. */
export function onVideoClock({ clips, offsets }: SpeechPack, { startSec, endSec }: TimeSpan): TimeSpan {
  const time = (index: number, seconds: number) => {
    const clip = clips[index]!;
    const elapsed = Math.max(0, seconds - offsets[index]!);
    return Math.min(clip.startSec + elapsed, clip.endSec);
  };
  const lengthOf = (index: number) => clips[index]!.samples.length / SAMPLE_RATE;
  const starts = offsets.findIndex((offset, index) => startSec < offset + lengthOf(index));
  const ends = offsets.findLastIndex((offset) => offset < endSec);
  const first = starts < 0 ? clips.length - 1 : starts;
  return { startSec: time(first, startSec), endSec: time(Math.max(first, ends), endSec) };
}
