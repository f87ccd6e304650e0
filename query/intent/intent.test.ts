import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../../shared/ports/video-index.ts';
import { chineseNumber, parseConstraints } from './constraints.ts';
import { buildDictionary } from './dictionary.ts';
import { editDistance } from './edit-distance.ts';
import { understand } from './intent.ts';
import { initials, soundKey } from './sounds.ts';
import { simplified } from './traditional.ts';

const video = (more: Payload): Payload => ({ tenant: 'default', video: String(more.title), ...more });
const dictionary = buildDictionary(
  [
    video({
      title: '三体 第3集',
      series: '三体',
      season: 1,
      episode: 3,
      cast: [{ name: '张鲁一', character: '汪淼' }],
      names: ['张鲁一'],
      keywords: ['纳米材料'],
      queries: [{ query: '三体第三集', clicks: 7, impressions: 20, watchSeconds: 100 }],
    }),
    video({ title: 'The Elephant Parade', keywords: ['elephant', 'savanna'], labels: ['elephant'] }),
    video({
      title: 'Modern Times',
      cast: [{ name: 'Charlie Chaplin', character: 'the Tramp' }],
      names: ['charlie chaplin'],
    }),
  ],
  [{ id: 'id-1', name: '刘德华', aliases: ['Andy Lau', '华仔'] }],
  [{ name: 'The Three-Body Problem', kind: 'work', aliases: ['3 Body'], related: ['三体'] }],
);
const ask = (text: string) => understand(text, dictionary);
const names = (text: string) => ask(text).entities.map(({ entity, how }) => [entity.name, how]);

describe('normalisation', () => {
  it('brings width, case and traditional characters together', () => {
    expect(simplified('三體與漢字')).toBe('三体与汉字');
    expect(ask('ＥＬＥＰＨＡＮＴ').text).toBe('ELEPHANT');
    expect(ask('ＥＬＥＰＨＡＮＴ').tokens).toEqual(ask('elephants').tokens);
    expect(ask('三體').tokens).toEqual(expect.arrayContaining(['三体', '三體']));
  });

  it('takes out what stands in quotation marks, but not titles', () => {
    expect(ask('he said “not today” twice').quoted).toEqual(['not today']);
    expect(ask('《三体》').quoted).toEqual([]);
  });
});

describe('numbers and conditions', () => {
  it('reads Chinese numbers', () => {
    const numbers = { 三: 3, 十: 10, 十二: 12, 二十: 20, 一百零三: 103, 两千: 2000, 二〇一九: 2019, '07': 7 };
    for (const [text, number] of Object.entries(numbers)) expect(chineseNumber(text), text).toBe(number);
    expect(chineseNumber('甲')).toBeNaN();
    fc.assert(fc.property(fc.integer({ min: 1, max: 99 }), (n) => chineseNumber(chineseDigits(n)) === n));
  });

  it.each([
    ['三体 第3集', '三体', [{ kind: 'episode', value: 3 }]],
    ['三体第十二集', '三体', [{ kind: 'episode', value: 12 }]],
    [
      '老友记第二季第五集',
      '老友记',
      [
        { kind: 'season', value: 2 },
        { kind: 'episode', value: 5 },
      ],
    ],
    ['season 2 trailer', 'trailer', [{ kind: 'season', value: 2 }]],
    [
      'friends S02E05',
      'friends',
      [
        { kind: 'season', value: 2 },
        { kind: 'episode', value: 5 },
      ],
    ],
    ['bunny under 5 minutes', 'bunny', [{ kind: 'duration', least: null, most: 300 }]],
    ['talks longer than 1 hour', 'talks', [{ kind: 'duration', least: 3600, most: null }]],
    ['五分钟以内的做饭视频', '的做饭视频', [{ kind: 'duration', most: 300 }]],
    ['超过10分钟的讲座', '的讲座', [{ kind: 'duration', least: 600 }]],
    ['earth 4k', 'earth', [{ kind: 'resolution', value: 2160 }]],
    ['1080p 海浪', '海浪', [{ kind: 'resolution', value: 1080 }]],
    ['news this week', 'news', [{ kind: 'recent', days: 7 }]],
    ['2019年 春晚', '2019年 春晚', [{ kind: 'year', value: 2019 }]],
  ])('%s', (text, rest, wanted) => {
    const parsed = parseConstraints(text);
    expect(parsed.rest).toBe(rest);
    expect(parsed.constraints).toHaveLength(wanted.length);
    for (const each of wanted) expect(parsed.constraints).toContainEqual(expect.objectContaining(each));
  });

  it('leaves titles alone that look like conditions', () => {
    expect(parseConstraints('1917').rest).toBe('1917');
    expect(parseConstraints('under 5 minutes').rest).toBe('under 5 minutes');
    expect(parseConstraints('a man in the street').constraints).toEqual([]);
  });
});

