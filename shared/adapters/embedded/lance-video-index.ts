/**
 * The vector store on LanceDB: a table a collection and generation, with the generation's schema in a file beside them.
 *
 * Vectors are searched exactly up to EXACT_UP_TO points in a collection, beyond that by an index of RaBitQ codes (Gao & Long,
 * SIGMOD 2024) in inverted lists whose best candidates are measured again exactly; it is built in a sixteenth of the time that an
 * HNSW graph takes (which vectors of few dimensions get) and answers as fast. Token fields have a BM25 index over our own tokens, which the store only splits at blanks. A write survives `kill -9` when it resolves; LanceDB flushes no disk, so a power cut may cost the last
 * writes, which the artifacts can make again.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Connection, Table, VectorQuery } from '@lancedb/lancedb';
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
import { writeDurably } from './durable-file.ts';
import {
  arrowSchema,
  checkDimensions,
  checkSchema,
  joinTokens,
  literal,
  payloadColumns,
  type Row,
  toHit,
  toPoint,
  toRow,
  unknownField,
  where,
} from './lance-rows.ts';

// Its log goes to standard output otherwise; the variable is read when the native library is loaded.
process.env.LANCEDB_LOG ??= 'error';
const lancedb = await import('@lancedb/lancedb');

/** Writes to a table between two compactions. Each write is a fragment; many fragments are slow and take memory. */
const WRITES_PER_COMPACTION = 40;
/** From here on the index is faster: exact search reads every vector. */
const EXACT_UP_TO = 4_000;
/** Points whose sets hold that many vectors, about. */
const VECTORS_IN_A_SET = 8;
/** Candidates of an approximate search that are measured again exactly: so many, and a multiple of the limit. */
const MEASURED_AGAIN = 500;
const LEAST_REFINE = 5;
/** A code has a bit for each dimension (so whole bytes of them); of few dimensions it says too little. */
const FEWEST_CODED = 256;
/** Of an inverted list. Twenty are looked through, so that up to some 80 000 vectors nothing is missed for the lists' sake. */
const VECTORS_IN_A_LIST = 4_096;
/** Older versions of a table are removed, but not under a query that still reads one. */
const KEEP_VERSIONS_MS = 30_000;
/** LanceDB's own limits are 6 GB and 1 GB, which a long-running process would grow to. */
const INDEX_CACHE_BYTES = 128n * 1024n ** 2n;
/** Every write leaves some 20 kB in it, so it is always full. */
const METADATA_CACHE_BYTES = 8n * 1024n ** 2n;
const SCHEMA_SUFFIX = '.generation.json';

export interface LanceOptions {
  /** Vectors in a collection above which `optimize` builds an approximate index. */
  exactUpTo?: number;
}

interface OpenCollection {
  table: Table;
  schema: CollectionSchema;
  writes: number;
  /** Writes of one table run one after the other: LanceDB's commits would conflict. */
  tail: Promise<unknown>;
}

export class LanceVideoIndex implements VideoIndex {
  readonly #connection: Connection;
  readonly #folder: string;
  readonly #exactUpTo: number;
  readonly #open = new Map<string, OpenCollection>();
  /** Changes of the set of tables run one after the other, so that each table is opened once. */
  #changing: Promise<unknown> = Promise.resolve();

  private constructor(connection: Connection, folder: string, options: LanceOptions) {
    this.#connection = connection;
    this.#folder = folder;
    this.#exactUpTo = options.exactUpTo ?? EXACT_UP_TO;
  }

  static async open(folder: string, options: LanceOptions = {}): Promise<LanceVideoIndex> {
    mkdirSync(folder, { recursive: true });
    // Among the options: the third parameter, which is named for it, is not read (LanceDB 0.31).
    const session = new lancedb.Session(INDEX_CACHE_BYTES, METADATA_CACHE_BYTES);
    return new LanceVideoIndex(await lancedb.connect(folder, { session }), folder, options);
  }

