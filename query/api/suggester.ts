/** What somebody may be about to type: titles, people and series by their beginning or pinyin, and what was asked before. */
import { setImmediate } from 'node:timers/promises';
import { hasHan } from '../../shared/text/script.ts';
import type { Dictionary } from '../intent/dictionary.ts';
import { entityKey } from '../intent/entities.ts';
import { blur, initials, soundKey } from '../intent/sounds.ts';
import type { Suggestion } from './answers.ts';

/** Entities that are shown; titles have a list of their own. */
const KINDS: Partial<Record<string, Suggestion['kind']>> = {
  person: 'person',
  character: 'person',
  series: 'series',
};
/** More names than are shown, for some are of kinds that are not. */
const SOME = 50;
const MOST_RECENT = 200;
const MOST_TENANTS = 1_000;
/** Titles that are made ready in one turn of the event loop; reading Chinese aloud takes some microseconds a character. */
const AT_ONCE = 200;

export interface SuggesterOptions {
  /** Null before the first generation. */
  dictionary: (tenant: string) => Promise<Dictionary | null>;
}

/** A text with all that its beginning is compared by. */
interface Prepared {
  text: string;
  key: string;
  /** Pinyin and initials; empty without Chinese characters. */
  sounds: string[];
}

export class Suggester {
  readonly #options: SuggesterOptions;
  /** By tenant, the latest last. In memory only, and bounded. */
  readonly #recent = new Map<string, Map<string, Prepared>>();
  readonly #titles = new WeakMap<Dictionary, Promise<Prepared[]>>();

  constructor(options: SuggesterOptions) {
    this.#options = options;
  }

  /** Remembers a question that found something. */
  remember(tenant: string, text: string): void {
    const asked = prepare(text);
    if (asked.key === '') return;
    const own = this.#recent.get(tenant) ?? new Map<string, Prepared>();
    own.delete(asked.key);
    own.set(asked.key, asked);
    dropOldest(own, MOST_RECENT);
    this.#recent.delete(tenant);
    this.#recent.set(tenant, own);
    dropOldest(this.#recent, MOST_TENANTS);
  }

  /** @param text empty: what was asked last */
  async suggest(tenant: string, text: string, limit: number): Promise<Suggestion[]> {
    const found = new Map<string, Suggestion>();
    const add = (each: string, kind: Suggestion['kind']) => {
      const key = entityKey(each);
      if (key !== '' && found.size < limit && !found.has(key)) found.set(key, { text: each, kind });
    };
    const begins = beginningWith(text);
    const recent = [...(this.#recent.get(tenant)?.values() ?? [])].reverse().filter(begins);
    // Half of the places at most, where others may want them.
    for (const asked of text === '' ? recent : recent.slice(0, Math.ceil(limit / 2)))
      add(asked.text, 'recent');
    const dictionary = text === '' ? null : await this.#options.dictionary(tenant);
    if (!dictionary) return [...found.values()];
    for (const { name, kind } of dictionary.entities.startingWith(text, SOME)) {
      const shown = KINDS[kind];
      if (shown) add(name, shown);
    }
    for (const title of (await this.#titlesOf(dictionary)).filter(begins)) add(title.text, 'title');
    for (const query of dictionary.clicks.keys()) {
      if (found.size >= limit) break;
      if (begins(prepare(query))) add(query, 'query');
    }
    for (const asked of recent) add(asked.text, 'recent');
    return [...found.values()];
  }

  #titlesOf(dictionary: Dictionary): Promise<Prepared[]> {
    const known = this.#titles.get(dictionary) ?? prepareAll(dictionary.titles);
    this.#titles.set(dictionary, known);
    return known;
  }
}

function prepare(text: string): Prepared {
  const key = entityKey(text);
  return { text, key, sounds: hasHan(key) ? [soundKey(key), initials(key)] : [] };
}

async function prepareAll(texts: readonly string[]): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (const [i, text] of texts.entries()) {
    if (i > 0 && i % AT_ONCE === 0) await setImmediate();
    prepared.push(prepare(text));
  }
  return prepared;
}

/** Whether a text, one of its words, or how it sounds begins with what was typed. */
function beginningWith(typed: string): (text: Prepared) => boolean {
  const key = entityKey(typed);
  const sound = hasHan(key) ? soundKey(key) : blur(key.replaceAll(' ', ''));
  return ({ key: own, sounds }) =>
    own.startsWith(key) || own.includes(` ${key}`) || sounds.some((each) => each.startsWith(sound));
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
