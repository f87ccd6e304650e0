/** Where in a text the words of a query stand. */
import { analyse } from '../../shared/text/analyse.ts';
import { hasHan } from '../../shared/text/script.ts';
import type { Intent } from '../intent/intent.ts';
import { simplified } from '../intent/traditional.ts';

/** From and to (exclusive), in UTF-16 units of the text. */
export interface Highlight {
  from: number;
  to: number;
}

/** Places of the query's words, in their order; neighbours with only blanks between them are one. */
export function highlight({ words }: Pick<Intent, 'words'>, text: string): Highlight[] {
  const wanted = new Set(words.flatMap(({ token, instead }) => [token, ...instead]));
  const found: Highlight[] = [];
  for (const match of text.matchAll(/[\p{L}\p{N}]+(?:['’]\p{L}+)*/gu)) {
    const { index: from } = match;
    const [word] = match;
    if (hasHan(word)) found.push(...inHan(wanted, word, from));
    else if (analyse(word, 'words').some((token) => wanted.has(token)))
      found.push({ from, to: from + word.length });
  }
  const joined: Highlight[] = [];
  for (const each of found.sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && (each.from <= last.to || text.slice(last.to, each.from).trim() === '')) {
      last.to = Math.max(last.to, each.to);
    } else joined.push({ ...each });
  }
  return joined;
}

/** Chinese words run together, so every occurrence of a wanted one counts. */
function inHan(wanted: ReadonlySet<string>, text: string, offset: number): Highlight[] {
  // Simplified characters stand one for one where lengths agree; where they do not, the text is taken as it is.
  const plain = simplified(text);
  const searched = plain.length === text.length ? plain : text;
  return [...wanted].flatMap((token) => {
    const places: Highlight[] = [];
    for (let at = searched.indexOf(token); token && at >= 0; at = searched.indexOf(token, at + 1)) {
      places.push({ from: offset + at, to: offset + at + token.length });
    }
    return places;
  });
}
