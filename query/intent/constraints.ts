/** Phrases that say which video rather than what is in it: season, episode, year, duration, resolution, age. English and Chinese. */

export type Constraint =
  | { kind: 'season' | 'episode' | 'year'; phrase: string; value: number }
  /** Seconds. */
  | { kind: 'duration'; phrase: string; least: number | null; most: number | null }
  /** Lines of the picture. */
  | { kind: 'resolution'; phrase: string; value: number }
  /** Not older than so many days. */
  | { kind: 'recent'; phrase: string; days: number };

export interface Parsed {
  constraints: Constraint[];
  /** The text without those phrases; years stay, for titles hold them. */
  rest: string;
}

const DIGITS: Record<string, number> = {
  零: 0,
  〇: 0,
  一: 1,
  二: 2,
  两: 2,
  三: 3,
  四: 4,
  五: 5,
  六: 6,
  七: 7,
  八: 8,
  九: 9,
};
const UNITS: Record<string, number> = { 十: 10, 百: 100, 千: 1_000 };
const NUMBER = '(\\d{1,4}|[零〇一二两三四五六七八九十百千]{1,7})';

/** 0 … 9999 from Arabic or Chinese digits (`12`, `十二`, `一百零三`, `二〇一九`); NaN for anything else. */
export function chineseNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  if (![...text].some((character) => character in UNITS)) {
    const digits = [...text].map((character) => DIGITS[character]);
    return digits.some((digit) => digit === undefined) || digits.length === 0
      ? Number.NaN
      : Number(digits.join(''));
  }
  let sum = 0;
  let digit = 0;
  for (const character of text) {
    const unit = UNITS[character];
    if (unit !== undefined) {
      sum += (digit || 1) * unit;
      digit = 0;
    } else {
      const value = DIGITS[character];
      if (value === undefined) return Number.NaN;
      digit = value;
    }
  }
  return sum + digit;
}

const EN_NUMBERS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const EN_NUMBER = `(\\d{1,4}|${EN_NUMBERS.join('|')})`;

function englishNumber(text: string): number {
  const at = EN_NUMBERS.indexOf(text.toLowerCase());
  return at >= 0 ? at + 1 : Number(text);
}

const ZH_UNIT_SECONDS: Record<string, number> = { 秒: 1, 秒钟: 1, 分: 60, 分钟: 60, 小时: 3_600 };
const UNIT = '(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)';

function unitSeconds(unit: string): number {
  const first = unit[0]!.toLowerCase();
  return first === 's' ? 1 : first === 'm' ? 60 : 3_600;
}

type Rule = { pattern: RegExp; keep?: boolean; read: (match: RegExpMatchArray) => Constraint[] };

