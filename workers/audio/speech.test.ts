import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SAMPLE_RATE } from '../../shared/audio/analysis/frame-sizes.ts';
import type { SpeechClip } from '../../shared/audio/analysis/recording.ts';
import type { Transcriber, Transcription } from '../../shared/audio/transcriber.ts';
import { RecordedSpeech } from './speech.ts';
import { onVideoClock, type SpeechPack, SpeechPacker } from './speech-packs.ts';

/** Samples hold the clip's number, so that one can see whose they are. */
function clip(startSec: number, lengthSec: number, number = 1): SpeechClip {
  const samples = new Float32Array(Math.round(lengthSec * SAMPLE_RATE)).fill(number);
  return { startSec, endSec: startSec + lengthSec, samples };
}

function packed(longestSec: number, clips: SpeechClip[]): SpeechPack[] {
  const packer = new SpeechPacker(longestSec);
  const packs = clips.map((each) => packer.push(each));
  return [...packs, packer.finish()].filter((pack) => pack !== null);
}

describe('packs of speech', () => {
  it('join neighbours with their pause, a long one shortened', () => {
    const [pack, ...others] = packed(30, [clip(10, 2), clip(12.25, 3, 2), clip(18, 1, 3)]);
    expect(others).toEqual([]);
    expect(pack!.offsets).toEqual([0, 2.25, 5.75]);
    expect(pack!.samples).toHaveLength(6.75 * SAMPLE_RATE);
    expect(pack!.samples[2 * SAMPLE_RATE - 1]).toBe(1);
    expect(pack!.samples[2 * SAMPLE_RATE]).toBe(0);
    expect(pack!.samples[2.25 * SAMPLE_RATE]).toBe(2);
  });

  it('begin anew where one is full, and where speech is far', () => {
    expect(packed(10, [clip(0, 6), clip(6, 4), clip(10, 1)]).map(({ clips }) => clips.length)).toEqual([
      2, 1,
    ]);
    expect(packed(10, [clip(0, 1), clip(9, 1)]).map(({ clips }) => clips.length)).toEqual([1, 1]);
    expect(packed(0, [clip(0, 1), clip(1, 1)])).toHaveLength(2);
    expect(packed(10, [])).toEqual([]);
  });

  it('give times back on the clock of the video', () => {
    const [pack] = packed(30, [clip(10, 2), clip(14, 3)]);
    expect(onVideoClock(pack!, { startSec: 0.5, endSec: 1.5 })).toEqual({ startSec: 10.5, endSec: 11.5 });
    expect(onVideoClock(pack!, { startSec: 2.7, endSec: 5 })).toMatchObject({ startSec: 14.2, endSec: 16.5 });
    // Across the pause, and from the pause on.
    expect(onVideoClock(pack!, { startSec: 1, endSec: 3 })).toEqual({ startSec: 11, endSec: 14.5 });
    expect(onVideoClock(pack!, { startSec: 2.2, endSec: 2.4 })).toEqual({ startSec: 14, endSec: 14 });
  });

  it('lose nothing, are never too long, and keep order, whatever is said when', () => {
    const pauses = fc.array(
      fc.record({ pause: fc.integer({ min: 0, max: 80 }), length: fc.integer({ min: 3, max: 140 }) }),
    );
    fc.assert(
      fc.property(pauses, (plan) => {
        let at = 0;
        const clips = plan.map(({ pause, length }, index) => {
          const made = clip(at + pause / 10, length / 10, index + 1);
          at = made.endSec;
          return made;
        });
        const packs = packed(30, clips);
        expect(packs.flatMap((pack) => pack.clips)).toEqual(clips);
        for (const pack of packs) {
          expect(pack.samples.length).toBeLessThanOrEqual(30 * SAMPLE_RATE);
          for (const [index, offset] of pack.offsets.entries()) {
            const { startSec, endSec } = pack.clips[index]!;
            const span = onVideoClock(pack, { startSec: offset, endSec: offset + endSec - startSec });
            expect(span.startSec).toBeCloseTo(startSec, 3);
            expect(span.endSec).toBeCloseTo(endSec, 3);
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('the speech of a recording', () => {
  const never = new AbortController().signal;
  const said = (text: string, other: Partial<Transcription> = {}): Transcription => ({
    ...{ text, language: 'en', spoken: 'en', confidence: 0.8, tokens: 2, logProbability: -0.3 },
    ...other,
  });

  function transcriberOf(multilingual: boolean, hear: (samples: Float32Array) => Transcription) {
    const asked: { seconds: number; expected: string | undefined }[] = [];
    const transcriber: Transcriber = {
      ...{ id: 'fake@1', maxWindowSec: 30, multilingual, timed: multilingual },
      async transcribe(samples, { expected } = {}) {
        asked.push({ seconds: samples.length / SAMPLE_RATE, expected });
        return hear(samples);
      },
      warmUp: async () => undefined,
      close: async () => undefined,
    };
    return { transcriber, asked };
  }

  async function settled(transcriber: Transcriber | null, clips: SpeechClip[]) {
    const speech = new RecordedSpeech(transcriber);
    for (const each of clips) await speech.hear(each, never);
    return { speech, ...(await speech.settle(true, never)) };
  }

  it('is given in packs to a model that times what it writes', async () => {
    const { transcriber, asked } = transcriberOf(true, () =>
      said('one two', {
        segments: [
          { startSec: 0, endSec: 2, text: 'one', confidence: 0.9 },
          { startSec: 2.5, endSec: 4, text: 'two', confidence: 0.7 },
        ],
      }),
    );
    const { segments, speech } = await settled(transcriber, [clip(10, 2), clip(13, 2)]);
    expect(asked).toEqual([{ seconds: 4.5, expected: undefined }]);
    expect(speech.seconds).toBe(4);
    expect(segments).toEqual([
      { startSec: 10, endSec: 12, text: 'one', confidence: 0.9, language: 'en' },
      { startSec: 13, endSec: 14.5, text: 'two', confidence: 0.7, language: 'en' },
    ]);
  });

  it('is given one stretch at a time to a model that does not', async () => {
    const { transcriber, asked } = transcriberOf(false, () => said('words', { spoken: undefined }));
    const { segments } = await settled(transcriber, [clip(10, 2), clip(13, 2)]);
    expect(asked.map(({ seconds }) => seconds)).toEqual([2, 2]);
    expect(segments.map(({ startSec, endSec }) => [startSec, endSec])).toEqual([
      [10, 12],
      [13, 15],
    ]);
  });

  it('is tried stretch by stretch where a pack is refused', async () => {
    const { transcriber, asked } = transcriberOf(true, (samples) =>
      samples.includes(2) ? said('la la', { rejected: 'repetition' }) : said('words'),
    );
    const { segments, missing } = await settled(transcriber, [clip(0, 2), clip(2, 3, 2), clip(5, 4, 3)]);
    expect(asked.map(({ seconds }) => seconds)).toEqual([9, 2, 3, 4]);
    expect(segments.map(({ startSec }) => startSec)).toEqual([0, 5]);
    expect(missing).toEqual([]);
  });

  it('tells the model which language was spoken most', async () => {
    const { transcriber, asked } = transcriberOf(true, ([number]) =>
      said('words', number === 2 ? { spoken: 'fr', language: 'und' } : { spoken: 'zh', language: 'zh' }),
    );
    const { segments } = await settled(transcriber, [clip(0, 5), clip(20, 3, 2), clip(40, 1), clip(60, 1)]);
    expect(asked.map(({ expected }) => expected)).toEqual([undefined, 'zh', 'zh', 'zh']);
    expect(segments.map(({ language }) => language)).toEqual(['zh', 'und', 'zh', 'zh']);
  });

  it('is missing without a model, if there is enough of it', async () => {
    expect((await settled(null, [clip(0, 2)])).missing).toEqual(['speech']);
    expect((await settled(null, [clip(0, 0.5)])).missing).toEqual([]);
  });
});
