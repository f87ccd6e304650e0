/** Points and filters in Qdrant's words. */
import { isDeepStrictEqual } from 'node:util';
import type { Schemas } from '@qdrant/js-client-rest';
import { CinedexError } from '../../contracts/errors.ts';
import type {
  CollectionSchema,
  Condition,
  Filter,
  Hit,
  Payload,
  PayloadValue,
  Point,
  Query,
} from '../../ports/video-index.ts';
import { documentWeights, queryWeights } from './qdrant-bm25.ts';
import { type Layout, sparseName, TOKENS_KEY } from './qdrant-collections.ts';
import { isRecord } from './qdrant-requests.ts';

type FieldKind = CollectionSchema['filterable'][string];
type Scalar = string | number | boolean;
type QdrantCondition = Schemas['Condition'];

/** What a filter or a query is that nothing can pass: the server need not be asked. */
export const NOTHING = Symbol('nothing');

/** Candidates that int8 vectors find, as a multiple of the limit; the originals choose among them. */
const OVERSAMPLING = 2;
const HIT_PAYLOAD = { exclude: [TOKENS_KEY] };
const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export const isPointId = (id: string) => UUID.test(id);

/** @throws CinedexError INDEX_MISMATCH when a vector, a token field or a filterable value is not what the schema says */
export function toQdrantPoint(point: Point, { schema, meanLengths }: Layout): Schemas['PointStruct'] {
  if (!isPointId(point.id))
    throw new CinedexError('USAGE', `A point's id is to be a UUID, not "${point.id}".`);
  const vector: Record<string, number[] | number[][] | Schemas['SparseVector']> = {};
  for (const [name, values] of Object.entries(point.vectors)) {
    checkVector(name, values, schema);
    vector[name] = Array.from(values);
  }
  for (const [name, set] of Object.entries(point.multivectors ?? {})) {
    checkMultivector(name, set, schema);
    if (set.length > 0) vector[name] = toSet(set);
  }
  const kept: Record<string, string> = {};
  for (const [field, list] of Object.entries(point.lexical)) {
    const mean = meanLengths[field];
    if (mean === undefined) throw unknownField(field, schema);
    const tokens = list.map((token) => token.replaceAll(/[\s\u0085]+/g, '')).filter(Boolean);
    const weights = documentWeights(tokens, mean);
    if (!weights) continue;
    vector[sparseName(field)] = weights;
    kept[field] = tokens.join(' ');
  }
  if (TOKENS_KEY in point.payload) {
    throw new CinedexError('INDEX_MISMATCH', `The payload's ${TOKENS_KEY} is the store's own.`);
  }
  for (const [name, kind] of Object.entries(schema.filterable)) {
    checkValue(name, kind, point.payload[name] ?? null);
  }
  const payload = Object.keys(kept).length > 0 ? { ...point.payload, [TOKENS_KEY]: kept } : point.payload;
  return { id: point.id, vector, payload };
}

/**
 * A set of vectors as Qdrant reads one. Of two lists it takes the first for the dimensions of a sparse vector when all its
 * numbers are whole (seen in 1.18.2): one must not look whole. What is added is lost when the server rounds to 32 bits.
 */
function toSet(set: readonly ArrayLike<number>[]): number[][] {
  const lists = set.map((values) => Array.from(values));
  const [first] = lists;
  if (first && lists.length === 2 && first.every(Number.isInteger)) {
    first[0] = first[0] === 0 ? Number.MIN_VALUE : first[0]! * (1 + Number.EPSILON);
  }
  return lists;
}

