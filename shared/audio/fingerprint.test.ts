import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hannWindow, RealFft } from './fft.ts';
import {
  decodeFingerprint,
  encodeFingerprint,
  FINGERPRINT_FRAME,
  FINGERPRINT_FRAME_SEC,
  fingerprintOf,
  type SpectrumSource,
} from './fingerprint.ts';
import { compareFingerprints, isSameRecording, popcount, SAME_RECORDING_BER } from './fingerprint-match.ts';

const RATE = 16_000;
const fft = new RealFft(FINGERPRINT_FRAME);
const window = hannWindow(FINGERPRINT_FRAME);
const spectrum: SpectrumSource = (samples, offset, power) => fft.power(samples, offset, window, power);

/** Deterministic numbers in 0..1 (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A tune of random notes with partials, `tempo` times as fast. */
function tune(seed: number, seconds: number, tempo = 1): Float32Array {
  const random = randomNumbers(seed);
  const samples = new Float32Array(seconds * RATE);
  for (let start = 0; start < seconds * tempo; start += 0.3) {
    const hz = 200 * 2 ** (random() * 3);
    const length = 0.2 + random() * 0.4;
    const level = 0.1 + random() * 0.2;
    for (let i = 0; i < (length / tempo) * RATE; i++) {
      const at = Math.floor((start / tempo) * RATE) + i;
      if (at >= samples.length) break;
      const fade = Math.exp((-3 * i) / RATE);
      for (let partial = 1; partial <= 4; partial++) {
        samples[at]! += ((level * fade) / partial) * Math.sin((2 * Math.PI * hz * partial * i) / RATE);
      }
    }
  }
  return samples;
}

const print = (samples: Float32Array): Uint32Array => fingerprintOf(samples, spectrum);

describe('fingerprints', () => {
  const original = tune(1, 15);
  const words = print(original);

  it('are equal to themselves and far from another tune', () => {
    expect(compareFingerprints(words, words).bitErrorRate).toBe(0);
    const other = compareFingerprints(words, print(tune(2, 15)));
    expect(other.bitErrorRate).toBeGreaterThan(SAME_RECORDING_BER + 0.05);
  });

  it('survive noise and a change of level', () => {
    const random = randomNumbers(7);
    const noisy = original.map((sample) => 0.25 * (sample + 0.02 * (random() - 0.5)));
    expect(compareFingerprints(words, print(noisy)).bitErrorRate).toBeLessThan(0.2);
  });

  it('tell where a part begins', () => {
    const part = print(original.slice(4 * RATE + 333));
    const match = compareFingerprints(part, words);
    expect(match.bitErrorRate).toBeLessThan(0.15);
    expect(match.offsetSec).toBeCloseTo(4, 0);
  });

  it('find the same tune a little faster, and say how much', () => {
    const match = compareFingerprints(words, print(tune(1, 15, 1.04)));
    expect(match.bitErrorRate).toBeLessThan(SAME_RECORDING_BER);
    expect(match.rate).toBeLessThan(0.98);
    expect(isSameRecording(words, print(tune(1, 15, 1.04)), { tempo: false })).toBe(false);
  });

  it('never call two silent tracks the same recording', () => {
    const silence = print(new Float32Array(20 * RATE));
    expect(silence.length).toBeGreaterThan(200);
    expect(silence.every((word) => word === 0)).toBe(true);
    expect(compareFingerprints(silence, silence).bitErrorRate).toBe(1);
    expect(isSameRecording(silence, silence)).toBe(false);
  });

  it('find a part in hours by voting, without trying every alignment', () => {
    const random = randomNumbers(3);
    const hours = Uint32Array.from(
      { length: Math.round(3_600 / FINGERPRINT_FRAME_SEC) },
      () => random() * 2 ** 32,
    );
    const part = hours.slice(30_000, 30_400).map((word) => {
      // A fifth of the bits differ.
      let flips = 0;
      for (let bit = 0; bit < 32; bit++) if (random() < 0.2) flips |= 1 << bit;
      return word ^ flips;
    });
    const match = compareFingerprints(part, hours, { tempo: false });
    expect(match.bitErrorRate).toBeLessThan(0.25);
    expect(match.offsetSec).toBeCloseTo(30_000 * FINGERPRINT_FRAME_SEC, 3);
  });

  it('keep through a blob, and count bits rightly', () => {
    fc.assert(
      fc.property(fc.uint32Array(), (values) => {
        expect(decodeFingerprint(encodeFingerprint(values))).toEqual(values);
        for (const value of values) {
          expect(popcount(value)).toBe(value.toString(2).replaceAll('0', '').length);
        }
      }),
    );
  });

  it('give the same error rate whichever comes first', () => {
    fc.assert(
      fc.property(
        fc.uint32Array({ minLength: 90, maxLength: 120, min: 1 }),
        fc.uint32Array({ minLength: 90, maxLength: 120, min: 1 }),
        (a, b) => {
          const forth = compareFingerprints(a, b, { tempo: false }).bitErrorRate;
          const back = compareFingerprints(b, a, { tempo: false }).bitErrorRate;
          expect(forth).toBeCloseTo(back, 10);
        },
      ),
      { numRuns: 30 },
    );
  });
});
