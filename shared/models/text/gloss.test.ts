import { describe, expect, it } from 'vitest';
import { ChineseGloss, type DictionaryEntry, readDictionary } from './gloss.ts';

const ENTRIES: DictionaryEntry[] = [
  ['馬', '马', 'Ma3', 'surname Ma', [], []],
  ['馬', '马', 'ma3', ['horse', 'knight (in chess)'], [], []],
  ['騎', '骑', 'qi2', 'to ride (a horse)', [], []],
  ['騎馬', '骑马', 'qi2 ma3', 'to ride a horse', [], []],
  ['的', '的', 'de5', "of; ~'s (possessive particle)", [], []],
  ['小', '小', 'xiao3', 'small; tiny', [], []],
  ['小女', '小女', 'xiao3 nu:3', 'my daughter (humble)', [], []],
  ['女孩', '女孩', 'nu:3 hai2', 'girl', [], []],
  ['孩', '孩', 'hai2', 'child', [], []],
  ['張', '张', 'Zhang1', 'surname Zhang', [], []],
  ['北京', '北京', 'Bei3 jing1', "Beijing, capital of the People's Republic of China", [], []],
];

describe('the gloss', () => {
  const chinese = ChineseGloss.from(ENTRIES);

  it('takes the longest words, in either script', () => {
    expect(chinese.gloss('骑马')).toBe('ride a horse');
    expect(chinese.gloss('騎馬')).toBe('ride a horse');
  });

  it('prefers common words to names, and cuts from the end', () => {
    expect(chinese.gloss('马')).toBe('horse');
    expect(chinese.gloss('小女孩')).toBe('small girl');
  });

  it('leaves out particles, surnames that explain nothing, and what it does not know', () => {
    expect(chinese.gloss('小的马')).toBe('small horse');
    expect(chinese.gloss('张鑫')).toBe('');
  });

  it('keeps what is written in other scripts', () => {
    expect(chinese.gloss('Ferrari 的马 2024')).toBe('Ferrari horse 2024');
    expect(chinese.gloss('plain English')).toBe('plain English');
    expect(chinese.gloss('')).toBe('');
  });
});

it('refuses a dictionary that is none', () => {
  expect(readDictionary('export default {"all":[]};')).toEqual([]);
  expect(() => readDictionary('export const x = 1')).toThrow(
    expect.objectContaining({ code: 'MODEL_CORRUPT' }),
  );
  expect(() => readDictionary('{}')).toThrow(expect.objectContaining({ code: 'MODEL_CORRUPT' }));
});