  async ensureGeneration(generation: string, collections: CollectionSchema[]): Promise<void> {
    if (!/^[A-Za-z0-9][\w.-]*$/.test(generation) || generation.includes('__')) {
      throw new CinedexError('USAGE', `"${generation}" is no name for a generation.`);
    }
    await this.#change(async () => {
      const declared = new Map(this.#declared(generation)?.map((schema) => [schema.name, schema]));
      const tables = await this.#tables();
      for (const schema of collections) {
        const name = tableName(generation, schema.name);
        const opened = this.#open.get(name);
        if (declared.has(schema.name) && tables.includes(name)) {
          const table = opened?.table ?? (await this.#connection.openTable(name));
          checkSchema(name, await table.schema(), arrowSchema(schema));
          if (!opened) this.#open.set(name, { table, schema, writes: 0, tail: Promise.resolve() });
        } else {
          // What a crash left of a making or a dropping.
          if (tables.includes(name)) await this.#connection.dropTable(name);
          const table = await this.#create(name, schema);
          this.#open.set(name, { table, schema, writes: 0, tail: Promise.resolve() });
          declared.set(schema.name, schema);
        }
      }
      await writeDurably(this.#schemaFile(generation), Buffer.from(JSON.stringify([...declared.values()])));
    });
  }

  async generations(): Promise<string[]> {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith(SCHEMA_SUFFIX))
      .map((name) => name.slice(0, -SCHEMA_SUFFIX.length))
      .sort();
  }

