import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ModelStore } from '../../models/store.ts';
import { AUDIO_SPACE } from '../embedding-space.ts';
import { FeatureExtractor } from './features.ts';
import { SAMPLE_RATE } from './frame-sizes.ts';
import { pieces } from './listen.ts';
import { parseLoudness } from './loudness.ts';
import { type Analysis, RecordingAnalysis } from './recording.ts';
import { type SpeechWindow, SpeechWindows, STEP_SEC } from './speech-windows.ts';
import { estimateTempo } from './tempo.ts';
import { VoiceActivity } from './voice-activity.ts';

type Wave = (second: number, sample: number) => number;

function sound(seconds: number, wave: Wave): Float32Array {
  return Float32Array.from({ length: seconds * SAMPLE_RATE }, (_, i) => wave(i / SAMPLE_RATE, i));
}

const silence: Wave = () => 0;
/** Steps of a pseudo-random sequence that differ from sample to sample; no note and no beat. */
const noise: Wave = (_, sample) => 0.2 * (((Math.sin(sample * 12.9898) * 43758.5453) % 1) - 0.5);
const hum: Wave = (t) => 0.2 * Math.sin(2 * Math.PI * 220 * t);
/** A chord that changes every half second, with a drum on the beat. */
const music: Wave = (t) => {
  const step = Math.floor(t * 2);
  const since = t - step / 2;
  const root = [220, 261.63, 329.63, 196, 293.66][step % 5]!;
  const chord = [1, 1.26, 1.5, 2].reduce((sum, ratio) => sum + Math.sin(2 * Math.PI * root * ratio * t), 0);
  return 0.08 * chord * Math.exp(-2 * since);
};
const clicks =
  (bpm: number): Wave =>
  (t, sample) =>
    (t % (60 / bpm) < 0.03 ? 4 : 0.05) * noise(t, sample);

describe('what is heard', () => {
  let voice: VoiceActivity;
  beforeAll(async () => {
    voice = await VoiceActivity.load(new ModelStore('models').file('silero-vad', 'silero_vad_v5.onnx'));
  });

  async function hear(samples: Float32Array, pieceLength = SAMPLE_RATE * 4): Promise<Analysis> {
    const analysis = new RecordingAnalysis(voice);
    for (let at = 0; at < samples.length; at += pieceLength) {
      await analysis.push(samples.slice(at, at + pieceLength));
    }
    return (await analysis.finish()).analysis;
  }

  it.each([
    ['silence', silence, 'silence'],
    ['noise', noise, 'other'],
    ['a hum', hum, 'other'],
    ['music', music, 'music'],
  ])('labels %s', async (_, wave, kind) => {
    const { segments } = await hear(sound(8, wave));
    expect(segments.map((segment) => segment.kind)).toEqual([kind]);
    expect(segments[0]!.embedding).toBe(kind === 'silence' ? null : 0);
  });

  it('finds where silence gives way to music', async () => {
    const { segments } = await hear(sound(14, (t, sample) => (t < 6 ? 0 : music(t, sample))));
    expect(segments.map(({ kind }) => kind)).toEqual(['silence', 'music']);
    expect(segments[1]!.startSec).toBeCloseTo(6, 0);
    expect(segments[1]!.endSec).toBe(14);
  });

  it('covers a recording without gaps, whatever the pieces it comes in', async () => {
    const samples = sound(9, (t, sample) => (t < 3 ? noise(t, sample) : t < 6 ? 0 : music(t, sample)));
    const whole = await hear(samples);
    const parts = await hear(samples, 777);
    expect(parts).toEqual(whole);
    expect(whole.segments[0]!.startSec).toBe(0);
    expect(whole.segments.at(-1)!.endSec).toBe(whole.durationSec);
    for (const [index, segment] of whole.segments.slice(1).entries()) {
      expect(segment.startSec).toBe(whole.segments[index]!.endSec);
    }
  });

  it('embeds the same sound alike at any level, and another sound elsewhere', async () => {
    const vector = async (wave: Wave) => (await hear(sound(6, wave))).embeddings;
    const loud = await vector(music);
    const quiet = await vector((t, sample) => 0.3 * music(t, sample));
    const other = await vector(noise);
    const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    expect(loud).toHaveLength(AUDIO_SPACE.dimensions);
    expect(cosine(loud, loud)).toBeCloseTo(1, 5);
    expect(cosine(loud, quiet)).toBeGreaterThan(0.8);
    expect(cosine(loud, other)).toBeLessThan(0.5);
  });

  it('divides long sound, and survives none and hardly any', async () => {
    const { segments } = await hear(sound(65, noise));
    expect(segments).toHaveLength(3);
    expect((await hear(new Float32Array(0))).segments).toEqual([]);
    expect((await hear(new Float32Array(100))).durationSec).toBeCloseTo(100 / SAMPLE_RATE, 6);
  });
});

