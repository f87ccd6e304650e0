/**
 * A library of any size to search in: payloads and tokens like those that the document stage writes, and vectors scattered
 * around the encoded texts of six hundred subjects (forty themes, each in fifteen ways), so that questions about them find few
 * things near, some half-way and most far, as in real use.
 */
import { createHash } from 'node:crypto';
import { pointId } from '../../shared/index/schema.ts';
import type { Payload, Point } from '../../shared/ports/video-index.ts';
import { analyse } from '../../shared/text/analyse.ts';

export const TENANT = 'bench';
export const MOMENTS_PER_VIDEO = 20;
const SHOT_SEC = 6;
const PARTS_PER_VIDEO = 8;
/** Difference hashes of a video's pictures, as the near-duplicate search keeps them. */
const PICTURES = 200;
const BANDS = 250;
const WORDS = 20_000;

type Phrase = readonly [english: string, chinese: string];

/** What people make videos of, in two languages: each of these … */
const THEMES: readonly Phrase[] = [
  ['tomato and egg stir fry in a hot wok', '番茄炒蛋的家常做法'],
  ['a dog runs across the beach after a ball', '小狗在海滩上追球'],
  ['morning yoga at home', '在家练习晨间瑜伽'],
  ['football final penalty shootout', '足球决赛点球大战'],
  ['how tides work and why the moon matters', '潮汐的原理和月亮的作用'],
  ['replacing the battery of an old laptop', '给旧笔记本电脑更换电池'],
  ['a walk through the market in Taipei', '逛台北的市场'],
  ['learning to play the guitar, first chords', '吉他第一组和弦'],
  ['electric cars and their range', '电动汽车续航'],
  ['baking sourdough bread', '烤酸面包'],
  ['the history of the silk road', '丝绸之路的历史'],
  ['cats knocking things off the table', '猫把东西推下桌子'],
  ['solar panels on a roof', '屋顶太阳能板'],
  ['an interview with a marathon runner', '采访一位马拉松选手'],
  ['ferry crossing the harbour', '渡轮穿过海港'],
  ['drawing portraits with charcoal', '用木炭画人像'],
  ['the new phone camera tested', '新手机相机测试'],
  ['planting vegetables on a balcony', '阳台上种蔬菜'],
  ['a train ride through the Alps', '穿越阿尔卑斯山的火车'],
  ['simple magic tricks with cards', '简单的纸牌魔术'],
  ['repairing a bicycle tyre', '修补自行车轮胎'],
  ['swimming lessons, front crawl', '自由泳教学'],
  ['a violin concerto', '小提琴协奏曲'],
  ['folding paper cranes', '折纸鹤'],
  ['birds feeding their young', '鸟儿喂养雏鸟'],
  ['building a wooden bookshelf', '制作木书架'],
  ['stand-up comedy about family', '关于家庭的脱口秀'],
  ['kayaking down a wild river', '皮划艇漂流'],
  ['how a clock tower is wound', '钟楼如何上发条'],
  ['street dance battle', '街舞对决'],
  ['brewing coffee by hand', '手冲咖啡'],
  ['volcano erupting, lava flows', '火山喷发熔岩流'],
  ['chess openings explained', '国际象棋开局讲解'],
  ['knitting a woollen scarf', '编织羊毛围巾'],
  ['fishing boats return with their catch', '渔船满载归来'],
  ['programming a small robot', '编程控制小机器人'],
  ['a tour of the national museum', '参观国家博物馆'],
  ['horse riding and jumping', '骑马跨越障碍'],
  ['stars and galaxies through a telescope', '望远镜里的恒星与星系'],
  ['painting the walls of a flat', '粉刷公寓墙壁'],
];

