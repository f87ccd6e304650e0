import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readVocabulary, WhisperDecoding } from './whisper-decoding.ts';

/** Ten tokens of text, then the signs in the order of the real vocabulary, then 101 marks. */
const END = 10;
const START = 11;
const ENGLISH = 12;
const CHINESE = 13;
const TRANSCRIBE = 15;
const NO_SPEECH = 16;
const FIRST_MARK = 18;
const SIZE = FIRST_MARK + 101;
const SUPPRESSED = 9;

const CONFIG = {
  decoder_start_token_id: START,
  eos_token_id: END,
  no_timestamps_token_id: 17,
  lang_to_id: { '<|en|>': ENGLISH, '<|zh|>': CHINESE },
  task_to_id: { translate: 14, transcribe: TRANSCRIBE },
  suppress_tokens: [SUPPRESSED, NO_SPEECH],
};
const vocabulary = readVocabulary(CONFIG);

function likeliest(logits: Float32Array): number {
  return logits.indexOf(logits.reduce((best, logit) => Math.max(best, logit)));
}

/** Greedy decoding, as the library does it. @param wishes the logits that a model would give, step by step */
function decode(wishes: Float32Array[], expected?: string) {
  const decoding = new WhisperDecoding(vocabulary, expected);
  const tokens: number[] = [];
  for (const logits of wishes) {
    decoding.constrain(logits);
    const token = likeliest(logits);
    tokens.push(token);
    decoding.accept(token);
    if (token === END) break;
  }
  return { decoding, tokens };
}

/** Logits of a model that wants these tokens, the later ones less. */
function wanting(...wanted: number[]): Float32Array {
  const logits = new Float32Array(SIZE).fill(-20);
  for (const [place, token] of wanted.entries()) logits[token] = 10 - place;
  return logits;
}
const marked = (seconds: number) => FIRST_MARK + Math.round(seconds / 0.02);
const begun = () => [wanting(NO_SPEECH, ENGLISH), wanting(START), wanting(marked(0))];

describe('the decoding of a window', () => {
  it('asks for the language among languages, and for transcription whatever the model would do', () => {
    const { decoding, tokens } = decode([wanting(3, NO_SPEECH, CHINESE, ENGLISH), wanting(14)]);
    expect(tokens).toEqual([CHINESE, TRANSCRIBE]);
    expect(decoding.language).toBe('zh');
    expect(decoding.noSpeechProbability).toBeCloseTo(0.24, 1);
  });

  it('begins with a mark in the first second, and writes no sign and nothing suppressed', () => {
    const { tokens } = decode([
      ...begun().slice(0, 2),
      wanting(marked(1.5), 3, marked(0.5)),
      wanting(START, SUPPRESSED, NO_SPEECH, 4),
    ]);
    expect(tokens.slice(2)).toEqual([marked(0.5), 4]);
  });

  it('lets a window end without a word', () => {
    const { decoding, tokens } = decode([...begun(), wanting(END, 3)]);
    expect(tokens.at(-1)).toBe(END);
    expect(decoding.segments(2)).toEqual([]);
  });

  it('takes the certainty of words from what was allowed, and none from marks', () => {
    const even = wanting();
    even[3] = 0;
    even[4] = 0;
    even[SUPPRESSED] = 9;
    const { decoding } = decode([...begun(), even, wanting(marked(1)), wanting(END)]);
    const [segment] = decoding.segments(2);
    expect(segment).toMatchObject({ startSec: 0, endSec: 1, tokens: [3] });
    expect(segment!.probabilities[0]).toBeCloseTo(0.5, 5);
  });

  it('sets a mark where all marks together are likelier than any word', () => {
    const torn = wanting(4);
    for (let seconds = 0.2; seconds < 0.6; seconds += 0.02) torn[marked(seconds)] = 9;
    const { tokens } = decode([...begun(), wanting(3), torn]);
    expect(tokens.at(-1)).toBe(marked(0.2));
  });

  it('leaves out what is said after the end of the window', () => {
    const late = [
      wanting(3),
      wanting(marked(1)),
      wanting(marked(1.4)),
      wanting(4),
      wanting(marked(1.8)),
      wanting(END),
    ];
    const { decoding } = decode([...begun(), ...late]);
    expect(decoding.segments(2)).toHaveLength(2);
    expect(decoding.segments(1.2)).toMatchObject([{ startSec: 0, endSec: 1, tokens: [3] }]);
  });

  it('says where a part begins that the model left for another decoding', () => {
    const pair = [wanting(3), wanting(marked(0.8)), wanting(marked(0.9))];
    expect(decode([...begun(), ...pair, wanting(END)]).decoding.continuesAtSec).toBeCloseTo(0.9, 5);
    expect(decode([...begun(), ...pair.slice(0, 2), wanting(END)]).decoding.continuesAtSec).toBeNull();
    expect(decode([...begun(), wanting(END)]).decoding.continuesAtSec).toBeNull();
  });

  it('ends a circle, also one across marks, and keeps its first round', () => {
    const rounds = Array.from({ length: 6 }, (_, round) => [
      wanting(3),
      wanting(4),
      wanting(marked(0.1 * round + 0.1)),
      wanting(marked(0.1 * round + 0.1)),
    ]).flat();
    const { decoding, tokens } = decode([...begun(), ...rounds]);
    expect(decoding.repeated).toBe(true);
    expect(tokens.at(-1)).toBe(END);
    expect(decoding.segments(2).flatMap((segment) => segment.tokens)).toEqual([3, 4]);
  });

  it('keeps to times that run forward inside the window, whatever a model wants', () => {
    const steps = fc.array(
      fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: SIZE, maxLength: SIZE }),
      { minLength: 4, maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, fc.double({ min: 0.1, max: 2, noNaN: true }), (wishes, durationSec) => {
        const { decoding, tokens } = decode(wishes.map((logits) => Float32Array.from(logits)));
        expect([ENGLISH, CHINESE]).toContain(tokens[0]);
        const marks = tokens.filter((token) => token >= FIRST_MARK);
        expect(marks).toEqual([...marks].sort((one, other) => one - other));
        let reached = 0;
        for (const { startSec, endSec, tokens: words, probabilities } of decoding.segments(durationSec)) {
          expect(startSec).toBeGreaterThanOrEqual(reached);
          expect(endSec).toBeGreaterThan(startSec);
          expect(endSec).toBeLessThanOrEqual(durationSec);
          expect(words.every((token) => token < END && token !== SUPPRESSED)).toBe(true);
          expect(probabilities).toHaveLength(words.length);
          expect(probabilities.every((value) => value > 0 && value <= 1)).toBe(true);
          reached = endSec;
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('readVocabulary', () => {
  it('reads the signs by their place in the configuration', () => {
    expect(vocabulary).toMatchObject({ start: START, end: END, noSpeech: NO_SPEECH, firstMark: FIRST_MARK });
    expect([...vocabulary.languages]).toEqual([
      ['en', ENGLISH],
      ['zh', CHINESE],
    ]);
  });

  it.each([
    ['a model of English only', { ...CONFIG, lang_to_id: undefined }],
    ['no configuration', null],
  ])('refuses %s', (_, config) => {
    expect(() => readVocabulary(config)).toThrow(expect.objectContaining({ code: 'MODEL_CORRUPT' }));
  });
});
