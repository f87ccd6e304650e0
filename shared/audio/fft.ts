/**
 * Power spectrum of real signals: an iterative radix-2 FFT of half the size on packed samples, unpacked afterwards
 * (Press et al., Numerical Recipes, "FFT of Single Real Function"). Tables are made once per size.
 */
export class RealFft {
  readonly size: number;
  /** Bins of the spectrum: size / 2 + 1, from 0 Hz to half the sample rate. */
  readonly bins: number;
  readonly #half: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reversed: Uint32Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  /** @param size samples a frame, a power of two of at least 4 */
  constructor(size: number) {
    if (size < 4 || (size & (size - 1)) !== 0)
      throw new RangeError(`FFT size ${size} is not a power of two.`);
    this.size = size;
    this.bins = size / 2 + 1;
    const half = size / 2;
    this.#half = half;
    this.#cos = Float64Array.from({ length: half }, (_, k) => Math.cos((-2 * Math.PI * k) / size));
    this.#sin = Float64Array.from({ length: half }, (_, k) => Math.sin((-2 * Math.PI * k) / size));
    const bits = Math.log2(half);
    this.#reversed = Uint32Array.from({ length: half }, (_, i) => {
      let reversed = 0;
      for (let bit = 0; bit < bits; bit++) if (i & (1 << bit)) reversed |= 1 << (bits - 1 - bit);
      return reversed;
    });
    this.#re = new Float64Array(half);
    this.#im = new Float64Array(half);
  }

  /**
   * Writes |X(k)|² of `signal[offset … offset + size)` times `window` to `power` (length {@link bins}).
   * Samples beyond the end of the signal count as zero.
   */
  power(signal: Float32Array, offset: number, window: Float32Array, power: Float32Array): void {
    const half = this.#half;
    const re = this.#re;
    const im = this.#im;
    const reversed = this.#reversed;
    const available = Math.min(this.size, signal.length - offset);
    for (let i = 0; i < half; i++) {
      const even = 2 * i;
      const target = reversed[i]!;
      re[target] = even < available ? signal[offset + even]! * window[even]! : 0;
      im[target] = even + 1 < available ? signal[offset + even + 1]! * window[even + 1]! : 0;
    }
    this.#transform();
    const cos = this.#cos;
    const sin = this.#sin;
    const first = re[0]!;
    const second = im[0]!;
    power[0] = (first + second) ** 2;
    power[half] = (first - second) ** 2;
    for (let k = 1; k < half; k++) {
      const mirror = half - k;
      const evenRe = (re[k]! + re[mirror]!) / 2;
      const evenIm = (im[k]! - im[mirror]!) / 2;
      const oddRe = (im[k]! + im[mirror]!) / 2;
      const oddIm = (re[mirror]! - re[k]!) / 2;
      const real = evenRe + oddRe * cos[k]! - oddIm * sin[k]!;
      const imaginary = evenIm + oddRe * sin[k]! + oddIm * cos[k]!;
      power[k] = real * real + imaginary * imaginary;
    }
  }

  #transform(): void {
    const half = this.#half;
    const re = this.#re;
    const im = this.#im;
    const cos = this.#cos;
    const sin = this.#sin;
    for (let length = 2; length <= half; length <<= 1) {
      const stride = this.size / length;
      const span = length >> 1;
      for (let start = 0; start < half; start += length) {
        for (let k = 0; k < span; k++) {
          const c = cos[k * stride]!;
          const s = sin[k * stride]!;
          const top = start + k;
          const bottom = top + span;
          const real = re[bottom]! * c - im[bottom]! * s;
          const imaginary = re[bottom]! * s + im[bottom]! * c;
          re[bottom] = re[top]! - real;
          im[bottom] = im[top]! - imaginary;
          re[top] = re[top]! + real;
          im[top] = im[top]! + imaginary;
        }
      }
    }
  }
}

/** Periodic Hann window. */
export function hannWindow(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
}
