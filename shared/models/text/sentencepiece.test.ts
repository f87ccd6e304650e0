import { expect, it } from 'vitest';
import { SentencePiece } from './sentencepiece.ts';

const VOCABULARY: [string, number][] = [
  ['<unk>', 0],
  ['<s>', 0],
  ['▁', -5],
  ['▁un', -3],
  ['▁u', -6],
  ['n', -4],
  ['related', -4],
  ['re', -3],
  ['lated', -8],
  ['▁unrelated', -20],
];
const tokenizer = new SentencePiece(VOCABULARY, { reserved: 2, unknown: 0 });

it('finds the most probable pieces, not the longest', () => {
  // "▁un" + "related" = -7 beats "▁unrelated" = -20 and "▁un" + "re" + "lated" = -14.
  expect(tokenizer.encode('unrelated')).toEqual([3, 6]);
});

it('joins neighbouring unknown characters to one piece', () => {
  expect(tokenizer.encode('un€€€n')).toEqual([3, 0, 5]);
  expect(tokenizer.encode('€€').filter((id) => id === 0)).toHaveLength(1);
});

it('normalises width and blanks, and never uses reserved pieces', () => {
  expect(tokenizer.encode('  ｕｎ \n related ')).toEqual(tokenizer.encode('un related'));
  expect(tokenizer.encode('<s>')).not.toContain(1);
  expect(tokenizer.encode('   ')).toEqual([]);
});