  async active(): Promise<string | null> {
    const text = readIfThere(this.#pointer);
    return text === undefined ? null : (JSON.parse(text) as { generation: string }).generation;
  }

  async activate(generation: string): Promise<void> {
    if (!(await this.generations()).includes(generation)) throw noGeneration(generation);
    await writeDurably(this.#pointer, Buffer.from(JSON.stringify({ generation })));
  }

  async dropGeneration(generation: string): Promise<void> {
    await this.#change(async () => {
      await rm(this.#schemaFile(generation), { force: true });
      for (const name of await this.#tables()) {
        if (!name.startsWith(`${generation}__`)) continue;
        const opened = this.#open.get(name);
        this.#open.delete(name);
        await opened?.tail;
        opened?.table.close();
        await this.#connection.dropTable(name);
      }
    });
  }

  async upsert(generation: string, collection: CollectionName, points: Point[]): Promise<void> {
    if (points.length === 0) return;
    const opened = await this.#collection(generation, collection);
    const distinct = new Map(points.map((point) => [point.id, point]));
    const rows = lancedb.makeArrowTable(
      [...distinct.values()].map((point) => toRow(point, opened.schema)),
      { schema: arrowSchema(opened.schema) },
    );
    await this.#write(opened, async () => {
      await opened.table.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(rows);
    });
  }

  async delete(generation: string, collection: CollectionName, filter: Filter): Promise<void> {
    const opened = await this.#collection(generation, collection);
    await this.#write(opened, async () => {
      await opened.table.delete(where(filter, opened.schema) ?? 'true');
    });
  }

  async count(generation: string, collection: CollectionName, filter: Filter = []): Promise<number> {
    const { table, schema } = await this.#collection(generation, collection);
    return table.countRows(where(filter, schema));
  }

  async get(generation: string, collection: CollectionName, ids: string[]): Promise<Point[]> {
    if (ids.length === 0) return [];
    const { table, schema } = await this.#collection(generation, collection);
    const rows = (await table
      .query()
      .where(`id in (${ids.map(literal).join(', ')})`)
      .toArray()) as Row[];
    return rows.map((row) => toPoint(row, schema));
  }

  async query(generation: string, collection: CollectionName, queries: Query[]): Promise<Hit[][]> {
    const opened = await this.#collection(generation, collection);
    return Promise.all(queries.map((query) => this.#one(opened, query)));
  }

  async optimize(generation: string): Promise<void> {
    for (const [name, opened] of this.#open) {
      if (name.startsWith(`${generation}__`) && opened.writes > 0)
        await this.#write(opened, () => this.#compact(opened));
    }
  }

  async close(): Promise<void> {
    for (const { tail } of this.#open.values()) await tail;
    for (const { table } of this.#open.values()) table.close();
    this.#connection.close();
  }

  get #pointer(): string {
    return path.join(this.#folder, 'active.json');
  }

  async #one({ table, schema }: OpenCollection, query: Query): Promise<Hit[]> {
    const filter = where(query.filter ?? [], schema);
    const wanted = payloadColumns(query.fields, schema);
    const columns = ['id', ...wanted.columns];
    if (query.kind === 'scan') {
      const scan = table.query().select(columns).limit(query.limit);
      const rows = (await (filter ? scan.where(filter) : scan).toArray()) as Row[];
      return rows.map((row) => toHit(row, 0, wanted));
    }
    if (query.kind === 'lexical') {
      if (!schema.lexical.includes(query.field)) throw unknownField(query.field, schema);
      const text = joinTokens(query.tokens);
      if (text === '') return [];
      const match = new lancedb.MatchQuery(text, `t_${query.field}`);
      const search = table
        .query()
        .fullTextSearch(match)
        .select([...columns, '_score'])
        .limit(query.limit);
      const rows = (await (filter ? search.where(filter) : search).toArray()) as Row[];
      return rows.map((row) => toHit(row, row._score as number, wanted)).sort((a, b) => b.score - a.score);
    }
    const search = query.kind === 'multi' ? nearestSets(table, schema, query) : nearest(table, schema, query);
    if (!search) return [];
    const rows = (await (filter ? search.where(filter) : search)
      .select([...columns, '_distance'])
      .limit(query.limit)
      .toArray()) as Row[];
    // A row without the vector is no neighbour, though exact search may bring it behind those that are.
    return rows.flatMap((row) =>
      row._distance === null ? [] : [toHit(row, scoreOf(row._distance as number, query, schema), wanted)],
    );
  }

  async #collection(generation: string, collection: CollectionName): Promise<OpenCollection> {
    const name = tableName(generation, collection);
    const opened = this.#open.get(name);
    if (opened) return opened;
    const declared = this.#declared(generation);
    if (!declared) throw noGeneration(generation);
    await this.ensureGeneration(generation, declared);
    const found = this.#open.get(name);
    if (!found) {
      throw new CinedexError('NOT_FOUND', `Generation "${generation}" has no collection "${collection}".`);
    }
    return found;
  }

  async #create(name: string, schema: CollectionSchema): Promise<Table> {
    const table = await this.#connection.createEmptyTable(name, arrowSchema(schema));
    for (const field of schema.lexical) {
      await table.createIndex(`t_${field}`, {
        config: lancedb.Index.fts({
          ...{ baseTokenizer: 'whitespace', withPosition: false, lowercase: false, stem: false },
          ...{ removeStopWords: false, asciiFolding: false, maxTokenLength: 1_000 },
        }),
      });
    }
    return table;
  }

  async #change(work: () => Promise<void>): Promise<void> {
    const turn = this.#changing.then(work);
    this.#changing = turn.catch(() => undefined); // The caller gets the error; the next change must not.
    await turn;
  }

  async #write(opened: OpenCollection, work: () => Promise<void>): Promise<void> {
    const turn = opened.tail.then(async () => {
      await work();
      opened.writes += 1;
      if (opened.writes >= WRITES_PER_COMPACTION) await this.#compact(opened);
    });
    opened.tail = turn.catch(() => undefined); // The caller gets the error; the next write must not.
    await turn;
  }

  async #compact(opened: OpenCollection): Promise<void> {
    const { table, schema } = opened;
    const rows = await table.countRows();
    const indexed = (await table.listIndices()).flatMap(({ columns }) => columns);
    const outgrown = (column: string, vectors: number) =>
      vectors > this.#exactUpTo && !indexed.includes(column);
    for (const [name, { dimensions, distance }] of Object.entries(schema.vectors)) {
      if (!outgrown(`v_${name}`, rows)) continue;
      const config = approximate(rows, dimensions, distance === 'cosine' ? 'cosine' : 'l2');
      await table.createIndex(`v_${name}`, { config });
    }
    for (const [name, { dimensions }] of Object.entries(schema.multivectors ?? {})) {
      const vectors = rows * VECTORS_IN_A_SET;
      if (!outgrown(`m_${name}`, vectors)) continue;
      await table.createIndex(`m_${name}`, { config: approximate(vectors, dimensions, 'cosine') });
    }
    await table.optimize({ cleanupOlderThan: new Date(Date.now() - KEEP_VERSIONS_MS) });
    opened.writes = 0;
  }

  /** Tables in the folder, also those of a generation that is not complete. */
  async #tables(): Promise<string[]> {
    return this.#connection.tableNames({ limit: 10_000 });
  }

  #schemaFile(generation: string): string {
    return path.join(this.#folder, `${generation}${SCHEMA_SUFFIX}`);
  }

  #declared(generation: string): CollectionSchema[] | undefined {
    const text = readIfThere(this.#schemaFile(generation));
    return text === undefined ? undefined : (JSON.parse(text) as CollectionSchema[]);
  }
}