/** … in each of these ways, so that a few videos are about just what is asked and others about a part of it. */
const WAYS: readonly Phrase[] = [
  ['for beginners', '新手入门'],
  ['in heavy rain', '大雨中'],
  ['with children', '和孩子一起'],
  ['in Lisbon', '在里斯本'],
  ['on a small budget', '低预算'],
  ['in the mountains', '在山里'],
  ['late at night', '深夜'],
  ['by an expert', '专家示范'],
  ['gone wrong', '失败集锦'],
  ['in ten minutes', '十分钟'],
  ['in winter cold', '寒冷冬天'],
  ['after work', '下班以后'],
  ['compared and rated', '对比评测'],
  ['live on stage', '现场直播'],
  ['behind the scenes', '幕后花絮'],
];

const SUBJECTS: readonly Phrase[] = THEMES.flatMap(([english, chinese]) =>
  WAYS.map(([how, inChinese]): Phrase => [`${english} ${how}`, `${inChinese}${chinese}`]),
);

type Rng = () => number;

/** Mulberry32 (public domain): the same numbers everywhere. */
function random(seed: number): Rng {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const SYLLABLES = 'ba ce di fo gu ha ki lo me nu pa ri so te vu wa xi ya zo ra li mo'.split(' ');

/** A word of a vocabulary in which few words are frequent and most are rare (Zipf). */
function word(rng: Rng): string {
  let rank = Math.floor(WORDS ** rng());
  let made = '';
  do {
    made += SYLLABLES[rank % SYLLABLES.length];
    rank = Math.floor(rank / SYLLABLES.length);
  } while (rank > 0);
  return `${made}n`;
}

const words = (rng: Rng, count: number) => Array.from({ length: count }, () => word(rng)).join(' ');

function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng())) * Math.cos(2 * Math.PI * rng());
}

/** A unit vector whose cosine with `centre` is about 1 / √(1 + noise²). */
function near(rng: Rng, centre: Float32Array, noise: number): Float32Array {
  const scale = noise / Math.sqrt(centre.length);
  const moved = centre.map((value) => value + scale * normal(rng));
  const length = Math.sqrt(moved.reduce((sum, value) => sum + value * value, 0));
  return moved.map((value) => value / length);
}

interface Subject {
  english: string;
  chinese: string;
  /** Of its text in the spaces of texts and of pictures; unit length. */
  text: Float32Array;
  visual: Float32Array;
}

export async function encodeSubjects(encode: {
  text(texts: string[]): Promise<Float32Array[]>;
  visual(texts: string[]): Promise<Float32Array[]>;
}): Promise<Subject[]> {
  const english = SUBJECTS.map(([text]) => text);
  const [text, visual] = [await encode.text(english), await encode.visual(english)];
  return SUBJECTS.map(([en, zh], i) => ({ english: en, chinese: zh, text: text[i]!, visual: visual[i]! }));
}

const hex = (rng: Rng, digits: number) =>
  Array.from({ length: digits }, () => Math.floor(rng() * 16).toString(16)).join('');

function blob(name: string): Payload {
  return { sha256: createHash('sha256').update(name).digest('hex'), bytes: 12_345, mediaType: 'image/webp' };
}