export function toPoint({ id, vector, payload }: Schemas['Record'], schema: CollectionSchema): Point {
  const vectors: Point['vectors'] = {};
  const named = isRecord(vector) ? vector : {};
  for (const name of Object.keys(schema.vectors)) {
    const values = named[name];
    if (Array.isArray(values)) vectors[name] = Float32Array.from(values as number[]);
  }
  const multivectors: NonNullable<Point['multivectors']> = {};
  for (const name of Object.keys(schema.multivectors ?? {})) {
    const set = named[name];
    if (Array.isArray(set)) {
      multivectors[name] = (set as number[][]).map((values) => Float32Array.from(values));
    }
  }
  const { [TOKENS_KEY]: kept, ...rest } = isRecord(payload) ? payload : {};
  const lexical: Point['lexical'] = {};
  if (isRecord(kept)) {
    for (const [field, joined] of Object.entries(kept)) lexical[field] = String(joined).split(' ');
  }
  return {
    ...{ id: String(id), vectors, lexical, payload: toPayload(rest) },
    ...(Object.keys(multivectors).length > 0 && { multivectors }),
  };
}

export function toHit({ id, payload }: Pick<Schemas['Record'], 'id' | 'payload'>, score: number): Hit {
  return { id: String(id), score, payload: toPayload(isRecord(payload) ? payload : {}) };
}

/** The client reads whole numbers beyond 2⁵³ as bigint; a payload has numbers only. */
function toPayload(record: Record<string, unknown>): Payload {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, toValue(value)]));
}

function toValue(value: unknown): PayloadValue {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(toValue);
  if (isRecord(value)) return toPayload(value);
  return value as PayloadValue;
}

/**
 * @returns {@link NOTHING} when no point can be found
 * @throws CinedexError INDEX_MISMATCH when a field is not there, or the vector has other dimensions
 */
export function toQueryRequest(
  query: Exclude<Query, { kind: 'scan' }>,
  schema: CollectionSchema,
): Schemas['QueryRequest'] | typeof NOTHING {
  const filter = toFilter(query.filter ?? [], schema);
  const common = { limit: query.limit, with_payload: hitPayload(query.fields) };
  if (query.kind === 'lexical') {
    if (!schema.lexical.includes(query.field)) throw unknownField(query.field, schema);
    const weights = queryWeights(query.tokens);
    if (!weights || filter === NOTHING || query.limit < 1) return NOTHING;
    return { ...common, query: weights, using: sparseName(query.field), filter };
  }
  const params = { quantization: { rescore: true, oversampling: OVERSAMPLING } };
  if (query.kind === 'multi') {
    checkMultivector(query.vector, query.values, schema);
    if (filter === NOTHING || query.limit < 1 || query.values.length === 0) return NOTHING;
    return { ...common, query: toSet(query.values), using: query.vector, filter, params };
  }
  checkVector(query.vector, query.values, schema);
  if (filter === NOTHING || query.limit < 1) return NOTHING;
  return {
    ...common,
    query: Array.from(query.values),
    using: query.vector,
    filter,
    params,
  };
}

/** The payload that a hit has: the fields asked for, or all of it but the tokens. */
export function hitPayload(fields: readonly string[] | undefined): Schemas['WithPayloadInterface'] {
  return fields ? { include: [...fields] } : HIT_PAYLOAD;
}

/** Qdrant answers a Euclidean query with the distance. */
export function toScore(score: number, query: Query, schema: CollectionSchema): number {
  const euclid = query.kind === 'dense' && schema.vectors[query.vector]?.distance === 'euclid';
  return euclid ? -score : score;
}

/** @throws CinedexError INDEX_MISMATCH when a field has no index; Qdrant would search every payload for it */
export function toFilter(filter: Filter, schema: CollectionSchema): Schemas['Filter'] | typeof NOTHING {
  const must: QdrantCondition[] = [];
  const mustNot: QdrantCondition[] = [];
  let nothing = false;
  for (const condition of filter) {
    const kind = schema.filterable[condition.field];
    if (!kind) throw unknownField(condition.field, schema);
    if ('notEquals' in condition) {
      mustNot.push(...among(condition.field, kind, [condition.notEquals]));
      continue;
    }
    const wanted = wantedBy(condition, kind);
    if (wanted.length === 0) nothing = true;
    else must.push(wanted.length === 1 ? wanted[0]! : { should: wanted });
  }
  // A server (seen in 1.18.2) takes a condition that is all of `must` as settled, and finds its points though it is denied too.
  const denied = must.some((wanted) => mustNot.some((not) => isDeepStrictEqual(wanted, not)));
  if (nothing || denied) return NOTHING;
  return { ...(must.length > 0 && { must }), ...(mustNot.length > 0 && { must_not: mustNot }) };
}

