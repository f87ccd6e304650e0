import { describe, expect, it } from 'vitest';
import { ApiError } from '../api/client.ts';
import { en } from './en.ts';
import { channelName, constraintName, failureWords } from './naming.ts';
import { zh } from './zh.ts';

type Table = { [name: string]: string | ((...values: never[]) => string) | Table };

/** Every text of a table by its path; functions are called with what shows that they use it. */
function texts(table: Table, path = ''): Map<string, string> {
  return new Map(
    Object.entries(table).flatMap(([name, value]): [string, string][] => {
      const at = `${path}/${name}`;
      if (typeof value === 'string') return [[at, value]];
      if (typeof value !== 'function') return [...texts(value, at)];
      const call = value as (...values: unknown[]) => string;
      return [[at, call(...Array.from({ length: call.length }, (_, i) => 7 + i))]];
    }),
  );
}

const english = texts(en as Table);
const chinese = texts(zh as Table);
const HAN = /\p{Script=Han}/u;
/** Names, signs and abbreviations are the same everywhere. */
const SAME = new Set([
  '/name',
  '/otherLanguage',
  '/otherLanguageLabel',
  '/language',
  '/comma',
  '/filters/between',
  '/video/seek',
]);

describe('the words in Chinese', () => {
  it('are all there, and are Chinese', () => {
    expect([...english.keys()].filter((at) => !chinese.has(at))).toEqual([]);
    expect([...chinese].filter(([at, text]) => !SAME.has(at) && !HAN.test(text))).toEqual([]);
    expect([...english].filter(([at, text]) => !SAME.has(at) && HAN.test(text))).toEqual([]);
  });

  it('say the numbers that the English ones say', () => {
    const numbers = (text: string) => (text.match(/\d+/g) ?? []).sort();
    const differ = [...english].filter(([at, text]) => {
      const other = chinese.get(at);
      return other !== undefined && `${numbers(other)}` !== `${numbers(text)}`;
    });
    expect(differ).toEqual([]);
  });
});

describe('names for what the server calls by short words', () => {
  it('tell the field of a channel and how it compares', () => {
    expect(channelName('moments.speech', en)).toEqual({ name: 'Speech', of: 'its moments, by words' });
    expect(channelName('videos.title~', en)).toEqual({ name: 'Title', of: 'the whole video, by meaning' });
    expect(channelName('new.thing', en).name).toBe('new.thing');
  });

  it('put conditions into words', () => {
    const duration = { kind: 'duration', phrase: '', least: null, most: 600 } as const;
    expect(constraintName(duration, en)).toBe('shorter than 10:00');
    expect(constraintName({ kind: 'season', phrase: 's2', value: 2 }, zh)).toBe('第 2 季');
    expect(constraintName({ kind: 'mood', phrase: 'cheerful', value: 2 }, en)).toBe('cheerful');
  });

  it('use the words of the page for failures it knows, and those of the server for others', () => {
    const failure = (code: string) =>
      new ApiError({ status: 500, code, detail: 'As the server says.', hint: 'Do this.' });
    expect(failureWords(failure('STORE_UNAVAILABLE'), zh).detail).toMatch(HAN);
    expect(failureWords(failure('INDEX_MISMATCH'), en)).toEqual({
      ...{ detail: 'As the server says.', hint: 'Do this.' },
    });
  });
});
