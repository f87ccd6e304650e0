/**
 * The vector store on Qdrant: a collection for each of ours and generation, an alias for the active generation's.
 *
 * Vectors compared by cosine come back at unit length: Qdrant normalises them when it stores them.
 * A write is answered when it is in the log of the server and every query sees it (`wait`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Schemas } from '@qdrant/js-client-rest';
import { CinedexError } from '../../contracts/errors.ts';
import type {
  CollectionName,
  CollectionSchema,
  Filter,
  Hit,
  Point,
  Query,
  VideoIndex,
} from '../../ports/video-index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import {
  checkCollection,
  createRequest,
  type Layout,
  Names,
  payloadIndexes,
  storedLayout,
} from './qdrant-collections.ts';
import {
  hitPayload,
  isPointId,
  NOTHING,
  toFilter,
  toHit,
  toPoint,
  toQdrantPoint,
  toQueryRequest,
  toScore,
} from './qdrant-points.ts';
import { connect, type QdrantConfig, type Requests } from './qdrant-requests.ts';

/** Points of one write. The server refuses bodies above 32 MB. */
const BATCH_POINTS = 256;
/** Numbers of one write: some 20 letters each, so at most 20 MB. */
const BATCH_NUMBERS = 1_000_000;
/** Points of one page of a scan, or of one `get`. */
const PAGE = 1_000;
/** How long `optimize` waits for the server's own optimisers before it leaves them to go on by themselves. */
const OPTIMIZE_LIMIT_MS = 60_000;

export interface QdrantOptions {
  logger?: Logger;
}

/** One collection's snapshot, kept on the server (`/collections/<collection>/snapshots/<name>` downloads it). */
export interface Snapshot {
  collection: string;
  name: string;
  bytes: number;
  checksum: string | null;
}

export class QdrantVideoIndex implements VideoIndex {
  readonly #requests: Requests;
  readonly #config: QdrantConfig;
  readonly #names: Names;
  /** By name in Qdrant. What fails to be read is asked for again. */
  readonly #layouts = new Map<string, Promise<Layout>>();

  private constructor(requests: Requests, config: QdrantConfig) {
    this.#requests = requests;
    this.#config = config;
    this.#names = new Names(config.prefix);
  }

  /** @throws CinedexError STORE_UNAVAILABLE, CONFIG_INVALID (key refused), DEPENDENCY_MISSING (server too old) */
  static async open(config: QdrantConfig, { logger }: QdrantOptions = {}): Promise<QdrantVideoIndex> {
    return new QdrantVideoIndex(await connect(config, logger), config);
  }

