/** People, works, series, characters and publishers with all their names, and what ties them together. */
import { plain } from '../../shared/text/normalise.ts';
import { hasHan } from '../../shared/text/script.ts';
import { segmenter } from '../../shared/text/segmenter.ts';
import { editDistance, tolerance } from './edit-distance.ts';
import { blur, initials, soundKey } from './sounds.ts';
import { simplified } from './traditional.ts';

export type EntityKind = 'person' | 'character' | 'work' | 'series' | 'publisher';

export interface Entity {
  /** Unique; `gallery:<identity>` for people of the gallery, else `<kind>:<folded name>`. */
  id: string;
  kind: EntityKind;
  name: string;
  aliases: string[];
  /** Identity of the gallery. */
  identity: string | null;
}

export interface LinkedEntity {
  entity: Entity;
  /** What of the query names it. */
  mention: string;
  how: 'name' | 'alias' | 'sound' | 'spelling';
  /** 0..1: 1 for the name as it is, less for what was guessed. */
  certainty: number;
}

/** What a name is compared by: letters and digits in lower case and simplified characters, without blanks between Han. */
export function entityKey(name: string): string {
  const key = plain(simplified(name));
  return hasHan(key) ? key.replaceAll(' ', '') : key;
}

const CERTAINTY = { name: 1, alias: 0.95, sound: 0.7, spelling: 0.7 } as const;
const MOST_WORDS = 8;
const MOST_CHARACTERS = 20;
/** Characters of a Chinese name that is recognised among others by its sound. */
const LEAST_GUESSED = 3;
const PUNCTUATION = /[^\p{L}\p{N}\s·・.'’-]/u;
/** Shorter sounds are shared by too many words. */
const LEAST_SOUND = 5;

interface Named {
  entity: Entity;
  how: 'name' | 'alias';
}

export class EntityDictionary {
  readonly entities = new Map<string, Entity>();
  readonly #byKey = new Map<string, Named[]>();
  readonly #bySound = new Map<string, Set<Entity>>();
  readonly #byInitials = new Map<string, Set<Entity>>();
  /** Latin names by first letter, for spelling. */
  readonly #latin = new Map<string, { key: string; named: Named }[]>();
  readonly #related = new Map<string, Set<string>>();

  /** An entity with a known id gets the further aliases. */
  add(entity: Entity): void {
    const known = this.entities.get(entity.id);
    const names = [entity.name, ...entity.aliases];
    if (known)
      known.aliases.push(...names.filter((name) => name !== known.name && !known.aliases.includes(name)));
    else this.entities.set(entity.id, { ...entity, aliases: [...entity.aliases] });
    const kept = known ?? this.entities.get(entity.id)!;
    for (const name of names) this.#addName(kept, name);
  }

  #addName(entity: Entity, name: string): void {
    const key = entityKey(name);
    if ([...key].length < 2) return;
    const how = entityKey(entity.name) === key ? 'name' : 'alias';
    const named = this.#byKey.get(key) ?? [];
    if (named.some((each) => each.entity === entity)) return;
    named.push({ entity, how });
    this.#byKey.set(key, named);
    if (hasHan(key)) {
      addTo(this.#bySound, soundKey(key), entity);
      const letters = initials(key);
      if (letters.length >= 3) addTo(this.#byInitials, letters, entity);
    } else if (tolerance(key.length) > 0) {
      const first = key[0]!;
      const own = this.#latin.get(first) ?? [];
      own.push({ key, named: { entity, how } });
      this.#latin.set(first, own);
    }
  }

  /** Both ways: whoever is related to one is related to the other. */
  relate(a: string, b: string): void {
    if (a === b) return;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const known = this.#related.get(from);
      if (known) known.add(to);
      else this.#related.set(from, new Set([to]));
    }
  }

  /** Entities that go by this name. */
  named(name: string): Entity[] {
    return (this.#byKey.get(entityKey(name)) ?? []).map(({ entity }) => entity);
  }

  /** Names that begin with the text, or whose pinyin or initials do; for suggestions. */
  startingWith(text: string, limit: number): Entity[] {
    const key = entityKey(text);
    if (key === '') return [];
    const sound = hasHan(key) ? soundKey(key) : blur(key.replaceAll(' ', ''));
    const found = new Set<Entity>();
    for (const [name, named] of this.#byKey) {
      if (name.startsWith(key)) for (const { entity } of named) found.add(entity);
    }
    for (const [name, entities] of [...this.#bySound, ...this.#byInitials]) {
      if (name.startsWith(sound)) for (const entity of entities) found.add(entity);
    }
    return [...found].slice(0, limit);
  }

  /** Steps between entities, by breadth-first search from `from`: 0 themselves, 1 their relations, up to `most`. */
  distances(from: readonly string[], most = 2): Map<string, number> {
    const distances = new Map(from.map((id) => [id, 0]));
    let edge = [...from];
    for (let step = 1; step <= most; step++) {
      const next: string[] = [];
      for (const id of edge) {
        for (const other of this.#related.get(id) ?? []) {
          if (distances.has(other)) continue;
          distances.set(other, step);
          next.push(other);
        }
      }
      edge = next;
    }
    return distances;
  }

  /** Entities that a text names, longest names first and none inside another; what is spelt right goes before what is guessed. */
  link(text: string): LinkedEntity[] {
    const spans = mentions(text);
    const taken: [number, number][] = [];
    const linked: LinkedEntity[] = [];
    const free = ([from, to]: [number, number]) => taken.every(([a, b]) => to <= a || from >= b);
    for (const guess of [false, true]) {
      for (const { span, mention } of spans) {
        if (!free(span)) continue;
        const found = guess ? this.#guess(mention, text) : this.#exact(mention);
        if (found.length === 0) continue;
        taken.push(span);
        linked.push(...found);
      }
    }
    return linked.filter((each, i) => linked.findIndex(({ entity }) => entity === each.entity) === i);
  }

  #exact(mention: string): LinkedEntity[] {
    return (this.#byKey.get(entityKey(mention)) ?? []).map(({ entity, how }) => ({
      ...{ entity, mention, how },
      certainty: CERTAINTY[how],
    }));
  }

  #guess(mention: string, text: string): LinkedEntity[] {
    const key = entityKey(mention);
    if (hasHan(key) && !mayBeMistyped(mention, key === entityKey(text))) return [];
    const guessed = (entities: Iterable<Entity>, how: 'sound' | 'spelling', certainty: number) =>
      [...entities].map((entity) => ({ entity, mention, how, certainty }));
    const han = hasHan(key);
    const sound = han ? soundKey(key) : blur(key.replaceAll(' ', ''));
    if (sound.length >= LEAST_SOUND) {
      const alike = this.#bySound.get(sound);
      // With other characters of the same number only: a longer mention would swallow its neighbours.
      if (alike) return guessed(alike, 'sound', CERTAINTY.sound);
    }
    if (han) return [];
    const limit = tolerance(key.length);
    let best: { distance: number; named: Named } | null = null;
    for (const { key: name, named } of limit > 0 ? (this.#latin.get(key[0]!) ?? []) : []) {
      const distance = editDistance(key, name, limit);
      if (distance <= limit && distance < (best?.distance ?? limit + 1)) best = { distance, named };
    }
    if (best) return guessed([best.named.entity], 'spelling', CERTAINTY.spelling);
    return [];
  }
}