/** The points of one video: itself and its moments. */
export function videoPoints(
  number: number,
  subjects: readonly Subject[],
): { video: Point; moments: Point[] } {
  const rng = random(number + 1);
  const subject = subjects[Math.floor(rng() * subjects.length)]!;
  const isChinese = rng() < 0.4;
  const about = isChinese ? subject.chinese : subject.english;
  const videoId = `video-${number}`;
  const title = `${about} ${words(rng, 2)} ${number}`;
  const common = { tenant: TENANT, video: videoId, revision: 1, content: hex(rng, 64) };
  const names = [`${word(rng)} ${word(rng)}`, `${word(rng)} ${word(rng)}`];
  const people = [`identity-${Math.floor(rng() * 500)}`, `identity-${Math.floor(rng() * 500)}`];
  const labels = Array.from({ length: 6 }, (_, i) => ({ label: word(rng), score: 0.9 - i / 10 }));
  const moments = Array.from({ length: MOMENTS_PER_VIDEO }, (_, shot): Point => {
    const startSec = shot * SHOT_SEC;
    const said = `${rng() < 0.15 ? about : ''} ${words(rng, 30)}`;
    const shown = `${rng() < 0.1 ? about : ''} ${words(rng, 6)}`;
    const span = { startSec, endSec: startSec + SHOT_SEC };
    return {
      id: pointId({ tenant: TENANT, videoId }, 'moments', `${shot}.0`),
      vectors: { visual: near(rng, subject.visual, 1.5), words: near(rng, subject.text, 1.5) },
      lexical: {
        screen: analyse(shown),
        speech: analyse(said),
        labels: labels.map(({ label }) => label),
        people: analyse(names[shot % 2]!),
      },
      payload: {
        ...common,
        ...{ shot, part: 0, ...span, thumbnail: blob(`${videoId} ${shot}`), labels },
        cues: [
          { kind: 'said', ...span, text: said },
          { kind: 'shown', ...span, text: shown },
        ],
        people: [people[shot % 2]!],
        names: [names[shot % 2]!],
      },
    };
  });
  const bands = Array.from({ length: BANDS }, (_, i) => `${i % 6}:${hex(rng, 3)}`);
  const frames = Array.from({ length: PICTURES }, (_, i) => `${(i / 2).toFixed(2)}:${hex(rng, 16)}`).join(
    ' ',
  );
  const video: Point = {
    id: pointId({ tenant: TENANT, videoId }, 'videos'),
    vectors: {
      title: near(rng, subject.text, 0.7),
      about: near(rng, subject.text, 1),
      words: near(rng, subject.text, 1.2),
      people: near(rng, subjects[number % subjects.length]!.text, 2),
      gist: near(rng, subject.visual, 1.2),
    },
    multivectors: { parts: Array.from({ length: PARTS_PER_VIDEO }, () => near(rng, subject.text, 1.2)) },
    lexical: {
      title: analyse(title),
      about: analyse(`${title} ${words(rng, 40)}`),
      screen: moments.flatMap(({ lexical }) => [...lexical.screen!]),
      speech: moments.flatMap(({ lexical }) => [...lexical.speech!]),
      people: analyse(names.join(' ')),
    },
    payload: {
      ...common,
      ...{ title, description: words(rng, 40), language: isChinese ? 'zh' : 'en', source: 'ugc' },
      ...{
        uploader: `u${number % 200}`,
        channel: `c${number % 100}`,
        channelName: `Channel ${number % 100}`,
      },
      ...{ series: null, season: null, episode: null, tags: [word(rng), word(rng)], cast: [], licence: null },
      ...{
        publishedAt: 1_700_000_000_000 + number * 60_000,
        width: 1_280,
        height: 720,
        poster: blob(videoId),
      },
      ...{
        durationSec: MOMENTS_PER_VIDEO * SHOT_SEC,
        people,
        names,
        labels: labels.map(({ label }) => label),
      },
      ...{ keywords: [word(rng), word(rng), word(rng)], sounds: ['speech'], nearDuplicateGroup: null },
      ...{ signature: bands, frames, fingerprint: blob(`${videoId} sound`), explicit: 0.01 },
      ...{
        missing: [],
        complete: true,
        media: hex(rng, 64),
        statistics: {},
        queries: [],
        meanPosition: null,
      },
      ...{
        views: number % 1_000,
        impressions: number % 500,
        clicks: number % 50,
        watchSeconds: number % 900,
      },
    },
  };
  return { video, moments };
}

/** Questions of people: parts of what the subjects are called, with and without a rarer word, in both languages. */
export function questions(subjects: readonly Subject[], count: number): string[] {
  const rng = random(99);
  return Array.from({ length: count }, (_, i) => {
    const subject = subjects[Math.floor(rng() * subjects.length)]!;
    if (i % 5 === 4) return subject.chinese;
    const parts = subject.english.split(' ').filter((part) => part.length > 2);
    const from = Math.floor(rng() * Math.max(1, parts.length - 3));
    const asked = parts.slice(from, from + 2 + Math.floor(rng() * 3)).join(' ');
    return i % 3 === 0 ? `${asked} ${word(rng)}` : asked;
  });
}