  async ensureGeneration(generation: string, collections: CollectionSchema[]): Promise<void> {
    const names = collections.map(({ name }) => this.#names.collection(generation, name));
    const there = await this.#collections();
    for (const [i, schema] of collections.entries()) {
      const name = names[i]!;
      if (!there.includes(name)) await this.#create(name, schema);
      const info = await this.#info(name);
      const layout = storedLayout(name, info);
      const missing = checkCollection(name, info, schema);
      for (const index of payloadIndexes(schema, this.#config)) {
        if (!missing.has(index.field_name)) continue;
        await this.#requests.ask(`index ${index.field_name} of ${name}`, (client) =>
          client.createPayloadIndex(name, { ...index, wait: true }),
        );
      }
      this.#layouts.set(name, Promise.resolve({ ...layout, schema }));
    }
  }

  async generations(): Promise<string[]> {
    const names = (await this.#collections()).flatMap((name) => this.#names.parse(name)?.generation ?? []);
    return [...new Set(names)].sort();
  }

  async active(): Promise<string | null> {
    const { aliases } = await this.#requests.ask('list its aliases', (client) => client.getAliases());
    for (const { alias_name, collection_name } of aliases) {
      const target = this.#names.parse(collection_name);
      if (target && alias_name === this.#names.alias(target.collection)) return target.generation;
    }
    return null;
  }

  async activate(generation: string): Promise<void> {
    const members = await this.#members(generation);
    if (members.length === 0) {
      throw new CinedexError('NOT_FOUND', `There is no generation "${generation}".`);
    }
    const { aliases } = await this.#requests.ask('list its aliases', (client) => client.getAliases());
    const wanted = new Map(
      members.map((name) => [this.#names.alias(this.#names.parse(name)!.collection), name]),
    );
    // A collection that the new generation lacks must not stay behind, pointing into the old one.
    const stale = aliases.filter(({ alias_name, collection_name }) => {
      const target = this.#names.parse(collection_name);
      return target && alias_name === this.#names.alias(target.collection) && !wanted.has(alias_name);
    });
    await this.#requests.ask(`switch to ${generation}`, (client) =>
      client.updateCollectionAliases({
        actions: [
          ...stale.map(({ alias_name }) => ({ delete_alias: { alias_name } })),
          ...[...wanted].map(([alias_name, collection_name]) => ({
            create_alias: { alias_name, collection_name },
          })),
        ],
      }),
    );
  }

  async dropGeneration(generation: string): Promise<void> {
    for (const name of await this.#members(generation)) {
      this.#layouts.delete(name);
      // Its alias goes with it.
      await this.#requests.ask(`drop ${name}`, (client) => client.deleteCollection(name));
    }
  }

  async upsert(generation: string, collection: CollectionName, points: Point[]): Promise<void> {
    if (points.length === 0) return;
    const { name, layout } = await this.#opened(generation, collection);
    const distinct = new Map(points.map((point) => [point.id.toLowerCase(), point]));
    // All are checked before the first is written.
    const converted = [...distinct.values()].map((point) => toQdrantPoint(point, layout));
    for (const batch of batches(converted)) {
      await this.#write(`write ${batch.length} points to ${name}`, name, (client) =>
        client.upsert(name, { points: batch, wait: true }),
      );
    }
  }

  async delete(generation: string, collection: CollectionName, filter: Filter): Promise<void> {
    const { name, layout } = await this.#opened(generation, collection);
    const condition = toFilter(filter, layout.schema);
    if (condition === NOTHING) return;
    await this.#write(`delete from ${name}`, name, (client) =>
      client.delete(name, { filter: condition, wait: true }),
    );
  }

  async count(generation: string, collection: CollectionName, filter: Filter = []): Promise<number> {
    const { name, layout } = await this.#opened(generation, collection);
    const condition = toFilter(filter, layout.schema);
    if (condition === NOTHING) return 0;
    const { count } = await this.#read(`count ${name}`, name, (client) =>
      client.count(name, { filter: condition, exact: true }),
    );
    return count;
  }

  async get(generation: string, collection: CollectionName, ids: string[]): Promise<Point[]> {
    const { name, layout } = await this.#opened(generation, collection);
    const points: Point[] = [];
    // Another id is no point's.
    const possible = [...new Set(ids.filter(isPointId))];
    for (let from = 0; from < possible.length; from += PAGE) {
      const records = await this.#read(`read points of ${name}`, name, (client) =>
        client.retrieve(name, {
          ids: possible.slice(from, from + PAGE),
          with_payload: true,
          with_vector: denseNames(layout.schema),
        }),
      );
      points.push(...records.map((record) => toPoint(record, layout.schema)));
    }
    return points;
  }

