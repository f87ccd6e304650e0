/**
 * Frame features of 16 kHz mono sound, made as the samples come and kept as sums over blocks of about half a second,
 * so that two hours need a few megabytes.
 */

import { hannWindow, RealFft } from '../fft.ts';
import { Fingerprinter } from '../fingerprint.ts';
import { BLOCK_FRAMES, LONG_FRAME, LONG_HOP, SAMPLE_RATE, SHORT_FRAME, SHORT_HOP } from './frame-sizes.ts';
import { Chroma, TonalTracker } from './tonality.ts';

const MEL_BANDS = 40;
/** Cepstral coefficients 1 … 20; the 0th is the level and left out. */
export const CEPSTRA = 20;
export const FLATNESS_BANDS = 6;
const FLATNESS_EDGES_HZ = [50, 200, 400, 800, 1600, 3200, 8000];
/** onset strength, zero-crossing rate, spectral centroid, roll-off, log level */
const SCALARS = 5;
export const SHORT_VALUES = CEPSTRA * 2 + FLATNESS_BANDS + SCALARS;
/** chroma, tonal stability, note change */
export const LONG_VALUES = 12 + 2;

/** Sums and sums of squares of every value over one block. */
export interface Block {
  shortFrames: number;
  longFrames: number;
  short: Float32Array;
  shortSquares: Float32Array;
  long: Float32Array;
  longSquares: Float32Array;
  /** Mean square of the samples. */
  power: number;
}

function newBlock(): Block {
  return {
    shortFrames: 0,
    longFrames: 0,
    short: new Float32Array(SHORT_VALUES),
    shortSquares: new Float32Array(SHORT_VALUES),
    long: new Float32Array(LONG_VALUES),
    longSquares: new Float32Array(LONG_VALUES),
    power: 0,
  };
}

const toMel = (hz: number): number => 2595 * Math.log10(1 + hz / 700);
const fromMel = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

interface Triangle {
  first: number;
  weights: Float32Array;
}

function melTriangles(): Triangle[] {
  const low = toMel(20);
  const high = toMel(8_000);
  const edge = (index: number): number =>
    (fromMel(low + ((high - low) * index) / (MEL_BANDS + 1)) * SHORT_FRAME) / SAMPLE_RATE;
  return Array.from({ length: MEL_BANDS }, (_, band) => {
    const [left, centre, right] = [edge(band), edge(band + 1), edge(band + 2)];
    const first = Math.max(1, Math.floor(left));
    const last = Math.min(SHORT_FRAME / 2, Math.ceil(right));
    const weights = Float32Array.from({ length: last - first + 1 }, (_, i) => {
      const bin = first + i;
      const weight = bin <= centre ? (bin - left) / (centre - left) : (right - bin) / (right - centre);
      return Math.max(0, weight);
    });
    return { first, weights };
  });
}

function cosineRows(): Float32Array[] {
  return Array.from({ length: CEPSTRA }, (_, row) =>
    Float32Array.from(
      { length: MEL_BANDS },
      (_, band) => Math.cos((Math.PI * (row + 1) * (band + 0.5)) / MEL_BANDS) * Math.sqrt(2 / MEL_BANDS),
    ),
  );
}

/** Takes samples in pieces of any length and keeps blocks, onset strengths, levels and the fingerprint. */
export class FeatureExtractor {
  readonly blocks: Block[] = [];
  readonly fingerprinter = new Fingerprinter();
  /** Onset strength and mean square of every short frame's hop. */
  readonly onsets: number[] = [];
  readonly powers: number[] = [];
  #buffer = new Float32Array(0);
  /** Absolute position of the buffer's first sample. */
  #origin = 0;
  #nextShort = 0;
  #nextLong = 0;
  readonly #shortFft = new RealFft(SHORT_FRAME);
  readonly #longFft = new RealFft(LONG_FRAME);
  readonly #shortWindow = hannWindow(SHORT_FRAME);
  readonly #longWindow = hannWindow(LONG_FRAME);
  readonly #shortPower = new Float32Array(SHORT_FRAME / 2 + 1);
  readonly #longPower = new Float32Array(LONG_FRAME / 2 + 1);
  readonly #mel = melTriangles();
  readonly #cosines = cosineRows();
  readonly #flatnessBins = FLATNESS_EDGES_HZ.map((hz) => Math.round((hz * SHORT_FRAME) / SAMPLE_RATE));
  readonly #chroma = new Chroma();
  readonly #tonal = new TonalTracker();
  #logMel = new Float32Array(MEL_BANDS);
  #previousLogMel = new Float32Array(MEL_BANDS);
  #previousCepstra = new Float32Array(CEPSTRA);