/**
 * Whether Han characters may be a name with wrong ones. Two syllables sound like something nearly everywhere, so they are taken
 * for a name only where there is nothing else; and what is made of ordinary words alone is what it says.
 */
function mayBeMistyped(mention: string, whole: boolean): boolean {
  if (PUNCTUATION.test(mention)) return false;
  const characters = [...mention];
  if (characters.length < LEAST_GUESSED && !whole) return false;
  // Without jieba's guesses at new words: those are what it makes of wrong characters.
  return segmenter()
    .cut(mention, false)
    .some((word) => [...word].length === 1);
}

function addTo(map: Map<string, Set<Entity>>, key: string, entity: Entity): void {
  const known = map.get(key);
  if (known) known.add(entity);
  else map.set(key, new Set([entity]));
}

/** Runs of words and of Han characters that could be a name, the longest first, with their places. */
function mentions(text: string): { span: [number, number]; mention: string }[] {
  const words = [...text.matchAll(/\p{Script=Han}|[\p{L}\p{N}]+(?:'[\p{L}]+)?/gu)].map((match) => ({
    from: match.index,
    to: match.index + match[0].length,
    han: hasHan(match[0]),
  }));
  const found: { span: [number, number]; mention: string }[] = [];
  for (let first = 0; first < words.length; first++) {
    const longest = words[first]!.han ? MOST_CHARACTERS : MOST_WORDS;
    for (let last = first; last < Math.min(words.length, first + longest); last++) {
      const span: [number, number] = [words[first]!.from, words[last]!.to];
      const mention = text.slice(...span);
      if ([...mention].length >= 2) found.push({ span, mention });
    }
  }
  return found.sort((a, b) => b.mention.length - a.mention.length || a.span[0] - b.span[0]);
}
