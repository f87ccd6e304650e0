/**
 * The vector store on LanceDB: a table a collection and generation. Vectors are searched exactly, which is fast enough
 * for the libraries one machine indexes (the embedded mode's purpose); token fields have a BM25 index over our own
 * tokens, which the store only splits at blanks.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Connection, Table } from '@lancedb/lancedb';
import {
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int64,
  List,
  Schema,
  Utf8,
} from 'apache-arrow';
import { CinedexError } from '../../contracts/errors.ts';
import type {
  CollectionName,
  CollectionSchema,
  Condition,
  Filter,
  Hit,
  Payload,
  PayloadValue,
  Point,
  Query,
  VideoIndex,
} from '../../ports/video-index.ts';

// Its log goes to standard output otherwise; the variable is read when the native library is loaded.
process.env.LANCEDB_LOG ??= 'error';
const lancedb = await import('@lancedb/lancedb');

/** Writes to a table between two compactions. Each write is a fragment; many fragments are slow and take memory. */
const WRITES_PER_COMPACTION = 40;

interface OpenCollection {
  table: Table;
  schema: CollectionSchema;
  writes: number;
  /** Writes of one table run one after the other: LanceDB's commits would conflict. */
  tail: Promise<unknown>;
}

type Row = Record<string, unknown>;

export class LanceVideoIndex implements VideoIndex {
  readonly #connection: Connection;
  readonly #folder: string;
  readonly #open = new Map<string, OpenCollection>();

  private constructor(connection: Connection, folder: string) {
    this.#connection = connection;
    this.#folder = folder;
  }

  static async open(folder: string): Promise<LanceVideoIndex> {
    mkdirSync(folder, { recursive: true });
    return new LanceVideoIndex(await lancedb.connect(folder), folder);
  }

