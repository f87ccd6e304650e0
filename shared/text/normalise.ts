/** One spelling for texts that mean the same: width, case, accents, invisible characters. */

const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]/g;
const APOSTROPHES = /[\u2018\u2019\u201b\u02bc\u0060]/g;
/** An accent with no letter under it is an apostrophe that somebody typed; NFKC would make a blank and an accent of it. */
const LONE_ACUTE = /\u00b4/g;
const COMBINING = /[\u0300-\u036f]/g;

/**
 * Text for showing and storing: Unicode NFKC (full-width letters become half-width), no invisible characters, single
 * blanks. Case and accents stay.
 */
export function tidy(text: string): string {
  // Invisible characters first: without them, accents may stand side by side that have an order.
  return text.replace(INVISIBLE, '').replace(LONE_ACUTE, "'").normalize('NFKC').replace(/\s+/g, ' ').trim();
}

/**
 * Text for comparing: {@link tidy}, then lower case, Latin letters without accents, one kind of apostrophe. Idempotent.
 */
export function fold(text: string): string {
  const letters = tidy(text).toLowerCase().replace(APOSTROPHES, "'").normalize('NFD').replace(COMBINING, '');
  // Again: what NFKC made of a lone accent leaves a blank behind.
  return tidy(letters).toLowerCase();
}

/** Only letters and digits of the folded text, with single blanks between words: for finding a phrase in a text. */
export function plain(text: string): string {
  return fold(text)
    .replace(/'s\b/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/**
 * Whether `phrase` stands in `text`, whatever their punctuation, width and case. Words are matched whole in scripts with
 * blanks between words; Chinese is matched anywhere, since blanks mean nothing in it.
 */
export function containsPhrase(text: string, phrase: string): boolean {
  const wanted = plain(phrase);
  if (!wanted) return false;
  if (/\p{Script=Han}/u.test(wanted)) return squeeze(plain(text)).includes(squeeze(wanted));
  return ` ${plain(text)} `.includes(` ${wanted} `);
}

function squeeze(text: string): string {
  return text.replaceAll(' ', '');
}
