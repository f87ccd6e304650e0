import { describe, expect, it } from 'vitest';
import { judge } from './moonshine.ts';
import { type DecodedSpeech, detokenise, mostLikely } from './moonshine-model.ts';
import { repetitionLength } from './repetition.ts';
import { keepUnderstood, type TimedTranscription } from './understood.ts';

const decoded = (text: string, probability: number, repeated = false): DecodedSpeech => ({
  text,
  tokens: [5, 6],
  probabilities: [probability, probability],
  repeated,
});

const window = (startSec: number, probability: number, text = 'words'): TimedTranscription => ({
  startSec,
  endSec: startSec + 5,
  ...judge([decoded(text, probability)]),
});

describe('what the decoder gives', () => {
  it('takes the likeliest token with its softmax probability', () => {
    const { token, probability } = mostLikely(Float32Array.of(0, Math.log(3), 0));
    expect(token).toBe(1);
    expect(probability).toBeCloseTo(0.6, 5);
  });

  it('leaves marks out of the text', () => {
    // 15043 and 3186 are "Hello" and "world" in the Llama vocabulary; 32005 is a mark of Moonshine's own.
    expect(detokenise([1, 15043, 32005, 3186, 2])).toBe('Hello world');
    expect(detokenise([1, 32005])).toBe('');
  });

  it('sees circles, and not the repetitions of speech', () => {
    expect(repetitionLength([9, 7, 7, 7])).toBe(0);
    expect(repetitionLength([9, 7, 7, 7, 7, 7, 7])).toBe(5);
    expect(repetitionLength([1, 2, 3, 1, 2, 3, 1, 2, 3])).toBe(0);
    expect(repetitionLength([8, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3])).toBe(9);
  });
});

describe('judge', () => {
  it('keeps sure English', () => {
    expect(judge([decoded('Hello there.', 0.9)])).toMatchObject({ text: 'Hello there.', language: 'en' });
    expect(judge([decoded('Hello there.', 0.9)]).rejected).toBeUndefined();
  });

  it('refuses guesses, other scripts, circles and nothing', () => {
    expect(judge([decoded('On the contrary', 0.4)]).rejected).toBe('unsupported-language');
    expect(judge([decoded('大家好', 0.9)]).rejected).toBe('unsupported-language');
    expect(judge([decoded('and and', 0.9, true)]).rejected).toBe('repetition');
    expect(judge([{ text: '', tokens: [], probabilities: [], repeated: false }])).toMatchObject({
      rejected: 'no-speech',
      confidence: 0,
    });
  });
});

describe('keepUnderstood', () => {
  it('keeps a doubtful window among sure ones', () => {
    const { kept, foreign } = keepUnderstood([window(0, 0.95), window(6, 0.65), window(12, 0.9)]);
    expect(kept).toHaveLength(3);
    expect(foreign).toBe(false);
  });

  it('drops windows that look like English by chance in a foreign recording, and keeps the sure one', () => {
    const { kept, foreign } = keepUnderstood([
      window(0, 0.64),
      window(6, 0.3),
      window(12, 0.95),
      window(18, 0.3),
    ]);
    expect(kept.map(({ startSec }) => startSec)).toEqual([12]);
    expect(foreign).toBe(true);
  });

  it('does not call a recording foreign for one mumbled window', () => {
    const many = Array.from({ length: 9 }, (_, index) => window(index * 6, 0.9));
    const { kept, foreign } = keepUnderstood([...many, window(60, 0.3)]);
    expect(kept).toHaveLength(9);
    expect(foreign).toBe(false);
  });

  it('takes speech in which nothing is understood for foreign', () => {
    expect(keepUnderstood([window(0, 0.9, '')]).foreign).toBe(true);
    expect(keepUnderstood([])).toEqual({ kept: [], foreign: false });
  });
});
