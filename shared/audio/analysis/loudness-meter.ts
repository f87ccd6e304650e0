/**
 * Loudness of mono and stereo sound as ITU-R BS.1770-4 and EBU Tech 3342 define it: K-weighting, gated blocks, range, true
 * peak. Agrees to a tenth with ffmpeg's ebur128 filter, at a fifth of its cost; but the range is of whole windows of three
 * seconds only, where the filter also takes in those that began before the sound did.
 */
import type { Loudness } from './loudness.ts';

const STEP_SEC = 0.1;
/** Steps of a gating block, and of the short-term loudness that the range is of. */
const BLOCK_STEPS = 4;
const SHORT_TERM_STEPS = 30;
const ABSOLUTE_GATE_LUFS = -70;
const INTEGRATED_GATE_LU = -10;
const RANGE_GATE_LU = -20;

/** Peaks are looked for at this rate at least, Hz. */
const PEAK_RATE = 192_000;
/** Samples on either side that shape the wave between two samples. */
const PEAK_REACH = 12;
/**
 * Between two samples that are both smaller than this share of the peak so far no higher one is looked for: there can be one
 * only where a tone above a third of the sample rate outweighs all others.
 */
const WORTH_LOOKING = 0.5;

interface Biquad {
  b: readonly [number, number, number];
  a: readonly [number, number];
}

/** The two filters of K-weighting for any sample rate (De Man 2014, Evaluation of implementations of the EBU R128 loudness measurement). */
function kWeighting(sampleRate: number): readonly [Biquad, Biquad] {
  const shelf = (() => {
    const k = Math.tan((Math.PI * 1681.974450955533) / sampleRate);
    const q = 0.7071752369554196;
    const high = 10 ** (3.999843853973347 / 20);
    const band = high ** 0.4996667741545416;
    const a0 = 1 + k / q + k * k;
    return {
      b: [
        (high + (band * k) / q + k * k) / a0,
        (2 * (k * k - high)) / a0,
        (high - (band * k) / q + k * k) / a0,
      ],
      a: [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0],
    } as const;
  })();
  const k = Math.tan((Math.PI * 38.13547087602444) / sampleRate);
  const q = 0.5003270373238773;
  const a0 = 1 + k / q + k * k;
  return [shelf, { b: [1, -2, 1], a: [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0] }];
}

/** Interpolating filters for the points between two samples: `factor - 1` windowed sincs of 2 × PEAK_REACH taps. */
function betweenSamples(factor: number): Float64Array[] {
  return Array.from({ length: factor - 1 }, (_, phase) => {
    const at = (phase + 1) / factor;
    return Float64Array.from({ length: 2 * PEAK_REACH }, (_, tap) => {
      const distance = tap - (PEAK_REACH - 1) - at;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / (PEAK_REACH + 0.5));
      return (Math.sin(Math.PI * distance) / (Math.PI * distance)) * window;
    });
  });
}

class Channel {
  readonly #filters: readonly [Biquad, Biquad];
  readonly #between: readonly Float64Array[];
  readonly #state = new Float64Array(4);
  /** The last samples of what came before, and what came now. */
  #line = new Float32Array(2 * PEAK_REACH - 1);
  peak = 0;

  constructor(filters: readonly [Biquad, Biquad], between: readonly Float64Array[]) {
    this.#filters = filters;
    this.#between = between;
  }

  /** @returns sum of the squares of the weighted samples `from` … `to` of every `stride`-th value */
  energy(samples: Float32Array, first: number, stride: number, from: number, to: number): number {
    const [shelf, highPass] = this.#filters;
    const [s0, s1, s2] = shelf.b;
    const [t1, t2] = shelf.a;
    const [h0, h1, h2] = highPass.b;
    const [u1, u2] = highPass.a;
    let [x1, x2, y1, y2] = this.#state as unknown as [number, number, number, number];
    let sum = 0;
    for (let i = from * stride + first; i < to * stride; i += stride) {
      const value = samples[i]!;
      const shelved = s0 * value + x1;
      x1 = s1 * value - t1 * shelved + x2;
      x2 = s2 * value - t2 * shelved;
      const weighted = h0 * shelved + y1;
      y1 = h1 * shelved - u1 * weighted + y2;
      y2 = h2 * shelved - u2 * weighted;
      sum += weighted * weighted;
    }
    // Numbers that fade below what a processor computes quickly are as good as nothing.
    this.#state.set([x1, x2, y1, y2].map((value) => (Math.abs(value) < 1e-25 ? 0 : value)));
    return sum;
  }

