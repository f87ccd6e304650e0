import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { queryParts } from './query-parts.ts';

describe('the parts of a question', () => {
  it.each([
    ['a man riding a bicycle in the rain', ['man riding', 'bicycle', 'rain']],
    ['Charlie Chaplin, roller skates', ['charlie chaplin', 'roller skates']],
    ['穿红衣服的男人在骑车', ['穿红衣服', '男人', '骑车']],
    ['TED的演讲 in English', ['ted', '演讲', 'english']],
  ])('%s', (text, parts) => expect(queryParts(text)).toEqual(parts));

  it('are none where the whole is one', () => {
    for (const text of ['elephant', 'quantum physics', '量子力学', 'the', '', '?!']) {
      expect(queryParts(text), text).toEqual([]);
    }
  });

  it('are distinct, few, and never empty', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const parts = queryParts(text);
        return (
          parts.length !== 1 &&
          parts.length <= 6 &&
          new Set(parts).size === parts.length &&
          parts.every((part) => part.trim() !== '')
        );
      }),
    );
  });
});
