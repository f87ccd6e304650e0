/** What is heard as notes: pitch classes, and spectral peaks that stay where they are. */
import { LONG_FRAME, SAMPLE_RATE } from './frame-sizes.ts';

const LOWEST_HZ = 100;
const HIGHEST_HZ = 4_000;

/** Energy of the twelve pitch classes (A = 440 Hz, index 0 = C), as shares of 1. */
export class Chroma {
  readonly #pitchClass = Int8Array.from({ length: LONG_FRAME / 2 + 1 }, (_, bin) => {
    const hz = (bin * SAMPLE_RATE) / LONG_FRAME;
    if (hz < 65 || hz > HIGHEST_HZ) return -1;
    return (((Math.round(12 * Math.log2(hz / 440)) + 9) % 12) + 12) % 12;
  });

  /** Writes 12 shares to the beginning of `target`; zeros for silence. */
  of(power: Float32Array, target: Float32Array): void {
    let total = 1e-9;
    for (let bin = 0; bin < power.length; bin++) {
      const pitchClass = this.#pitchClass[bin]!;
      if (pitchClass < 0) continue;
      target[pitchClass]! += power[bin]!;
      total += power[bin]!;
    }
    for (let i = 0; i < 12; i++) target[i]! /= total;
  }
}

/** Frames (64 ms each) back in time at which a peak must have been as well. */
const STABLE_LAG = 3;
/** A peak stands out from its surroundings by this factor in power. */
const PROMINENCE = 20;
const SURROUNDINGS = 12;

/**
 * Follows spectral peaks. Notes hold their pitch for a fifth of a second and longer, while the partials of a speaking
 * voice glide; broadband sounds have no peaks that stand out.
 */
export class TonalTracker {
  readonly #from = Math.round((LOWEST_HZ * LONG_FRAME) / SAMPLE_RATE);
  readonly #to = Math.round((HIGHEST_HZ * LONG_FRAME) / SAMPLE_RATE);
  #history: Uint8Array[] = [];

  /**
   * @returns stability: share of the band's energy in peaks that were there, at the same place ± one bin (4 Hz), in each
   * of the last three frames; change: share of energy in peaks of which a steady one was not there before (new notes)
   */
  push(power: Float32Array): { stability: number; change: number } {
    const marks = new Uint8Array(power.length);
    let total = 1e-9;
    let stable = 0;
    let fresh = 0;
    let running = 0;
    for (let bin = this.#from - SURROUNDINGS; bin < this.#from + SURROUNDINGS; bin++) running += power[bin]!;
    for (let bin = this.#from; bin < this.#to; bin++) {
      running += power[bin + SURROUNDINGS]!;
      const value = power[bin]!;
      total += value;
      if (value > power[bin - 1]! && value >= power[bin + 1]!) {
        const peak = value + power[bin - 1]! + power[bin + 1]! + power[bin - 2]! + power[bin + 2]!;
        const around = (running - peak) / (2 * SURROUNDINGS - 4);
        if (value > PROMINENCE * Math.max(around, 1e-7)) {
          marks[bin - 1] = 1;
          marks[bin] = 1;
          marks[bin + 1] = 1;
          if (this.#history.length === STABLE_LAG) {
            const seen = this.#history.reduce((count, frame) => count + frame[bin]!, 0);
            if (seen === STABLE_LAG) stable += peak;
            else if (this.#history[0]![bin] === 0 && seen > 0) fresh += peak;
          }
        }
      }
      running -= power[bin - SURROUNDINGS]!;
    }
    this.#history.push(marks);
    if (this.#history.length > STABLE_LAG) this.#history.shift();
    return { stability: Math.min(1, stable / total), change: Math.min(1, fresh / total) };
  }
}
