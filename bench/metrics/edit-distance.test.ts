import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestMatch, characterErrorRate, editDistance, wordErrorRate, words } from './edit-distance.ts';

const text = fc.array(fc.constantFrom(...'abc'), { maxLength: 12 });

describe('editDistance', () => {
  it('counts the textbook cases', () => {
    expect(editDistance([...'kitten'], [...'sitting'])).toBe(3);
    expect(editDistance([...'flaw'], [...'lawn'])).toBe(2);
    expect(editDistance([], [...'abc'])).toBe(3);
  });

  it('is a metric', () => {
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a.join() === b.join());
        expect(editDistance(a, c)).toBeLessThanOrEqual(distance + editDistance(b, c));
      }),
    );
  });
});

describe('bestMatch', () => {
  it('finds a line within other text', () => {
    expect(bestMatch([...'oil'], [...'xxo1lyy'])).toEqual({ distance: 1, start: 2, end: 5 });
    expect(bestMatch([...'abc'], [...'zzz'])).toEqual({ distance: 3, start: 0, end: 0 });
  });

  it('is the least over all parts', () => {
    fc.assert(
      fc.property(text, text, (pattern, whole) => {
        let least = pattern.length;
        for (let start = 0; start <= whole.length; start++)
          for (let end = start; end <= whole.length; end++)
            least = Math.min(least, editDistance(pattern, whole.slice(start, end)));
        expect(bestMatch(pattern, whole).distance).toBe(least);
      }),
    );
  });
});

describe('error rates', () => {
  it('ignore spaces, case and width', () => {
    expect(characterErrorRate('Hello World', 'helloworld')).toBe(0);
    expect(characterErrorRate('你好，世界', '你好,世界')).toBe(0);
    expect(characterErrorRate('abcd', 'abxd')).toBe(0.25);
  });

  it('count words, and Han characters as words', () => {
    expect(words("Don't stop at 7:45, 三体!")).toEqual(["don't", 'stop', 'at', '7', '45', '三', '体']);
    expect(wordErrorRate('the quick brown fox', 'the quick, fox')).toBe(0.25);
  });

  it('are defined where nothing was said', () => {
    expect(characterErrorRate('', '')).toBe(0);
    expect(wordErrorRate('', 'noise')).toBe(1);
  });
});