const rules: readonly Rule[] = [
  {
    pattern: /\bs(\d{1,2})\s?e(\d{1,4})\b/gi,
    read: ([phrase, season, episode]) => [
      { kind: 'season', phrase, value: Number(season) },
      { kind: 'episode', phrase, value: Number(episode) },
    ],
  },
  {
    pattern: new RegExp(`\\bseason\\s*${EN_NUMBER}\\b`, 'gi'),
    read: ([phrase, number]) => [{ kind: 'season', phrase, value: englishNumber(number!) }],
  },
  {
    pattern: new RegExp(`\\b(?:episode|ep\\.?)\\s*${EN_NUMBER}\\b`, 'gi'),
    read: ([phrase, number]) => [{ kind: 'episode', phrase, value: englishNumber(number!) }],
  },
  {
    pattern: new RegExp(`第\\s*${NUMBER}\\s*季`, 'g'),
    read: ([phrase, number]) => [{ kind: 'season', phrase, value: chineseNumber(number!) }],
  },
  {
    pattern: new RegExp(`第\\s*${NUMBER}\\s*[集期回话]|(?<![\\d.])(\\d{1,4})\\s*集`, 'g'),
    read: ([phrase, number, digits]) => [
      { kind: 'episode', phrase, value: chineseNumber((number ?? digits)!) },
    ],
  },
  {
    pattern: new RegExp(
      `\\b(under|below|less than|shorter than|at most|up to|within|over|above|more than|longer than|at least)\\s+(\\d+(?:\\.\\d+)?)\\s*-?\\s*${UNIT}\\b(?:\\s+long)?`,
      'gi',
    ),
    read: ([phrase, how, amount, unit]) => {
      const seconds = Number(amount) * unitSeconds(unit!);
      const least = /^(over|above|more|longer|at least)/i.test(how!);
      return [{ kind: 'duration', phrase, least: least ? seconds : null, most: least ? null : seconds }];
    },
  },
  {
    pattern: new RegExp(
      `(少于|短于|不到|不超过|超过|多于|长于|大于|小于)\\s*${NUMBER}\\s*(小时|分钟|秒钟|秒|分)`,
      'g',
    ),
    read: ([phrase, how, amount, unit]) => {
      const seconds = chineseNumber(amount!) * ZH_UNIT_SECONDS[unit!]!;
      const least = /^(超过|多于|长于|大于)/.test(how!);
      return [{ kind: 'duration', phrase, least: least ? seconds : null, most: least ? null : seconds }];
    },
  },
  {
    pattern: new RegExp(`${NUMBER}\\s*(小时|分钟|秒钟|秒)\\s*(以内|之内|以下|内|以上)`, 'g'),
    read: ([phrase, amount, unit, how]) => {
      const seconds = chineseNumber(amount!) * ZH_UNIT_SECONDS[unit!]!;
      const least = how === '以上';
      return [{ kind: 'duration', phrase, least: least ? seconds : null, most: least ? null : seconds }];
    },
  },
  {
    pattern: /\b(\d{3,4})p\b|\b([248])k\b|超清|高清/gi,
    read: ([phrase, lines, thousands]) => {
      const value = lines ? Number(lines) : thousands ? { 2: 1440, 4: 2160, 8: 4320 }[thousands]! : 720;
      return [{ kind: 'resolution', phrase, value }];
    },
  },
  {
    pattern:
      /\b(?:from |in |uploaded )?(today|this week|this month|this year)\b|(今天|本周|这周|本月|今年)(?:的|上传的)?/gi,
    read: ([phrase, english, chinese]) => {
      const word = (english ?? chinese)!.toLowerCase();
      const days = /today|今天/.test(word) ? 1 : /week|周/.test(word) ? 7 : /month|月/.test(word) ? 31 : 366;
      return [{ kind: 'recent', phrase: phrase.trim(), days }];
    },
  },
  {
    pattern: /(?<![\d.])((?:19|20)\d{2})(?:\s*年)?(?![\d.]|\s*(?:p\b|集))/gi,
    keep: true,
    read: ([phrase, year]) => [{ kind: 'year', phrase: phrase.trim(), value: Number(year) }],
  },
];

/** @param text tidy and simplified */
export function parseConstraints(text: string): Parsed {
  const constraints: Constraint[] = [];
  let rest = text;
  for (const { pattern, keep, read } of rules) {
    const matches = [...rest.matchAll(pattern)];
    for (const match of matches) constraints.push(...read(match).filter(isSound));
    if (!keep && matches.length > 0) rest = rest.replace(pattern, ' ');
  }
  rest = rest.replace(/\s+/g, ' ').trim();
  // What is nothing but such a phrase is also looked for as it stands: "1917" and "24" are titles.
  return { constraints, rest: /[\p{L}\p{N}]/u.test(rest) ? rest : text };
}

function isSound(constraint: Constraint): boolean {
  if (constraint.kind === 'duration') {
    return Number.isFinite(constraint.least ?? 0) && Number.isFinite(constraint.most ?? 0);
  }
  return constraint.kind === 'recent' || (Number.isFinite(constraint.value) && constraint.value > 0);
}
