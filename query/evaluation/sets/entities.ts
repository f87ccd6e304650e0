/** Films with their other titles and their cast, and the ways in which people mistype them: does a question lead to the film, or to the person? */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Converter } from 'opencc-js/cn2t';
import { z } from 'zod';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { formatZodError } from '../../../shared/contracts/zod.ts';
import { hasHan } from '../../../shared/text/script.ts';
import type { EntityFile } from '../../intent/dictionary.ts';
import { entityKey } from '../../intent/entities.ts';
import { syllables } from '../../intent/sounds.ts';
import { foldOf } from '../../relevance/train.ts';
import { sha256 } from '../labelled-set.ts';

const Work = z.object({
  title: z.string(),
  aliases: z.array(z.string()).default([]),
  actors: z.array(z.string()).default([]),
});

/** How a question names an entity. All but the first two are made by rule from names that people use. */
export type Variant = 'name' | 'alias' | 'traditional' | 'pinyin' | 'wrong character' | 'keystroke';

export interface MentionQuestion {
  text: string;
  variant: Variant;
  /** What is named, as the dictionary calls it. */
  name: string;
  kind: 'work' | 'person';
}

export interface EntitySet {
  name: string;
  checksum: string;
  entities: z.infer<typeof EntityFile>;
  questions: MentionQuestion[];
  /** Questions about something else; whatever is linked in them is linked wrongly. */
  strangers: string[];
}

const OF_EACH = 200;
const STRANGERS = 500;
/** A name of two characters in a row of others is often just a word. */
const LEAST_CHARACTERS = 3;
const LEAST_LETTERS = 6;
/** What a name is part of. Chosen by the name, so that each variant of it stands in the same question. */
const AROUND_HAN = ['{}', '{}的精彩片段', '我想看{}', '{}高清', '有没有{}'];
const AROUND_LATIN = ['{}', '{} trailer', 'watch {}', 'scenes from {}', '{} full movie'];

/** @throws CinedexError NOT_FOUND without the files, USAGE for another form */
export async function readEntities(folder: string): Promise<EntitySet> {
  const file = path.join(folder, 'text', 'kg_douban_movies.jsonl');
  const works = (await readText(file))
    .split('\n')
    .filter(Boolean)
    .map((line, i) => {
      const checked = Work.safeParse(JSON.parse(line));
      if (checked.success) return checked.data;
      throw new CinedexError('USAGE', `${file}, line ${i + 1}: ${formatZodError(checked.error)}`);
    });
  const pairs = await readText(path.join(folder, 'text', 'zh_pairs', 'AFQMC.txt'));
  const strangers = [...new Set(pairs.split('\n').flatMap((line) => line.split('\t')[0] || []))];
  const entities = dictionaryOf(works);
  const questions = questionsOf(entities);
  const chosen = chooseFrom(strangers, STRANGERS, (text) => text);
  return {
    ...{ name: 'entities', entities, questions, strangers: chosen },
    checksum: sha256(JSON.stringify(questions), JSON.stringify(chosen)),
  };
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CinedexError('NOT_FOUND', `There is no file ${file}.`, { cause });
  });
}

function dictionaryOf(works: readonly z.infer<typeof Work>[]): EntitySet['entities'] {
  const films = works.map(({ title, aliases, actors }) => ({
    ...{ name: title, kind: 'work' as const },
    // `…(台)` says where the film has that title.
    aliases: aliases.map((alias) => alias.replace(/\s*[（(][^（）()]*[)）]\s*$/, '')).filter(Boolean),
    related: actors.filter(Boolean),
  }));
  const people = [...new Set(works.flatMap(({ actors }) => actors))].filter(Boolean);
  return [...people.map((name) => ({ name, kind: 'person' as const, aliases: [], related: [] })), ...films];
}

/** The first so many in an order that does not depend on what else there is. */
function chooseFrom<T>(items: readonly T[], count: number, nameOf: (item: T) => string): T[] {
  return [...items].sort((a, b) => foldOf(nameOf(a), 1e9) - foldOf(nameOf(b), 1e9)).slice(0, count);
}

function longEnough(name: string): boolean {
  const key = entityKey(name);
  return hasHan(key)
    ? /^\p{Script=Han}+$/u.test(key) && [...key].length >= LEAST_CHARACTERS
    : key.length >= LEAST_LETTERS;
}

function questionsOf(entities: EntitySet['entities']): MentionQuestion[] {
  const known = new Set(entities.flatMap(({ name, aliases }) => [name, ...aliases]).map(entityKey));
  const sounds = charactersBySound(entities.map(({ name }) => name));
  const traditional = Converter({ from: 'cn', to: 't' });
  const makers: Record<Variant, (name: string, aliases: readonly string[]) => string | undefined> = {
    name: (name) => name,
    alias: (name, aliases) => aliases.find((each) => entityKey(each) !== entityKey(name) && longEnough(each)),
    traditional: (name) => differing(name, traditional(name)),
    pinyin: (name) => (hasHan(name) ? syllables(entityKey(name)).join('') : undefined),
    'wrong character': (name) => wrongCharacter(name, sounds),
    keystroke: (name) => swapped(name),
  };
  return (Object.keys(makers) as Variant[]).flatMap((variant) => {
    const made = entities
      .filter(({ name }) => longEnough(name))
      .flatMap(({ name, kind, aliases }): MentionQuestion[] => {
        if (kind !== 'work' && kind !== 'person') return [];
        const mention = makers[variant](name, aliases);
        const right = variant === 'name' || variant === 'alias' || variant === 'traditional';
        // A slip that is another one's name is no slip.
        if (!mention || (!right && known.has(entityKey(mention)))) return [];
        const around = hasHan(mention) ? AROUND_HAN : AROUND_LATIN;
        const text = around[foldOf(name, around.length)]!.replace('{}', mention);
        return [{ text, variant, name, kind }];
      });
    return chooseFrom(made, OF_EACH, ({ name }) => name);
  });
}

function differing(name: string, other: string): string | undefined {
  return other === name ? undefined : other;
}

function charactersBySound(names: readonly string[]): Map<string, Set<string>> {
  const bySound = new Map<string, Set<string>>();
  for (const character of new Set(names.flatMap((name) => [...name]))) {
    if (!hasHan(character)) continue;
    const sound = syllables(character)[0]!;
    const known = bySound.get(sound);
    if (known) known.add(character);
    else bySound.set(sound, new Set([character]));
  }
  return bySound;
}

/** One character replaced by another that is typed alike. */
function wrongCharacter(name: string, bySound: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  const characters = [...name];
  if (!characters.every(hasHan)) return undefined;
  const at = foldOf(name, characters.length);
  const others = [...(bySound.get(syllables(characters[at]!)[0]!) ?? [])].filter(
    (other) => other !== characters[at],
  );
  if (others.length === 0) return undefined;
  characters[at] = others[foldOf(name, others.length)]!;
  return characters.join('');
}

/** Two neighbouring letters in the wrong order, the first letter being right. */
function swapped(name: string): string | undefined {
  if (hasHan(name)) return undefined;
  const places = [...name.matchAll(/(?<=\p{L})\p{L}(?=\p{L})/gu)]
    .map(({ index }) => index)
    .filter((index) => name[index]!.toLowerCase() !== name[index + 1]!.toLowerCase());
  if (places.length === 0) return undefined;
  const at = places[foldOf(name, places.length)]!;
  return name.slice(0, at) + name[at + 1]! + name[at]! + name.slice(at + 2);
}