  async query(generation: string, collection: CollectionName, queries: Query[]): Promise<Hit[][]> {
    const { name, layout } = await this.#opened(generation, collection);
    const { schema } = layout;
    const answers: Hit[][] = queries.map(() => []);
    const searches: { at: number; request: Schemas['QueryRequest'] }[] = [];
    const scans: { at: number; query: Extract<Query, { kind: 'scan' }> }[] = [];
    for (const [at, query] of queries.entries()) {
      if (query.kind === 'scan') {
        scans.push({ at, query });
        continue;
      }
      const request = toQueryRequest(query, schema);
      if (request !== NOTHING) searches.push({ at, request });
    }
    const search = async () => {
      if (searches.length === 0) return;
      const found = await this.#read(`search ${name}`, name, (client) =>
        client.queryBatch(name, { searches: searches.map(({ request }) => request) }),
      );
      for (const [i, { at }] of searches.entries()) {
        answers[at] = (found[i]?.points ?? []).map((point) =>
          toHit(point, toScore(point.score, queries[at]!, schema)),
        );
      }
    };
    const scanAll = scans.map(async ({ at, query }) => {
      answers[at] = await this.#scan(name, query, schema);
    });
    await Promise.all([search(), ...scanAll]);
    return answers;
  }

  /**
   * Waits until the server has built its indexes for what was written, a minute at most; it goes on by itself.
   * @throws CinedexError STORE_UNAVAILABLE when a collection reports an error of its own
   */
  async optimize(generation: string): Promise<void> {
    const deadline = Date.now() + OPTIMIZE_LIMIT_MS;
    for (const name of await this.#members(generation)) {
      for (;;) {
        const { status, optimizer_status } = await this.#info(name);
        if (status === 'red' || typeof optimizer_status === 'object') {
          throw new CinedexError(
            'STORE_UNAVAILABLE',
            `${name} is ${status}: ${JSON.stringify(optimizer_status)}`,
          );
        }
        // Grey: optimisation waits for the next write, there is nothing to wait for.
        if (status !== 'yellow' || Date.now() > deadline) break;
        await sleep(100);
      }
    }
  }

  /**
   * Makes a snapshot of each collection of a generation, on the server. Restored by Qdrant's own means, into a collection of
   * the same name; then {@link activate} the generation.
   * @throws CinedexError NOT_FOUND
   */
  async snapshot(generation: string): Promise<Snapshot[]> {
    const members = await this.#members(generation);
    if (members.length === 0) throw new CinedexError('NOT_FOUND', `There is no generation "${generation}".`);
    const made: Snapshot[] = [];
    for (const collection of members) {
      const snapshot = await this.#requests.ask(`make a snapshot of ${collection}`, (client) =>
        client.createSnapshot(collection),
      );
      if (!snapshot) throw new CinedexError('STORE_UNAVAILABLE', `${collection} gave no snapshot.`);
      const { name, size, checksum } = snapshot;
      made.push({ collection, name, bytes: size, checksum: checksum ?? null });
    }
    return made;
  }

  async close(): Promise<void> {
    this.#layouts.clear();
  }

  async #members(generation: string): Promise<string[]> {
    const names = await this.#collections();
    return names.filter((name) => this.#names.parse(name)?.generation === generation);
  }

  async #collections(): Promise<string[]> {
    const { collections } = await this.#requests.ask('list its collections', (client) =>
      client.getCollections(),
    );
    return collections.map(({ name }) => name);
  }

  #info(name: string): Promise<Schemas['CollectionInfo']> {
    return this.#requests.ask(`describe ${name}`, (client) => client.getCollection(name));
  }

  async #create(name: string, schema: CollectionSchema): Promise<void> {
    const { vectors, ...rest } = createRequest(schema, this.#config);
    try {
      await this.#requests.ask(`make ${name}`, (client) =>
        client.createCollection(name, { vectors: vectors ?? {}, ...rest }),
      );
    } catch (error) {
      // Another process was faster, or a request was repeated that had done its work. Either is checked by the caller.
      if (!(await this.#collections()).includes(name)) throw error;
    }
  }

  async #opened(generation: string, collection: CollectionName): Promise<{ name: string; layout: Layout }> {
    const name = this.#names.collection(generation, collection);
    let layout = this.#layouts.get(name);
    if (!layout) {
      layout = this.#info(name).then((info) => storedLayout(name, info));
      this.#layouts.set(name, layout);
    }
    try {
      return { name, layout: await layout };
    } catch (error) {
      this.#layouts.delete(name);
      throw error;
    }
  }

  async #scan(
    name: string,
    { filter = [], limit, fields }: Omit<Query, 'kind'>,
    schema: CollectionSchema,
  ): Promise<Hit[]> {
    const condition = toFilter(filter, schema);
    const hits: Hit[] = [];
    if (condition === NOTHING) return hits;
    let offset: Schemas['ScrollResult']['next_page_offset'];
    while (hits.length < limit) {
      const page = await this.#read(`scan ${name}`, name, (client) =>
        client.scroll(name, {
          filter: condition,
          limit: Math.min(PAGE, limit - hits.length),
          with_payload: hitPayload(fields),
          with_vector: false,
          ...(offset !== undefined && { offset }),
        }),
      );
      hits.push(...page.points.map((point) => toHit(point, 0)));
      offset = page.next_page_offset;
      if (offset === null || offset === undefined) break;
    }
    return hits;
  }

  async #write(
    what: string,
    name: string,
    request: (client: Requests['client']) => Promise<Schemas['UpdateResult']>,
  ): Promise<void> {
    const { status } = await this.#read(what, name, request);
    if (status !== 'completed') {
      throw new CinedexError('STORE_UNAVAILABLE', `Qdrant could not ${what} in time: it is ${status}.`);
    }
  }

  async #read<T>(
    what: string,
    name: string,
    request: (client: Requests['client']) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#requests.ask(what, request);
    } catch (error) {
      // Another process may have dropped it, or made it anew.
      if (error instanceof CinedexError && !error.retryable) this.#layouts.delete(name);
      throw error;
    }
  }
}

/** In order, each within the limits of one request. */
function* batches(points: Schemas['PointStruct'][]): Generator<Schemas['PointStruct'][]> {
  let batch: Schemas['PointStruct'][] = [];
  let numbers = 0;
  for (const point of points) {
    const size = sizeOf(point);
    if (batch.length > 0 && (batch.length === BATCH_POINTS || numbers + size > BATCH_NUMBERS)) {
      yield batch;
      batch = [];
      numbers = 0;
    }
    batch.push(point);
    numbers += size;
  }
  if (batch.length > 0) yield batch;
}

function denseNames({ vectors, multivectors = {} }: CollectionSchema): string[] {
  return [...Object.keys(vectors), ...Object.keys(multivectors)];
}

function sizeOf({ vector, payload }: Schemas['PointStruct']): number {
  let numbers = 0;
  for (const each of Object.values(
    vector as Record<string, number[] | number[][] | Schemas['SparseVector']>,
  )) {
    numbers += Array.isArray(each) ? each.flat().length : 2 * each.indices.length;
  }
  return numbers + JSON.stringify(payload ?? {}).length / 20;
}
