/** What somebody may be about to type: titles, people and series by their beginning or pinyin, and what was asked before. */
import { hasHan } from '../../shared/text/script.ts';
import type { Dictionary } from '../intent/dictionary.ts';
import { entityKey } from '../intent/entities.ts';
import { blur, initials, soundKey } from '../intent/sounds.ts';
import type { Suggestion } from './answers.ts';

const KINDS: Partial<Record<string, Suggestion['kind']>> = {
  person: 'person',
  character: 'person',
  series: 'series',
  work: 'title',
};
/** More names than are shown, for some are of kinds that are not. */
const SOME = 50;
const MOST_RECENT = 200;
const MOST_TENANTS = 1_000;

export interface SuggesterOptions {
  /** Null before the first generation. */
  dictionary: (tenant: string) => Promise<Dictionary | null>;
}

export class Suggester {
  readonly #options: SuggesterOptions;
  /** By tenant, the latest last. In memory only, and bounded. */
  readonly #recent = new Map<string, Map<string, string>>();

  constructor(options: SuggesterOptions) {
    this.#options = options;
  }

  /** Remembers a question that found something. */
  remember(tenant: string, text: string): void {
    const own = this.#recent.get(tenant) ?? new Map<string, string>();
    const key = entityKey(text);
    if (key === '') return;
    own.delete(key);
    own.set(key, text);
    dropOldest(own, MOST_RECENT);
    this.#recent.delete(tenant);
    this.#recent.set(tenant, own);
    dropOldest(this.#recent, MOST_TENANTS);
  }

  /** @param text empty: what was asked last */
  async suggest(tenant: string, text: string, limit: number): Promise<Suggestion[]> {
    const found = new Map<string, Suggestion>();
    const add = (suggestion: Suggestion) => {
      const key = entityKey(suggestion.text);
      if (key !== '' && !found.has(key)) found.set(key, suggestion);
    };
    const recent = [...(this.#recent.get(tenant)?.values() ?? [])].reverse();
    for (const asked of recent) {
      if (found.size >= Math.ceil(limit / 2) && text !== '') break;
      if (begins(asked, text)) add({ text: asked, kind: 'recent' });
    }
    const dictionary = text === '' ? null : await this.#options.dictionary(tenant);
    if (dictionary) {
      for (const { name, kind } of dictionary.entities.startingWith(text, SOME)) {
        const shown = KINDS[kind];
        if (shown) add({ text: name, kind: shown });
      }
      for (const query of dictionary.clicks.keys()) {
        if (found.size >= limit) break;
        if (begins(query, text)) add({ text: query, kind: 'query' });
      }
    }
    return [...found.values()].slice(0, limit);
  }
}

/** Whether a text, or how it sounds, begins with what was typed. */
function begins(text: string, typed: string): boolean {
  const wanted = entityKey(typed);
  const key = entityKey(text);
  if (key.startsWith(wanted)) return true;
  if (!hasHan(key)) return false;
  const sound = hasHan(wanted) ? soundKey(wanted) : blur(wanted.replaceAll(' ', ''));
  return soundKey(key).startsWith(sound) || initials(key).startsWith(sound);
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