/** Nearest to one vector. @throws CinedexError INDEX_MISMATCH */
function nearest(
  table: Table,
  schema: CollectionSchema,
  query: Extract<Query, { kind: 'dense' }>,
): VectorQuery {
  const declared = schema.vectors[query.vector];
  if (!declared) throw unknownField(query.vector, schema);
  checkDimensions(query.vector, query.values, declared.dimensions);
  return table
    .query()
    .nearestTo(Float32Array.from(query.values))
    .column(`v_${query.vector}`)
    .distanceType(declared.distance === 'cosine' ? 'cosine' : 'l2')
    .refineFactor(refine(query.limit));
}

/** Nearest to a set of vectors; undefined for an empty one. @throws CinedexError INDEX_MISMATCH */
function nearestSets(
  table: Table,
  schema: CollectionSchema,
  query: Extract<Query, { kind: 'multi' }>,
): VectorQuery | undefined {
  const declared = schema.multivectors?.[query.vector];
  if (!declared) throw unknownField(query.vector, schema);
  for (const vector of query.values) checkDimensions(query.vector, vector, declared.dimensions);
  if (query.values.length === 0) return undefined;
  return (table.vectorSearch(query.values.map((vector) => Array.from(vector))) as VectorQuery)
    .column(`m_${query.vector}`)
    .distanceType('cosine')
    .refineFactor(refine(query.limit));
}

function refine(limit: number): number {
  return Math.max(LEAST_REFINE, Math.ceil(MEASURED_AGAIN / Math.max(1, limit)));
}

function scoreOf(distance: number, query: Query, schema: CollectionSchema): number {
  const isEuclid = query.kind === 'dense' && schema.vectors[query.vector]?.distance === 'euclid';
  // A cosine distance of sets is one minus the sum.
  return isEuclid ? -Math.sqrt(Math.max(0, distance)) : 1 - distance;
}

function approximate(vectors: number, dimensions: number, distanceType: 'cosine' | 'l2') {
  const { ivfRq, hnswSq } = lancedb.Index;
  if (dimensions < FEWEST_CODED || dimensions % 8 !== 0) return hnswSq({ distanceType });
  return ivfRq({ distanceType, numPartitions: Math.ceil(vectors / VECTORS_IN_A_LIST) });
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function noGeneration(generation: string): CinedexError {
  return new CinedexError('NOT_FOUND', `There is no generation "${generation}".`);
}

function tableName(generation: string, collection: CollectionName): string {
  return `${generation}__${collection}`;
}
