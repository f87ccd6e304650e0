/** Numbers, times and names as people read them. Pure. */

/** A place in a video: 0:04, 12:30, 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Share of one as a percentage without decimals. */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

export function decimal(value: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 2 }).format(value);
}

/** @param iso a moment in ISO 8601; null where it is none */
export function day(iso: string | null, language: string): string | null {
  const time = iso === null ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(time)) return null;
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(time);
}

/** Name of a language tag in a language; the tag itself where it is none. */
export function languageName(tag: string, language: string): string {
  try {
    return new Intl.DisplayNames([language], { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

export interface Piece {
  text: string;
  marked: boolean;
}

/** A text in pieces, those between `from` and `to` (UTF-16 units) marked. Places out of order or range are passed over. */
export function pieces(text: string, places: readonly { from: number; to: number }[]): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const { from, to } of places) {
    if (from < at || to <= from || to > text.length) continue;
    if (from > at) found.push({ text: text.slice(at, from), marked: false });
    found.push({ text: text.slice(from, to), marked: true });
    at = to;
  }
  if (at < text.length) found.push({ text: text.slice(at), marked: false });
  return found;
}
