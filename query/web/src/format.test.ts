import { describe, expect, it } from 'vitest';
import { clock, day, languageName, percent, pieces } from './format.ts';

describe('times', () => {
  it.each([
    [0, '0:00'],
    [4.9, '0:04'],
    [59.99, '0:59'],
    [750, '12:30'],
    [3_723, '1:02:03'],
    [-1, '0:00'],
  ])('%s s is %s', (seconds, text) => expect(clock(seconds)).toBe(text));

  it('of publishing are days, whatever the zone of the reader', () => {
    expect(day('2026-03-01T23:30:00Z', 'en')).toBe('Mar 1, 2026');
    expect(day('2026-03-01', 'zh-Hans')).toBe('2026年3月1日');
    expect([day(null, 'en'), day('soon', 'en')]).toEqual([null, null]);
  });
});

it('shares are whole percents', () => expect([0, 0.345, 1].map(percent)).toEqual(['0%', '35%', '100%']));

it('languages have names in the language of the page, and keep their tag where they have none', () => {
  expect([languageName('zh-Hans', 'en'), languageName('en', 'zh-Hans')]).toEqual([
    'Simplified Chinese',
    '英语',
  ]);
  expect(languageName('??', 'en')).toBe('??');
});

describe('a marked text', () => {
  const marked = (text: string, ...places: [number, number][]) =>
    pieces(
      text,
      places.map(([from, to]) => ({ from, to })),
    ).map(({ text: piece, marked: isMarked }) => (isMarked ? `[${piece}]` : piece));

  it('is cut where the marks begin and end', () => {
    expect(marked('Storm warning now', [0, 13])).toEqual(['[Storm warning]', ' now']);
    expect(marked('今天做番茄炒蛋', [3, 7])).toEqual(['今天做', '[番茄炒蛋]']);
    expect(marked('abc', [0, 1], [2, 3])).toEqual(['[a]', 'b', '[c]']);
  });

  it('loses nothing to places that are wrong', () => {
    const wrong: [number, number][] = [
      [2, 3],
      [0, 1],
      [3, 3],
      [3, 99],
    ];
    expect(marked('abcd', ...wrong).join('')).toBe('ab[c]d');
    expect(marked('', [0, 1])).toEqual([]);
  });
});
