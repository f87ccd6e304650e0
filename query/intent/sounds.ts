/** How Chinese sounds: keys that are equal for texts which are typed alike. Readings by pinyin-pro (MIT). */
import { pinyin } from 'pinyin-pro';
import { hasHan } from '../../shared/text/script.ts';

/**
 * Syllables without tones, run together; differences that many speakers do not hear are dropped (zh/z, ch/c, sh/s, ng/n,
 * l/n at the start is kept: it changes too many names). Latin letters and digits stay as they are.
 */
export function soundKey(text: string): string {
  return syllables(text).map(blur).join('');
}

/** Syllables of a text: pinyin for each Han character, other runs as they are. */
export function syllables(text: string): string[] {
  if (!hasHan(text)) return text.split(/[\s']+/).filter(Boolean);
  return pinyin(text, { toneType: 'none', type: 'array', v: true, nonZh: 'consecutive' }).filter(
    (syllable) => syllable.trim() !== '',
  );
}

const BLURRED: readonly [RegExp, string][] = [
  [/zh/g, 'z'],
  [/ch/g, 'c'],
  [/sh/g, 's'],
  [/ng/g, 'n'],
  [/ü|v/g, 'u'],
];

/** The same blur for pinyin that somebody typed. */
export function blur(letters: string): string {
  return BLURRED.reduce((text, [from, to]) => text.replace(from, to), letters.toLowerCase());
}

/** First letters of the syllables (`ldh` for 刘德华), as input methods take them; empty without Han characters. */
export function initials(text: string): string {
  return hasHan(text)
    ? syllables(text)
        .map((syllable) => syllable[0] ?? '')
        .join('')
        .toLowerCase()
    : '';
}