describe('tempo', () => {
  it.each([80, 120, 150])('of clicks at %i a minute', (bpm) => {
    const features = new FeatureExtractor();
    features.push(sound(12, clicks(bpm)));
    const tempo = estimateTempo(features.onsets);
    expect(tempo!.clarity).toBeGreaterThan(0.4);
    const octaves = Math.log2(tempo!.bpm / bpm);
    expect(Math.abs(octaves)).toBeLessThan(0.03);
  });

  it('is unknown for short or steady sound', () => {
    expect(estimateTempo(new Array(60).fill(1))).toBeNull();
    expect(estimateTempo(new Array(400).fill(1))).toBeNull();
  });
});

describe('speech windows', () => {
  const windowsOf = (probabilities: number[]): SpeechWindow[] => {
    const windows = new SpeechWindows();
    return [...probabilities.map((probability) => windows.push(probability)), windows.finish()].filter(
      (window) => window !== null,
    );
  };
  const steps = (seconds: number): number => Math.round(seconds / STEP_SEC);
  const talk = (seconds: number, probability = 0.9): number[] => new Array(steps(seconds)).fill(probability);

  it('hold an utterance with a little around it', () => {
    const [window, ...rest] = windowsOf([...talk(2, 0), ...talk(3), ...talk(2, 0)]);
    expect(rest).toEqual([]);
    expect(window!.from * STEP_SEC).toBeCloseTo(1.8, 1);
    expect(window!.to * STEP_SEC).toBeCloseTo(5.2, 1);
  });

  it('ignore a click and bridge a short pause', () => {
    expect(windowsOf([...talk(1, 0), ...talk(0.1), ...talk(2, 0)])).toEqual([]);
    expect(windowsOf([...talk(2), ...talk(0.4, 0), ...talk(2), ...talk(1, 0)])).toHaveLength(1);
  });

  it('cut endless speech where it is least like speech', () => {
    const [first, second] = windowsOf([...talk(12), 0.4, 0.4, 0.4, ...talk(12)]);
    expect(first!.to * STEP_SEC).toBeCloseTo(12, 0);
    expect(second!.from).toBe(first!.to);
  });

  it('are in order, apart and never longer than a transcriber takes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            seconds: fc.integer({ min: 1, max: 400 }),
            probability: fc.double({ min: 0, max: 1, noNaN: true }),
          }),
        ),
        (runs) => {
          const windows = windowsOf(
            runs.flatMap(({ seconds, probability }) => talk(seconds / 10, probability)),
          );
          let end = 0;
          for (const { from, to } of windows) {
            expect(from).toBeGreaterThanOrEqual(end);
            expect(to).toBeGreaterThan(from);
            expect((to - from) * STEP_SEC).toBeLessThanOrEqual(14.1);
            end = to;
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('loudness', () => {
  const summary = `[Parsed_ebur128_0 @ 0x1] Summary:

  Integrated loudness:
    I:         -26.8 LUFS
    Threshold: -37.2 LUFS

  Loudness range:
    LRA:         5.8 LU
    LRA low:   -31.0 LUFS

  True peak:
    Peak:      -11.0 dBFS`;

  it('is read from the last summary', () => {
    expect(parseLoudness(`title: Summary: I: -3 LUFS\n${summary}`)).toEqual({
      integratedLufs: -26.8,
      rangeLu: 5.8,
      truePeakDbtp: -11,
    });
  });

  it('is null for silence and for no summary', () => {
    const silent = summary.replace('-26.8', '-70.0').replace('-11.0', '-inf');
    expect(parseLoudness(silent)).toEqual({ integratedLufs: null, rangeLu: null, truePeakDbtp: null });
    expect(parseLoudness('')).toEqual({ integratedLufs: null, rangeLu: null, truePeakDbtp: null });
  });
});

describe('pieces', () => {
  it('give back all samples, whatever the chunks, in lengths of at most four seconds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 90_001 }), { maxLength: 12 }), async (lengths) => {
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const bytes = Buffer.alloc(total);
        for (let i = 0; i + 4 <= total; i += 4) bytes.writeFloatLE(i / 4, i);
        async function* chunks() {
          let at = 0;
          for (const length of lengths) {
            yield bytes.subarray(at, at + length);
            at += length;
          }
        }
        let next = 0;
        for await (const samples of pieces(chunks())) {
          expect(samples.length).toBeLessThanOrEqual(SAMPLE_RATE * 4);
          expect(samples[0]).toBe(next);
          next += samples.length;
        }
        expect(next).toBe(Math.floor(total / 4));
      }),
      { numRuns: 30 },
    );
  });
});
