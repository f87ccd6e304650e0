import fc from 'fast-check';
import { expect, it } from 'vitest';
import { detectLanguage, scriptRuns } from './script.ts';

it.each([
  ['a man rides a horse', 'en'],
  ['一个男人在骑马', 'zh'],
  ['我喜欢 Python 编程语言', 'zh'],
  ['the Chinese word 好', 'en'],
  ['ひらがなと漢字', 'und'],
  ['한국어', 'und'],
  ['Привет, мир', 'und'],
  ['12:30 — 5 %', 'und'],
  ['', 'und'],
] as const)('takes %j for %s', (text, language) => {
  expect(detectLanguage(text)).toBe(language);
});

it('cuts texts into runs that join to the text again', () => {
  expect(scriptRuns('NBA总决赛 2024')).toEqual([
    { script: 'other', text: 'NBA' },
    { script: 'han', text: '总决赛' },
    { script: 'other', text: ' 2024' },
  ]);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(
        scriptRuns(text)
          .map((run) => run.text)
          .join(''),
      ).toBe(text);
    }),
  );
});