  followPeak(samples: Float32Array, first: number, stride: number): void {
    const before = this.#line.length;
    const count = Math.floor(samples.length / stride);
    const line = new Float32Array(before + count);
    line.set(this.#line);
    for (let i = 0; i < count; i++) line[before + i] = samples[i * stride + first]!;
    let { peak } = this;
    for (let i = before; i < line.length; i++) peak = Math.max(peak, Math.abs(line[i]!));
    for (let i = PEAK_REACH - 1; i + PEAK_REACH < line.length; i++) {
      const [left, right] = [Math.abs(line[i]!), Math.abs(line[i + 1]!)];
      if (left <= WORTH_LOOKING * peak && right <= WORTH_LOOKING * peak) continue;
      for (const taps of this.#between) {
        let value = 0;
        for (let tap = 0; tap < taps.length; tap++) value += taps[tap]! * line[i - (PEAK_REACH - 1) + tap]!;
        if (Math.abs(value) > peak) peak = Math.abs(value);
      }
    }
    this.peak = peak;
    this.#line = line.slice(line.length - before);
  }
}

export class LoudnessMeter {
  readonly #channels: readonly Channel[];
  readonly #stepLength: number;
  /** Mean square of the weighted sound in each whole step, summed over the channels. */
  readonly #steps: number[] = [];
  #open = 0;
  #openLength = 0;

  /** @param channels 1 or 2; others would need to be known by their places around the listener */
  constructor(channels: number, sampleRate: number) {
    const filters = kWeighting(sampleRate);
    const between = betweenSamples(Math.max(2, Math.ceil(PEAK_RATE / sampleRate)));
    this.#channels = Array.from({ length: channels }, () => new Channel(filters, between));
    this.#stepLength = Math.round(sampleRate * STEP_SEC);
  }

  /** @param samples interleaved, -1..1, whole frames */
  push(samples: Float32Array): void {
    const stride = this.#channels.length;
    const frames = Math.floor(samples.length / stride);
    for (const [index, channel] of this.#channels.entries()) channel.followPeak(samples, index, stride);
    for (let from = 0; from < frames; ) {
      const to = Math.min(frames, from + this.#stepLength - this.#openLength);
      for (const [index, channel] of this.#channels.entries())
        this.#open += channel.energy(samples, index, stride, from, to);
      this.#openLength += to - from;
      if (this.#openLength === this.#stepLength) {
        this.#steps.push(this.#open / this.#stepLength);
        this.#open = 0;
        this.#openLength = 0;
      }
      from = to;
    }
  }

  /** Nulls where nothing is above the gate, or nothing sounds at all. */
  finish(): Loudness {
    const peak = Math.max(0, ...this.#channels.map((channel) => channel.peak));
    const blocks = means(this.#steps, BLOCK_STEPS);
    const gated = aboveGate(blocks, INTEGRATED_GATE_LU);
    const heard = gated.length > 0;
    return {
      integratedLufs: heard ? tenths(lufs(mean(gated))) : null,
      rangeLu: heard ? tenths(range(means(this.#steps, SHORT_TERM_STEPS))) : null,
      truePeakDbtp: peak > 0 ? tenths(20 * Math.log10(peak)) : null,
    };
  }
}

function lufs(meanSquare: number): number {
  return -0.691 + 10 * Math.log10(meanSquare);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of every so many neighbours. */
function means(steps: readonly number[], count: number): number[] {
  return Array.from({ length: Math.max(0, steps.length - count + 1) }, (_, at) =>
    mean(steps.slice(at, at + count)),
  );
}

/** Those above the absolute gate and above the one that is relative to their mean. */
function aboveGate(blocks: readonly number[], relativeLu: number): number[] {
  const audible = blocks.filter((block) => lufs(block) > ABSOLUTE_GATE_LUFS);
  const gate = audible.length > 0 ? lufs(mean(audible)) + relativeLu : 0;
  return audible.filter((block) => lufs(block) > gate);
}

/** From the tenth to the ninety-fifth of a hundred (EBU Tech 3342). */
function range(shortTerm: readonly number[]): number {
  const sorted = Float64Array.from(aboveGate(shortTerm, RANGE_GATE_LU)).sort();
  const at = (share: number) => lufs(sorted[Math.round((sorted.length - 1) * share)]!);
  return sorted.length > 0 ? at(0.95) - at(0.1) : 0;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10 + 0;
}
