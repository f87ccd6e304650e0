import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hannWindow, RealFft } from './fft.ts';

function naivePower(signal: Float32Array): number[] {
  const n = signal.length;
  return Array.from({ length: n / 2 + 1 }, (_, k) => {
    let re = 0;
    let im = 0;
    for (let i = 0; i < n; i++) {
      re += signal[i]! * Math.cos((2 * Math.PI * k * i) / n);
      im -= signal[i]! * Math.sin((2 * Math.PI * k * i) / n);
    }
    return re * re + im * im;
  });
}

describe('RealFft', () => {
  it('equals the definition of the discrete Fourier transform', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(4, 8, 32, 64),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 64, maxLength: 64 }),
        (size, values) => {
          const signal = Float32Array.from(values.slice(0, size));
          const fft = new RealFft(size);
          const power = new Float32Array(fft.bins);
          fft.power(signal, 0, new Float32Array(size).fill(1), power);
          const expected = naivePower(signal);
          for (let k = 0; k < expected.length; k++) expect(power[k]).toBeCloseTo(expected[k]!, 3);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('finds a sine at its frequency and treats what lies beyond the end as zero', () => {
    const fft = new RealFft(1024);
    const signal = Float32Array.from({ length: 900 }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / 16_000));
    const power = new Float32Array(fft.bins);
    fft.power(signal, 0, hannWindow(1024), power);
    expect(power.indexOf(Math.max(...power))).toBe(64);
  });

  it('refuses a size that is no power of two', () => {
    expect(() => new RealFft(1000)).toThrow(RangeError);
  });
});
