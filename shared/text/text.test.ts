import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyse } from './analyse.ts';
import { keywords } from './keywords.ts';
import { containsPhrase, fold, plain, tidy } from './normalise.ts';
import { detectLanguage, scriptRuns } from './script.ts';

const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });

describe('normalising', () => {
  it('makes one spelling of width, case, accents and invisible characters', () => {
    expect(fold('ＣＡＦÉ\u200b  Ⅱ ﬁne')).toBe('cafe ii fine');
    expect(tidy(' 你好\u3000世界 ')).toBe('你好 世界');
    expect(fold('Mary’s')).toBe("mary's");
    expect([tidy('don´t'), fold('don´t'), fold('!¨')]).toEqual(["don't", "don't", '!']);
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(anyText, (text) => fold(fold(text)) === fold(text) && tidy(tidy(text)) === tidy(text)),
      { examples: [['!´'], ['˘\u00ad\u0316']] },
    );
  });

  it('finds phrases in spite of punctuation, but only whole words', () => {
    expect(containsPhrase('Hello, World! Bye.', 'hello world')).toBe(true);
    expect(containsPhrase('helloing worlds', 'hello world')).toBe(false);
    expect(containsPhrase('一个幽灵，共产主义的幽灵', '幽灵 共产主义')).toBe(true);
    expect(containsPhrase('anything', '!?')).toBe(false);
    expect(plain("The dog's bone.")).toBe('the dog bone');
  });
});

describe('script and language', () => {
  it('splits mixed text where the writing changes', () => {
    expect(scriptRuns('我有2台PS4, 1,000 don\u0027t')).toEqual([
      { script: 'han', text: '我有' },
      { script: 'digit', text: '2' },
      { script: 'han', text: '台' },
      { script: 'latin', text: 'PS4' },
      { script: 'digit', text: '1,000' },
      { script: 'latin', text: "don't" },
    ]);
  });

  it.each([
    ['The quick brown fox', 'en'],
    ['今天天气很好', 'zh'],
    ['我的名字是AutoCut', 'zh'],
    ['Watch the new 手机 review today', 'en'],
    ['これはペンです', 'und'],
    ['Привет, мир', 'und'],
    ['12:30', 'und'],
    ['', 'und'],
  ])('%s is %s', (text, language) => {
    expect(detectLanguage(text)).toBe(language);
  });
});

describe('analysis', () => {
  it('stems English and drops only the commonest words', () => {
    expect(analyse("The dogs' owners were running in Paris's parks")).toEqual([
      'dog',
      'owner',
      'run',
      'pari',
      'park',
    ]);
    expect(analyse('don\u2019t stop')).toEqual(analyse("don't stop"));
  });

  it('keeps numbers, with and without separators', () => {
    expect(analyse('1,000 3.5 2026 PS4')).toEqual(['1000', '3.5', '2026', 'ps4']);
  });

  it('gives Chinese words and bigrams, and single characters only to the index', () => {
    const asked = analyse('人工智能改变世界', 'query');
    expect(asked).toEqual(expect.arrayContaining(['人工智能', '改变', '世界', '智能', '能改']));
    expect(asked).not.toContain('智');
    expect(analyse('人工智能改变世界')).toContain('智');
    expect(analyse('人工智能改变世界', 'words')).not.toContain('能改');
  });

  it('finds a name that jieba does not know by its bigrams', () => {
    const indexed = new Set(analyse('欢迎来到李不言的直播间'));
    expect(analyse('李不言', 'query').some((token) => indexed.has(token))).toBe(true);
  });

  it('asks only for tokens that the same text has in the index', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyText, fc.string({ unit: fc.constantFrom(...'人工智能的狗ABc 1.,。é'), maxLength: 30 })),
        (text) => {
          const indexed = new Set(analyse(text, 'index'));
          return ['query' as const, 'words' as const].every((mode) =>
            analyse(text, mode).every((token) => indexed.has(token)),
          );
        },
      ),
    );
  });

  it('drops what is too long to be a word', () => {
    expect(analyse('a'.repeat(500))).toEqual([]);
  });
});

describe('keywords', () => {
  const english = `A spectre is haunting Europe, the spectre of communism. All the powers of old Europe have entered
    into a holy alliance to exorcise this spectre.`;

  it('finds phrases between stop words, what is repeated first', () => {
    const found = keywords([{ text: english, weight: 1 }]);
    expect(found[0]).toMatchObject({ text: 'spectre', weight: 1, language: 'en' });
    expect(found.map(({ text }) => text)).toEqual(expect.arrayContaining(['holy alliance', 'old Europe']));
  });

  it('prefers the words of the title', () => {
    const found = keywords([
      { text: english, weight: 1 },
      { text: 'Communist Party', weight: 3 },
    ]);
    expect(found[0]?.text).toBe('Communist Party');
  });

  it('joins Chinese keywords that stand side by side', () => {
    const text = '人工智能技术正在改变医疗。人工智能技术的应用很多。';
    const found = keywords([{ text, weight: 1 }]).map((each) => each.text);
    expect(found).toContain('人工智能');
    expect(found).toContain('人工智能技术');
  });

  it('weighs between 0 and 1, keeps to the limit, and has nothing to say of nothing', () => {
    expect(keywords([{ text: '', weight: 1 }])).toEqual([]);
    expect(keywords([{ text: 'of the and 的', weight: 1 }])).toEqual([]);
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 5 }), (text, limit) => {
        const found = keywords([{ text, weight: 1 }], limit);
        return found.length <= limit && found.every(({ weight }) => weight > 0 && weight <= 1);
      }),
    );
  });
});
