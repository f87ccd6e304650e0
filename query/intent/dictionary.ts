/** What the index knows by name: entities, words and queries that led somewhere, learnt from the videos' payloads and kept for a while. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { formatZodError } from '../../shared/contracts/zod.ts';
import type { IdentityStore } from '../../shared/ports/identity-store.ts';
import type { Payload, VideoIndex } from '../../shared/ports/video-index.ts';
import { fold } from '../../shared/text/normalise.ts';
import { hasHan, scriptRuns } from '../../shared/text/script.ts';
import { segmenter } from '../../shared/text/segmenter.ts';
import { contentClicks, listOf, stringOf, stringsOf } from '../payload.ts';
import { EntityDictionary, type EntityKind, entityKey } from './entities.ts';
import { NearWords } from './near-words.ts';
import { soundKey } from './sounds.ts';
import { simplified } from './traditional.ts';

/** Videos that viewers reached by a query. */
export type ClickGraph = ReadonlyMap<
  string,
  readonly { video: string; clicks: number; impressions: number }[]
>;

export interface Dictionary {
  entities: EntityDictionary;
  /** Latin words of titles, names, tags, keywords and labels. */
  words: NearWords;
  /** Chinese words of the same, by how they sound. */
  bySound: ReadonlyMap<string, ReadonlySet<string>>;
  clicks: ClickGraph;
  /** Of all videos, each once; for suggestions. */
  titles: readonly string[];
}

export const EntityFile = z.array(
  z.strictObject({
    name: z.string().min(1),
    kind: z.enum(['person', 'character', 'work', 'series', 'publisher']),
    aliases: z.array(z.string().min(1)).default([]),
    /** Names of other entities: roles, films, members. */
    related: z.array(z.string().min(1)).default([]),
  }),
);

/** What two spellings of one query have in common. */
export function queryKey(text: string): string {
  return entityKey(text);
}

export function entityId(kind: EntityKind, name: string): string {
  return `${kind}:${entityKey(name)}`;
}

/** Of a video's payload; the rest of it is much larger. */
const LEARNT_FIELDS = [
  ...['video', 'title', 'series', 'cast', 'people', 'names', 'channelName'],
  ...['tags', 'keywords', 'labels', 'queries'],
];

/** Pure: the same payloads give the same dictionary. */
export function buildDictionary(
  videos: readonly Payload[],
  people: readonly { id: string; name: string | null; aliases: readonly string[] }[],
  file: z.infer<typeof EntityFile> = [],
): Dictionary {
  const entities = new EntityDictionary();
  const counts = new Map<string, number>();
  const bySound = new Map<string, Set<string>>();
  const clicks = new Map<string, { video: string; clicks: number; impressions: number }[]>();
  const byIdentity = new Map<string, string>();
  for (const { id, name, aliases } of people) {
    if (name === null) continue;
    entities.add({ id: `gallery:${id}`, kind: 'person', name, aliases: [...aliases], identity: id });
    byIdentity.set(id, `gallery:${id}`);
  }
  /** A person of the gallery keeps that id, so that a name in the credits and a face are one. */
  const person = (name: string) =>
    entities.named(name).find(({ kind }) => kind === 'person')?.id ?? entityId('person', name);
  const add = (kind: EntityKind, name: string, aliases: string[] = []): string => {
    const id = kind === 'person' ? person(name) : entityId(kind, name);
    entities.add({ id, kind, name, aliases, identity: null });
    return id;
  };
  for (const payload of videos) {
    const title = stringOf(payload.title);
    const series = stringOf(payload.series);
    const work = series ? add('series', series) : title ? add('work', title) : null;
    const members = listOf(payload.cast).flatMap(({ name, character }) => {
      if (typeof name !== 'string' || name === '') return [];
      const actor = add('person', name);
      if (typeof character !== 'string' || character === '') return [actor];
      const role = add('character', character);
      entities.relate(actor, role);
      return [actor, role];
    });
    members.push(...stringsOf(payload.people).flatMap((id) => byIdentity.get(id) ?? []));
    if (work) for (const member of members) entities.relate(work, member);
    const publisher = stringOf(payload.channelName);
    if (publisher) add('publisher', publisher);
    const texts = [title, series, ...stringsOf(payload.tags), ...stringsOf(payload.names)];
    for (const text of [...texts, ...stringsOf(payload.keywords), ...stringsOf(payload.labels)]) {
      learn(text, counts, bySound);
    }
    for (const counts of listOf(payload.queries)) {
      const { query, impressions } = counts;
      const clicked = contentClicks(counts);
      if (typeof query !== 'string' || clicked === 0) continue;
      const key = queryKey(query);
      const known = clicks.get(key) ?? [];
      const shown = typeof impressions === 'number' ? impressions : clicked;
      known.push({ video: stringOf(payload.video), clicks: clicked, impressions: shown });
      clicks.set(key, known);
    }
  }
  for (const { name, kind, aliases } of file) add(kind, name, aliases);
  for (const { name, kind, related } of file) {
    const own = kind === 'person' ? person(name) : entityId(kind, name);
    for (const other of related) for (const { id } of entities.named(other)) entities.relate(own, id);
  }
  const titles = [...new Set(videos.map(({ title }) => stringOf(title)).filter(Boolean))];
  return { entities, words: new NearWords(counts), bySound, clicks, titles };
}