describe('names', () => {
  it('are linked by name, alias, sound, spelling and pinyin', () => {
    expect(names('刘德华的电影')).toEqual([['刘德华', 'name']]);
    expect(names('劉德華')).toEqual([['刘德华', 'name']]);
    expect(names('华仔演唱会')).toEqual([['刘德华', 'alias']]);
    expect(names('流得滑')).toEqual([['刘德华', 'sound']]);
    expect(names('liudehua')).toEqual([['刘德华', 'sound']]);
    expect(names('liu de hua')).toEqual([['刘德华', 'sound']]);
    expect(names('charley chaplin films')).toEqual([['Charlie Chaplin', 'spelling']]);
    expect(names('andy lau')).toEqual([['刘德华', 'alias']]);
  });

  it('are not found where there are none', () => {
    expect(names('做饭的视频')).toEqual([]);
    expect(names('a red car')).toEqual([]);
  });

  it('are not guessed from ordinary words that sound alike, nor across punctuation', () => {
    const known = buildDictionary(
      [],
      [],
      [
        { name: '风起', kind: 'work', aliases: [], related: [] },
        { name: '尹航', kind: 'person', aliases: [], related: [] },
        { name: '白鹰飞', kind: 'work', aliases: [], related: [] },
      ],
    ).entities;
    const linked = (text: string) => known.link(text).map(({ entity }) => entity.name);
    for (const text of ['怎么分期还款', '银行卡绑定', '呗，影飞']) expect(linked(text), text).toEqual([]);
    expect(linked('我想看白英飞')).toEqual(['白鹰飞']);
    expect(linked('音航')).toEqual(['尹航']);
  });

  it('lead on to what they are related to', () => {
    const id = (name: string) => dictionary.entities.named(name)[0]!.id;
    const distances = dictionary.entities.distances([id('汪淼')]);
    expect([id('汪淼'), id('张鲁一'), id('三体')].map((each) => distances.get(each))).toEqual([0, 1, 1]);
    expect(distances.get(id('the three-body problem'))).toBe(2);
    expect(distances.has(id('Charlie Chaplin'))).toBe(false);
  });

  it('are suggested by beginnings, pinyin and initials', () => {
    const suggested = (text: string) => dictionary.entities.startingWith(text, 5).map(({ name }) => name);
    expect(suggested('刘')).toContain('刘德华');
    expect(suggested('liud')).toContain('刘德华');
    expect(suggested('ldh')).toContain('刘德华');
    expect(suggested('charl')).toEqual(['Charlie Chaplin']);
  });
});

describe('spelling', () => {
  it('looks for what was probably meant, beside what was typed', () => {
    const { corrections, tokens, words } = ask('an elephnat parade');
    expect(corrections).toEqual([{ from: 'elephnat', to: 'elephant', by: 'spelling' }]);
    expect(tokens).toEqual(expect.arrayContaining(['elephnat', 'eleph']));
    expect(words.find(({ token }) => token === 'elephnat')!.instead).toEqual(['eleph']);
    expect(ask('那米材料').corrections).toContainEqual({ from: '那米', to: '纳米', by: 'sound' });
  });

  it('leaves known words and their forms alone', () => {
    expect(ask('elephants on the savanna').corrections).toEqual([]);
    expect(ask('red car').corrections).toEqual([]);
  });

  it('measures distance with swaps, and gives up early', () => {
    expect(editDistance('elephant', 'elehpant', 2)).toBe(1);
    expect(editDistance('kitten', 'sitting', 3)).toBe(3);
    expect(editDistance('abc', 'xyzxyz', 2)).toBe(3);
    const word = fc.string({ maxLength: 8 });
    fc.assert(fc.property(word, word, (a, b) => editDistance(a, b, 8) === editDistance(b, a, 8)));
    fc.assert(fc.property(word, (a) => editDistance(a, a, 2) === 0));
  });

  it('knows how Chinese sounds', () => {
    expect(soundKey('刘德华')).toBe('liudehua');
    expect(soundKey('声')).toBe(soundKey('深'));
    expect(initials('刘德华')).toBe('ldh');
  });
});

describe('the kind of query', () => {
  it.each([
    ['刘德华', 'person'],
    ['三体 第3集', 'navigational'],
    ['modern times', 'navigational'],
    ['"to be or not to be"', 'quote'],
    ['I have a dream that my children', 'quote'],
    ['a man in a red shirt riding a bicycle', 'scene'],
    ['穿红衣服的男人在骑车', 'scene'],
    ['quantum physics', 'topic'],
    ['量子力学', 'topic'],
  ])('%s', (text, kind) => expect(ask(text).kind).toBe(kind));
});

it('knows which queries led where', () => {
  expect(dictionary.clicks.get('三体第三集')).toEqual([{ video: '三体 第3集', clicks: 7, impressions: 20 }]);
});

function chineseDigits(n: number): string {
  const digits = '零一二三四五六七八九';
  const [tens, ones] = [Math.floor(n / 10), n % 10];
  return `${tens > 1 ? digits[tens] : ''}${tens > 0 ? '十' : ''}${ones > 0 ? digits[ones] : ''}`;
}