/** Conditions of which one must hold. */
function wantedBy(condition: Exclude<Condition, { notEquals: unknown }>, kind: FieldKind): QdrantCondition[] {
  const { field } = condition;
  if ('equals' in condition) return among(field, kind, [condition.equals]);
  if ('anyOf' in condition) return among(field, kind, condition.anyOf);
  if (kind !== 'integer' && kind !== 'float') return [];
  const { gte, lte } = condition;
  // A value that is no whole number would be cut to one by an index of whole numbers.
  const whole = kind === 'integer';
  const range: Schemas['Range'] = {};
  if (gte !== undefined) range.gte = whole ? Math.ceil(finite(gte)) : finite(gte);
  if (lte !== undefined) range.lte = whole ? Math.floor(finite(lte)) : finite(lte);
  if (Object.keys(range).length > 0) return [{ key: field, range }];
  return [{ must_not: [{ is_empty: { key: field } }] }];
}

function among(field: string, kind: FieldKind, wanted: readonly Scalar[]): QdrantCondition[] {
  // A value of another type equals nothing.
  if (kind === 'bool') {
    return wanted
      .filter((value) => typeof value === 'boolean')
      .map((value) => ({ key: field, match: { value } }));
  }
  if (kind === 'float') {
    const numbers = wanted.filter((value) => typeof value === 'number').map(finite);
    return numbers.map((value) => ({ key: field, range: { gte: value, lte: value } }));
  }
  if (kind === 'integer') {
    const numbers = wanted.filter((value): value is number => Number.isInteger(value));
    return matching(field, numbers);
  }
  return matching(
    field,
    wanted.filter((value) => typeof value === 'string'),
  );
}

function matching(field: string, values: string[] | number[]): QdrantCondition[] {
  if (values.length === 0) return [];
  if (values.length === 1) return [{ key: field, match: { value: values[0]! } }];
  return [{ key: field, match: { any: values } }];
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new CinedexError('USAGE', `${value} is no number to filter by.`);
  return value;
}

function checkVector(name: string, values: ArrayLike<number>, schema: CollectionSchema): void {
  const declared = schema.vectors[name];
  if (!declared) throw unknownField(name, schema);
  if (values.length !== declared.dimensions) {
    throw new CinedexError(
      'INDEX_MISMATCH',
      `${schema.name}.${name} has ${declared.dimensions} dimensions, not ${values.length}.`,
    );
  }
}

function checkMultivector(name: string, set: readonly ArrayLike<number>[], schema: CollectionSchema): void {
  const declared = schema.multivectors?.[name];
  if (!declared) throw unknownField(name, schema);
  const other = set.find(({ length }) => length !== declared.dimensions);
  if (other) {
    throw new CinedexError(
      'INDEX_MISMATCH',
      `${schema.name}.${name} has ${declared.dimensions} dimensions, not ${other.length}.`,
    );
  }
}

/** Qdrant takes any payload, and then does not find what its index cannot hold. */
function checkValue(name: string, kind: FieldKind, value: PayloadValue): void {
  if (value === null) return;
  const fits: Record<FieldKind, () => boolean> = {
    keyword: () => typeof value === 'string',
    'keyword[]': () =>
      typeof value === 'string' || (Array.isArray(value) && value.every((each) => typeof each === 'string')),
    bool: () => typeof value === 'boolean',
    integer: () => Number.isInteger(value),
    float: () => typeof value === 'number' && Number.isFinite(value),
  };
  if (!fits[kind]()) {
    throw new CinedexError(
      'INDEX_MISMATCH',
      `The payload's ${name} is to be ${kind}, not ${JSON.stringify(value)}.`,
    );
  }
}

function unknownField(field: string, schema: CollectionSchema): CinedexError {
  return new CinedexError(
    'INDEX_MISMATCH',
    `The collection ${schema.name} has no field "${field}" for that.`,
  );
}
