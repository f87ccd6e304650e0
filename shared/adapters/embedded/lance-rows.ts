/** Points as rows of a LanceDB table, and filters as its SQL. */
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
  CollectionSchema,
  Condition,
  Filter,
  Hit,
  Payload,
  PayloadValue,
  Point,
  Vector,
} from '../../ports/video-index.ts';

export type Row = Record<string, unknown>;
type FieldKind = CollectionSchema['filterable'][string];
type Scalar = string | number | boolean;

/** The columns of a collection: `v_` vectors, `m_` multivectors, `t_` token fields, `f_` filterable fields, and the payload as JSON. */
export function arrowSchema({ vectors, multivectors = {}, lexical, filterable }: CollectionSchema): Schema {
  const types: Record<FieldKind, () => DataType> = {
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
    ...Object.entries(multivectors).map(([name, { dimensions }]) => {
      const vector = new FixedSizeList(dimensions, new Field('item', new Float32(), true));
      return new Field(`m_${name}`, new List(new Field('item', vector, true)), true);
    }),
    ...lexical.map((name) => new Field(`t_${name}`, new Utf8(), true)),
    ...Object.entries(filterable).map(([name, kind]) => new Field(`f_${name}`, types[kind](), true)),
  ]);
}

/** @throws CinedexError INDEX_MISMATCH when a wanted column is missing or of another type */
export function checkSchema(name: string, actual: Schema, wanted: Schema): void {
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

/** @throws CinedexError INDEX_MISMATCH when a vector, a token field or a filterable value is not what the schema says */
export function toRow(
  { id, vectors, multivectors = {}, lexical, payload }: Point,
  schema: CollectionSchema,
): Row {
  const row: Row = { id, payload: JSON.stringify(payload) };
  for (const name of Object.keys(vectors)) if (!schema.vectors[name]) throw unknownField(name, schema);
  for (const name of Object.keys(multivectors)) {
    if (!schema.multivectors?.[name]) throw unknownField(name, schema);
  }
  for (const name of Object.keys(lexical))
    if (!schema.lexical.includes(name)) throw unknownField(name, schema);
  for (const [name, { dimensions }] of Object.entries(schema.vectors)) {
    const vector = vectors[name];
    if (vector) checkDimensions(name, vector, dimensions);
    row[`v_${name}`] = vector ? Array.from(vector) : null;
  }
  for (const [name, { dimensions }] of Object.entries(schema.multivectors ?? {})) {
    const set = multivectors[name];
    for (const vector of set ?? []) checkDimensions(name, vector, dimensions);
    row[`m_${name}`] = set?.length ? set.map((vector) => Array.from(vector)) : null;
  }
  for (const name of schema.lexical) row[`t_${name}`] = joinTokens(lexical[name] ?? []) || null;
  for (const [name, kind] of Object.entries(schema.filterable)) {
    row[`f_${name}`] = filterValue(name, kind, payload[name] ?? null);
  }
  return row;
}

/** @throws CinedexError INDEX_MISMATCH */
export function checkDimensions(name: string, vector: Vector, dimensions: number): void {
  if (vector.length === dimensions) return;
  throw new CinedexError('INDEX_MISMATCH', `${name} has ${dimensions} dimensions, not ${vector.length}.`);
}

export function toPoint(row: Row, schema: CollectionSchema): Point {
  const vectors: Point['vectors'] = {};
  for (const name of Object.keys(schema.vectors)) {
    const value = row[`v_${name}`] as Iterable<number> | null;
    if (value) vectors[name] = Float32Array.from(value);
  }
  const multivectors: NonNullable<Point['multivectors']> = {};
  for (const name of Object.keys(schema.multivectors ?? {})) {
    const value = row[`m_${name}`] as Iterable<Iterable<number>> | null;
    if (value) multivectors[name] = Array.from(value, (vector) => Float32Array.from(vector));
  }
  const lexical: Point['lexical'] = {};
  for (const name of schema.lexical) {
    const value = row[`t_${name}`] as string | null;
    if (value) lexical[name] = value.split(' ');
  }
  return {
    ...{ id: row.id as string, vectors, lexical, payload: JSON.parse(row.payload as string) as Payload },
    ...(Object.keys(multivectors).length > 0 && { multivectors }),
  };
}

export function toHit(row: Row, score: number, { payloadOf }: PayloadColumns): Hit {
  return { id: row.id as string, score, payload: payloadOf(row) };
}

/** Which columns are read for the payload of hits, and how it is made of them. */
export interface PayloadColumns {
  columns: string[];
  payloadOf(row: Row): Payload;
}

/**
 * Fields that have a column of their own are read from it: parsing whole payloads costs more than finding them.
 * @param fields undefined: all
 */
export function payloadColumns(
  fields: readonly string[] | undefined,
  { filterable }: CollectionSchema,
): PayloadColumns {
  const whole = (row: Row) => JSON.parse(row.payload as string) as Payload;
  if (!fields) return { columns: ['payload'], payloadOf: whole };
  if (fields.some((field) => !filterable[field])) {
    const payloadOf = (row: Row) =>
      Object.fromEntries(Object.entries(whole(row)).filter(([field]) => fields.includes(field)));
    return { columns: ['payload'], payloadOf };
  }
  return {
    columns: fields.map((field) => `f_${field}`),
    payloadOf(row) {
      const payload: Payload = {};
      for (const field of fields) {
        const value = row[`f_${field}`] as string | number | bigint | Iterable<string> | null;
        if (value !== null) payload[field] = payloadValue(filterable[field]!, value);
      }
      return payload;
    },
  };
}

function payloadValue(kind: FieldKind, value: string | number | bigint | Iterable<string>): PayloadValue {
  if (kind === 'keyword[]') return [...(value as Iterable<string>)];
  if (kind === 'bool') return value === 'true';
  return typeof value === 'bigint' ? Number(value) : (value as string | number);
}

/** Tokens as the one text that the store splits again at blanks, so a token itself must hold none. */
export function joinTokens(tokens: readonly string[]): string {
  return tokens
    .map((token) => token.replaceAll(/[\s\u0085]+/g, ''))
    .filter(Boolean)
    .join(' ');
}

function filterValue(name: string, kind: FieldKind, value: PayloadValue): unknown {
  if (value === null) return null;
  if (kind === 'keyword[]') {
    const list = Array.isArray(value) ? value : [value];
    if (list.every((one) => typeof one === 'string')) return list;
  } else if (kind === 'keyword') {
    if (typeof value === 'string') return value;
  } else if (kind === 'bool') {
    if (typeof value === 'boolean') return String(value);
  } else if (typeof value === 'number' && Number.isFinite(value)) {
    if (kind === 'float') return value;
    if (Number.isInteger(value)) return BigInt(value);
  }
  throw new CinedexError(
    'INDEX_MISMATCH',
    `The payload's ${name} is to be ${kind}, not ${JSON.stringify(value)}.`,
  );
}

/** A filter as SQL. Fields are checked against the schema and values are literals, so neither can change its meaning. */
export function where(filter: Filter, schema: CollectionSchema): string | undefined {
  if (filter.length === 0) return undefined;
  return filter.map((condition) => `(${clause(condition, schema)})`).join(' and ');
}

function clause(condition: Condition, schema: CollectionSchema): string {
  const kind = schema.filterable[condition.field];
  if (!kind) throw unknownField(condition.field, schema);
  // DataFusion folds unquoted names to lower case.
  const column = `\`f_${condition.field}\``;
  if ('equals' in condition) return among(column, kind, [condition.equals]);
  if ('anyOf' in condition) return among(column, kind, condition.anyOf);
  if ('notEquals' in condition) {
    return `${column} is null or not (${among(column, kind, [condition.notEquals])})`;
  }
  const { gte, lte } = condition;
  const bounds = [`${column} is not null`];
  // Whole numbers can be compared with whole numbers only.
  const whole = kind === 'integer';
  if (gte !== undefined) bounds.push(`${column} >= ${literal(whole ? Math.ceil(gte) : gte)}`);
  if (lte !== undefined) bounds.push(`${column} <= ${literal(whole ? Math.floor(lte) : lte)}`);
  return bounds.join(' and ');
}

function among(column: string, kind: FieldKind, wanted: readonly Scalar[]): string {
  const types = {
    keyword: 'string',
    'keyword[]': 'string',
    integer: 'number',
    float: 'number',
    bool: 'boolean',
  };
  // A value of another type equals nothing.
  const values = wanted.filter(
    (value) => typeof value === types[kind] && (kind !== 'integer' || Number.isInteger(value)),
  );
  if (values.length === 0) return 'false';
  const list = values.map((value) => literal(value)).join(', ');
  return kind === 'keyword[]' ? `array_has_any(${column}, [${list}])` : `${column} in (${list})`;
}

export function literal(value: Scalar): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  if (typeof value === 'boolean') return `'${value}'`;
  if (!Number.isFinite(value)) throw new CinedexError('USAGE', `${value} is no number to filter by.`);
  return String(value);
}

export function unknownField(field: string, schema: CollectionSchema): CinedexError {
  return new CinedexError(
    'INDEX_MISMATCH',
    `The collection ${schema.name} has no field "${field}" for that.`,
  );
}