  push(samples: Float32Array): void {
    const kept = this.#buffer.subarray(Math.max(0, Math.min(this.#nextShort, this.#nextLong) - this.#origin));
    const buffer = new Float32Array(kept.length + samples.length);
    buffer.set(kept);
    buffer.set(samples, kept.length);
    this.#origin += this.#buffer.length - kept.length;
    this.#buffer = buffer;
    const end = this.#origin + buffer.length;
    while (this.#nextShort + SHORT_FRAME <= end) this.#short();
    while (this.#nextLong + LONG_FRAME <= end) this.#long();
  }

  /** Treats what is left as padded with silence. */
  finish(): void {
    if (this.#origin + this.#buffer.length > this.#nextShort + SHORT_HOP) {
      this.push(new Float32Array(SHORT_HOP));
    }
  }

  #block(sample: number): Block {
    const index = Math.floor(sample / (SHORT_HOP * BLOCK_FRAMES));
    while (this.blocks.length <= index) this.blocks.push(newBlock());
    return this.blocks[index]!;
  }

  #short(): void {
    const offset = this.#nextShort - this.#origin;
    const signal = this.#buffer;
    const power = this.#shortPower;
    this.#shortFft.power(signal, offset, this.#shortWindow, power);
    let energy = 0;
    let crossings = 0;
    for (let i = offset; i < offset + SHORT_HOP; i++) {
      const value = signal[i]!;
      energy += value * value;
      if (i > 0 && value >= 0 !== signal[i - 1]! >= 0) crossings += 1;
    }
    energy /= SHORT_HOP;
    const logMel = this.#logMel;
    let onset = 0;
    for (let band = 0; band < MEL_BANDS; band++) {
      const { first, weights } = this.#mel[band]!;
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += power[first + i]! * weights[i]!;
      logMel[band] = Math.log(sum + 1e-6);
      onset += Math.max(0, logMel[band]! - this.#previousLogMel[band]!);
    }
    const isFirst = this.#nextShort === 0;
    onset = isFirst ? 0 : onset / MEL_BANDS;
    const values = new Float32Array(SHORT_VALUES);
    for (let row = 0; row < CEPSTRA; row++) {
      const cosines = this.#cosines[row]!;
      let sum = 0;
      for (let band = 0; band < MEL_BANDS; band++) sum += cosines[band]! * logMel[band]!;
      values[row] = sum;
      values[CEPSTRA + row] = isFirst ? 0 : sum - this.#previousCepstra[row]!;
      this.#previousCepstra[row] = sum;
    }
    this.#spectralShape(power, values);
    const scalars = CEPSTRA * 2 + FLATNESS_BANDS;
    values[scalars] = onset;
    values[scalars + 1] = crossings / SHORT_HOP;
    values[scalars + 4] = Math.log(Math.sqrt(energy) + 1e-5);
    const block = this.#block(this.#nextShort);
    accumulate(values, block.short, block.shortSquares);
    block.power = (block.power * block.shortFrames + energy) / (block.shortFrames + 1);
    block.shortFrames += 1;
    this.onsets.push(onset);
    this.powers.push(energy);
    this.#logMel = this.#previousLogMel;
    this.#previousLogMel = logMel;
    this.#nextShort += SHORT_HOP;
  }

  /** Flatness a band (log of geometric over arithmetic mean: 0 for noise, very negative for tones), centroid, roll-off. */
  #spectralShape(power: Float32Array, values: Float32Array): void {
    for (let band = 0; band < FLATNESS_BANDS; band++) {
      const from = this.#flatnessBins[band]!;
      const to = Math.min(power.length, this.#flatnessBins[band + 1]!);
      let sum = 0;
      let logs = 0;
      for (let bin = from; bin < to; bin++) {
        const value = power[bin]! + 1e-9;
        sum += value;
        logs += Math.log(value);
      }
      values[CEPSTRA * 2 + band] = logs / (to - from) - Math.log(sum / (to - from));
    }
    let total = 1e-12;
    let weighted = 0;
    for (let bin = 0; bin < power.length; bin++) {
      total += power[bin]!;
      weighted += power[bin]! * bin;
    }
    let rollOff = 0;
    for (let sum = 0; rollOff < power.length - 1; rollOff++) {
      sum += power[rollOff]!;
      if (sum >= 0.85 * total) break;
    }
    const scalars = CEPSTRA * 2 + FLATNESS_BANDS;
    values[scalars + 2] = weighted / total / power.length;
    values[scalars + 3] = rollOff / power.length;
  }

  #long(): void {
    const power = this.#longPower;
    this.#longFft.power(this.#buffer, this.#nextLong - this.#origin, this.#longWindow, power);
    this.fingerprinter.push(power);
    const values = new Float32Array(LONG_VALUES);
    this.#chroma.of(power, values);
    const { stability, change } = this.#tonal.push(power);
    values[12] = stability;
    values[13] = change;
    // A frame belongs to the block of its middle.
    const block = this.#block(this.#nextLong + LONG_FRAME / 2);
    accumulate(values, block.long, block.longSquares);
    block.longFrames += 1;
    this.#nextLong += LONG_HOP;
  }
}

function accumulate(values: Float32Array, sums: Float32Array, squares: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    sums[i]! += values[i]!;
    squares[i]! += values[i]! * values[i]!;
  }
}
