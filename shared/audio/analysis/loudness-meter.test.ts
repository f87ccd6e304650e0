import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findBinaries } from '../../media/binaries.ts';
import { parseLoudness } from './loudness.ts';
import { LoudnessMeter } from './loudness-meter.ts';

const RATE = 24_000;

function measured(samples: Float32Array, channels: number, piece = 4_800) {
  const meter = new LoudnessMeter(channels, RATE);
  for (let at = 0; at < samples.length; at += piece) meter.push(samples.subarray(at, at + piece));
  return meter.finish();
}

/** Interleaved stereo, the same on both sides. */
function tone(seconds: number, hertz: number, level: (sec: number) => number): Float32Array {
  return Float32Array.from({ length: 2 * seconds * RATE }, (_, i) => {
    const sec = Math.floor(i / 2) / RATE;
    return level(sec) * Math.sin(2 * Math.PI * hertz * sec);
  });
}
const decibel = (value: number) => 10 ** (value / 20);

describe('as EBU Tech 3341 and 3342 ask', () => {
  it.each([-23, -33])('a stereo tone of 1 kHz at %i dBFS is as many LUFS', (level) => {
    const { integratedLufs, rangeLu } = measured(
      tone(20, 1_000, () => decibel(level)),
      2,
    );
    expect(Math.abs(integratedLufs! - level)).toBeLessThanOrEqual(0.1);
    expect(rangeLu).toBe(0);
  });

  it('what is far quieter than the rest does not count', () => {
    const level = (sec: number) => decibel(sec < 10 || sec >= 70 ? -36 : -23);
    expect(measured(tone(80, 1_000, level), 2).integratedLufs).toBeCloseTo(-23, 0);
  });

  it('the range lies between the quiet part and the loud one', () => {
    const { rangeLu } = measured(
      tone(40, 1_000, (sec) => decibel(sec < 20 ? -20 : -30)),
      2,
    );
    expect(Math.abs(rangeLu! - 10)).toBeLessThanOrEqual(1);
  });

  it('a peak between the samples is found', () => {
    // At a quarter of the sample rate, an eighth of a turn off: the samples lie 3 dB below the top.
    const samples = Float32Array.from(
      { length: RATE },
      (_, i) => 0.5 * Math.sin((Math.PI / 2) * i + Math.PI / 4),
    );
    expect(Math.abs(measured(samples, 1).truePeakDbtp! - -6)).toBeLessThanOrEqual(0.2);
  });
});

it('is the same whatever the pieces, and null for silence, nothing, and less than a block', () => {
  const samples = tone(5, 440, (sec) => 0.1 + sec / 10);
  expect(measured(samples, 2, 778)).toEqual(measured(samples, 2, samples.length));
  const none = { integratedLufs: null, rangeLu: null, truePeakDbtp: null };
  expect(measured(new Float32Array(RATE), 1)).toEqual(none);
  expect(measured(new Float32Array(0), 2)).toEqual(none);
  expect(measured(samples.subarray(0, 2_000), 2)).toMatchObject({ integratedLufs: null, rangeLu: null });
});

describe('beside ffmpeg', () => {
  let ffmpeg = '';
  beforeAll(async () => {
    ffmpeg = (await findBinaries({ ffmpegPath: '', ffprobePath: '' })).ffmpeg.path;
  });

  it.each([
    ['speech', 1, ['-i', path.resolve(import.meta.dirname, '../../../test/fixtures/speech-en.ogg')]],
    [
      'noise of two sides that swells',
      2,
      [
        ...['-f', 'lavfi', '-i', 'anoisesrc=c=pink:s=1:d=20:a=0.4'],
        ...['-f', 'lavfi', '-i', 'anoisesrc=c=brown:s=2:d=20:a=0.8'],
        ...['-filter_complex', '[0][1]amerge=2,tremolo=f=0.2:d=0.8'],
      ],
    ],
  ])('%s is as loud, to a tenth', (_, channels, input) => {
    const made = execFileSync(
      ffmpeg,
      ['-v', 'error', '-nostdin', ...input, '-ar', String(RATE), '-c:a', 'pcm_f32le', '-f', 'wav', '-'],
      { maxBuffer: 1 << 28 },
    );
    const told = spawnSync(
      ffmpeg,
      ['-nostats', '-i', '-', '-af', 'ebur128=peak=true:framelog=verbose', '-f', 'null', '-'],
      { input: made, encoding: 'utf8', maxBuffer: 1 << 28 },
    );
    const theirs = parseLoudness(told.stderr);
    const data = made.indexOf('data', 12, 'latin1') + 8;
    const samples = new Float32Array(
      new Uint8Array(made.subarray(data, data + ((made.length - data) & ~7))).buffer,
    );
    const ours = measured(samples, channels);
    expect(Math.abs(ours.integratedLufs! - theirs.integratedLufs!)).toBeLessThan(0.11);
    expect(Math.abs(ours.truePeakDbtp! - theirs.truePeakDbtp!)).toBeLessThan(0.11);
    expect(Math.abs(ours.rangeLu! - theirs.rangeLu!)).toBeLessThan(1);
  });
});