function learn(text: string, counts: Map<string, number>, bySound: Map<string, Set<string>>): void {
  for (const { script, text: run } of scriptRuns(fold(simplified(text)))) {
    if (script === 'latin' && run.length > 3) counts.set(run, (counts.get(run) ?? 0) + 1);
    if (script !== 'han') continue;
    for (const word of segmenter().cutForSearch(run, true)) {
      if ([...word].length < 2 || !hasHan(word)) continue;
      const key = soundKey(word);
      const known = bySound.get(key);
      if (known) known.add(word);
      else bySound.set(key, new Set([word]));
    }
  }
}

export interface DictionarySource {
  index: VideoIndex;
  identities: Pick<IdentityStore, 'list'> | null;
}

export interface DictionaryOptions {
  /** JSON file of {@link EntityFile}; empty: none. */
  entityFile: string;
  dictionaryVideos: number;
  dictionarySeconds: number;
  now?: () => number;
}

/** @throws CinedexError CONFIG_INVALID naming what is wrong in the file */
async function readEntityFile(file: string): Promise<z.infer<typeof EntityFile>> {
  if (!file) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new CinedexError('CONFIG_INVALID', `The entity file ${file} cannot be read as JSON.`, { cause });
  }
  const checked = EntityFile.safeParse(parsed);
  if (!checked.success) throw new CinedexError('CONFIG_INVALID', `${file}: ${formatZodError(checked.error)}`);
  return checked.data;
}

interface Kept {
  generation: string;
  madeAt: number;
  dictionary: Promise<Dictionary>;
}

/** Dictionaries of tenants, renewed beside the searches. The gallery is read each time, for it is small and a name given now must be found now. */
export class Dictionaries {
  readonly #source: DictionarySource;
  readonly #options: DictionaryOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(source: DictionarySource, options: DictionaryOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** @param people of the gallery, as {@link IdentityStore.list} gave them */
  async of(
    tenant: string,
    generation: string,
    people: Parameters<typeof buildDictionary>[1],
  ): Promise<Dictionary> {
    const now = (this.#options.now ?? Date.now)();
    const names = people.map(({ id, name, aliases }) => [id, name, aliases]);
    const key = `${tenant}\n${JSON.stringify(names)}`;
    const known = this.#kept.get(tenant);
    const keyed = `${generation}\n${key}`;
    if (known?.generation === keyed) {
      if (now - known.madeAt >= this.#options.dictionarySeconds * 1_000) {
        known.madeAt = now;
        // What is known serves meanwhile: reading a large library takes seconds, and no search is to wait for them.
        this.#make(tenant, generation, people).then(
          (renewed) => {
            known.dictionary = Promise.resolve(renewed);
          },
          // The old one goes on serving; a store that is away is told by the searches themselves.
          () => undefined,
        );
      }
      return known.dictionary;
    }
    const made = this.#make(tenant, generation, people);
    const entry: Kept = { generation: keyed, madeAt: now, dictionary: made };
    this.#kept.set(tenant, entry);
    made.catch(() => {
      // The caller sees the error; only the next search tries again.
      if (this.#kept.get(tenant) === entry) this.#kept.delete(tenant);
    });
    return made;
  }

  async #make(
    tenant: string,
    generation: string,
    people: Parameters<typeof buildDictionary>[1],
  ): Promise<Dictionary> {
    const { dictionaryVideos: limit, entityFile } = this.#options;
    const [file, hits] = await Promise.all([
      readEntityFile(entityFile),
      limit === 0
        ? [[]]
        : this.#source.index.query(generation, 'videos', [
            { kind: 'scan', limit, filter: [{ field: 'tenant', equals: tenant }], fields: LEARNT_FIELDS },
          ]),
    ]);
    return buildDictionary(
      (hits[0] ?? []).map(({ payload }) => payload),
      people,
      file,
    );
  }
}