  async ensureGeneration(generation: string, collections: CollectionSchema[]): Promise<void> {
    if (!/^[A-Za-z0-9][\w.-]*$/.test(generation) || generation.includes('__')) {
      throw new CinedexError('INDEX_MISMATCH', `"${generation}" is no name for a generation.`);
    }
    const tables = await this.#connection.tableNames({ limit: 10_000 });
    for (const schema of collections) {
      const name = tableName(generation, schema.name);
      const arrow = arrowSchema(schema);
      let table: Table;
      if (tables.includes(name)) {
        table = await this.#connection.openTable(name);
        checkSchema(name, await table.schema(), arrow);
      } else {
        table = await this.#connection.createEmptyTable(name, arrow);
        for (const field of schema.lexical) {
          await table.createIndex(`t_${field}`, {
            config: lancedb.Index.fts({
              ...{ baseTokenizer: 'whitespace', withPosition: false, lowercase: false, stem: false },
              ...{ removeStopWords: false, asciiFolding: false, maxTokenLength: 1_000 },
            }),
          });
        }
      }
      this.#open.set(name, { table, schema, writes: 0, tail: Promise.resolve() });
    }
    writeFileSync(path.join(this.#folder, `${generation}.json`), JSON.stringify(collections));
  }

  async generations(): Promise<string[]> {
    const names = await this.#connection.tableNames({ limit: 10_000 });
    return [...new Set(names.map((name) => name.split('__')[0]!))].sort();
  }

  async active(): Promise<string | null> {
    try {
      return (JSON.parse(readFileSync(this.#pointer, 'utf8')) as { generation: string }).generation;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  async activate(generation: string): Promise<void> {
    if (!(await this.generations()).includes(generation)) {
      throw new CinedexError('NOT_FOUND', `There is no generation "${generation}".`);
    }
    const temporary = `${this.#pointer}.new`;
    writeFileSync(temporary, JSON.stringify({ generation }), { flush: true });
    renameSync(temporary, this.#pointer);
  }

  async dropGeneration(generation: string): Promise<void> {
    for (const name of await this.#connection.tableNames({ limit: 10_000 })) {
      if (!name.startsWith(`${generation}__`)) continue;
      this.#open.get(name)?.table.close();
      this.#open.delete(name);
      await this.#connection.dropTable(name);
    }
  }

  async upsert(generation: string, collection: CollectionName, points: Point[]): Promise<void> {
    if (points.length === 0) return;
    const opened = await this.#collection(generation, collection);
    const rows = lancedb.makeArrowTable(
      points.map((point) => toRow(point, opened.schema)),
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
        await this.#write(opened, async () => compact(opened));
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
    if (query.kind === 'scan') {
      const scan = table.query().select(['id', 'payload']).limit(query.limit);
      const rows = (await (filter ? scan.where(filter) : scan).toArray()) as Row[];
      return rows.map((row) => toHit(row, 0));
    }
    if (query.kind === 'lexical') {
      if (!schema.lexical.includes(query.field)) throw unknownField(query.field, schema);
      // A blank inside a token would split it in the store.
      const text = query.tokens.map((token) => token.replaceAll(/\s+/g, '')).filter(Boolean);
      if (text.length === 0) return [];
      const match = new lancedb.MatchQuery(text.join(' '), `t_${query.field}`);
      const search = table
        .query()
        .fullTextSearch(match)
        .select(['id', 'payload', '_score'])
        .limit(query.limit);
      const rows = (await (filter ? search.where(filter) : search).toArray()) as Row[];
      return rows.map((row) => toHit(row, row._score as number)).sort((a, b) => b.score - a.score);
    }
    const column = `v_${query.vector}`;
    const declared = schema.vectors[query.vector];
    if (!declared) throw unknownField(query.vector, schema);
    if (query.values.length !== declared.dimensions) {
      throw new CinedexError(
        'INDEX_MISMATCH',
        `${query.vector} has ${declared.dimensions} dimensions, not ${query.values.length}.`,
      );
    }
    const present = `${column} is not null`;
    const rows = (await table
      .query()
      .nearestTo(Float32Array.from(query.values))
      .column(column)
      .distanceType(declared.distance === 'cosine' ? 'cosine' : 'l2')
      .where(filter ? `${present} and (${filter})` : present)
      .select(['id', 'payload', '_distance'])
      .limit(query.limit)
      .toArray()) as Row[];
    return rows.map((row) => {
      const distance = row._distance as number;
      return toHit(row, declared.distance === 'cosine' ? 1 - distance : -Math.sqrt(Math.max(0, distance)));
    });
  }

  async #collection(generation: string, collection: CollectionName): Promise<OpenCollection> {
    const name = tableName(generation, collection);
    const opened = this.#open.get(name);
    if (opened) return opened;
    let declared: CollectionSchema[];
    try {
      declared = JSON.parse(
        readFileSync(path.join(this.#folder, `${generation}.json`), 'utf8'),
      ) as CollectionSchema[];
    } catch (cause) {
      throw new CinedexError('NOT_FOUND', `There is no generation "${generation}".`, { cause });
    }
    await this.ensureGeneration(generation, declared);
    const found = this.#open.get(name);
    if (!found)
      throw new CinedexError('NOT_FOUND', `Generation "${generation}" has no collection "${collection}".`);
    return found;
  }

  async #write(opened: OpenCollection, work: () => Promise<void>): Promise<void> {
    const turn = opened.tail.then(async () => {
      await work();
      opened.writes += 1;
      if (opened.writes >= WRITES_PER_COMPACTION) await compact(opened);
    });
    opened.tail = turn.catch(() => undefined); // The caller gets the error; the next write must not.
    await turn;
  }
}

async function compact(opened: OpenCollection): Promise<void> {
  await opened.table.optimize({ cleanupOlderThan: new Date() });
  opened.writes = 0;
}

function tableName(generation: string, collection: CollectionName): string {
  return `${generation}__${collection}`;
}

function arrowSchema({ vectors, lexical, filterable }: CollectionSchema): Schema {
  const types: Record<CollectionSchema['filterable'][string], () => DataType> = {
    keyword: () => new Utf8(),
    'keyword[]': () => new List(new Field('item', new Utf8(), true)),
    integer: () => new Int64(),
    float: () => new Float64(),
    // As text: a batch whose booleans are all null makes LanceDB fail.
    bool: () => new Utf8(),
  };
  return new Schema([
    new Field('id', new Utf8(), false),
    new Field('payload', new Utf8(), false),
    ...Object.entries(vectors).map(
      ([name, { dimensions }]) =>
        new Field(`v_${name}`, new FixedSizeList(dimensions, new Field('item', new Float32(), true)), true),
    ),
    ...lexical.map((name) => new Field(`t_${name}`, new Utf8(), true)),
    ...Object.entries(filterable).map(([name, kind]) => new Field(`f_${name}`, types[kind](), true)),
  ]);
}

function checkSchema(name: string, actual: Schema, wanted: Schema): void {
  const describe = (schema: Schema) =>
    new Map(schema.fields.map((field) => [field.name, String(field.type)]));
  const there = describe(actual);
  for (const [field, type] of describe(wanted)) {
    if (there.get(field) !== type) {
      throw new CinedexError(
        'INDEX_MISMATCH',
        `${name}: ${field} is ${there.get(field) ?? 'missing'}, not ${type}.`,
      );
    }
  }
}

function toRow({ id, vectors, lexical, payload }: Point, schema: CollectionSchema): Row {
  const row: Row = { id, payload: JSON.stringify(payload) };
  for (const [name, { dimensions }] of Object.entries(schema.vectors)) {
    const vector = vectors[name];
    if (vector && vector.length !== dimensions) {
      throw new CinedexError('INDEX_MISMATCH', `${name} has ${dimensions} dimensions, not ${vector.length}.`);
    }
    row[`v_${name}`] = vector ? Array.from(vector) : null;
  }
  for (const name of schema.lexical) {
    const tokens = lexical[name];
    row[`t_${name}`] = tokens?.length ? tokens.map((token) => token.replaceAll(/\s+/g, '')).join(' ') : null;
  }
  for (const [name, kind] of Object.entries(schema.filterable)) {
    const value = payload[name] ?? null;
    row[`f_${name}`] = value === null ? null : toColumn(kind, value);
  }
  return row;
}

function toColumn(kind: CollectionSchema['filterable'][string], value: PayloadValue): unknown {
  if (kind === 'integer') return BigInt(Math.trunc(Number(value)));
  return kind === 'bool' ? String(value) : value;
}

function toPoint(row: Row, schema: CollectionSchema): Point {
  const vectors: Point['vectors'] = {};
  for (const name of Object.keys(schema.vectors)) {
    const value = row[`v_${name}`] as Iterable<number> | null;
    if (value) vectors[name] = Float32Array.from(value);
  }
  const lexical: Point['lexical'] = {};
  for (const name of schema.lexical) {
    const value = row[`t_${name}`] as string | null;
    if (value) lexical[name] = value.split(' ');
  }
  return { id: row.id as string, vectors, lexical, payload: JSON.parse(row.payload as string) as Payload };
}

function toHit(row: Row, score: number): Hit {
  return { id: row.id as string, score, payload: JSON.parse(row.payload as string) as Payload };
}

/** A filter as SQL. Fields are checked against the schema and values are literals, so neither can change its meaning. */
function where(filter: Filter, schema: CollectionSchema): string | undefined {
  if (filter.length === 0) return undefined;
  return filter.map((condition) => `(${clause(condition, schema)})`).join(' and ');
}

function clause(condition: Condition, schema: CollectionSchema): string {
  const kind = schema.filterable[condition.field];
  if (!kind) throw unknownField(condition.field, schema);
  // DataFusion folds unquoted names to lower case.
  const column = `\`f_${condition.field}\``;
  const list = kind === 'keyword[]';
  if ('equals' in condition) {
    return list
      ? `array_has_any(${column}, [${literal(condition.equals)}])`
      : `${column} = ${literal(condition.equals)}`;
  }
  if ('notEquals' in condition) {
    const { notEquals } = condition;
    return list
      ? `${column} is null or not array_has_any(${column}, [${literal(notEquals)}])`
      : `${column} is null or ${column} <> ${literal(notEquals)}`;
  }
  if ('anyOf' in condition) {
    if (condition.anyOf.length === 0) return 'false';
    const values = condition.anyOf.map(literal).join(', ');
    return list ? `array_has_any(${column}, [${values}])` : `${column} in (${values})`;
  }
  const bounds: string[] = [];
  if (condition.gte !== undefined) bounds.push(`${column} >= ${literal(condition.gte)}`);
  if (condition.lte !== undefined) bounds.push(`${column} <= ${literal(condition.lte)}`);
  return bounds.length > 0 ? bounds.join(' and ') : `${column} is not null`;
}

function literal(value: Exclude<PayloadValue, object | null>): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  if (typeof value === 'boolean') return `'${value}'`;
  if (!Number.isFinite(value)) throw new CinedexError('USAGE', `${value} is no number to filter by.`);
  return String(value);
}

function unknownField(field: string, schema: CollectionSchema): CinedexError {
  return new CinedexError(
    'INDEX_MISMATCH',
    `The collection ${schema.name} has no field "${field}" for that.`,
  );
}
