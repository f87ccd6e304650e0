/** How a collection of ours is laid out in Qdrant: its name, vectors, indexes, and the check that one is as it must be. */
import type { Schemas } from '@qdrant/js-client-rest';
import { CinedexError } from '../../contracts/errors.ts';
import { COLLECTION_NAMES, type CollectionName, type CollectionSchema } from '../../ports/video-index.ts';
import { meanLength } from './qdrant-bm25.ts';
import { isRecord, type QdrantConfig } from './qdrant-requests.ts';

/** What is kept with a collection, as its metadata: other processes read the schema from there. */
export interface Layout {
  schema: CollectionSchema;
  /** Of each token field, the mean length that its weights are made with. */
  meanLengths: Record<string, number>;
}

/** Vectors and token fields share one space of names in Qdrant. */
export const sparseName = (field: string) => `bm25_${field}`;

/** Key of the payload that holds the tokens, which cannot be had back from their weights. */
export const TOKENS_KEY = '_tokens';

const METADATA_KEY = 'cinedex';
const LAYOUT_VERSION = 1;
const DISTANCES = { cosine: 'Cosine', euclid: 'Euclid' } as const;
/** Letters that mean nothing in a JSON path, by which Qdrant names payload fields. */
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/**
 * Names: `<prefix>.<generation>.<collection>`, and the alias `<prefix>.<collection>` of the active generation's. Neither a
 * prefix nor a collection has a dot, so systems with the prefixes `a` and `a.b` or `a_b` never see each other's.
 */
export class Names {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** @throws CinedexError USAGE */
  collection(generation: string, collection: CollectionName): string {
    if (!/^[A-Za-z0-9][\w.-]{0,127}$/.test(generation)) {
      throw new CinedexError('USAGE', `"${generation}" is no name for a generation.`);
    }
    return `${this.#prefix}.${generation}.${collection}`;
  }

  alias(collection: CollectionName): string {
    return `${this.#prefix}.${collection}`;
  }

  /** What a name in Qdrant stands for; null when it is not ours. */
  parse(name: string): { generation: string; collection: CollectionName } | null {
    const collection = COLLECTION_NAMES.find((each) => name.endsWith(`.${each}`));
    if (!collection || !name.startsWith(`${this.#prefix}.`)) return null;
    const generation = name.slice(this.#prefix.length + 1, -collection.length - 1);
    return generation ? { generation, collection } : null;
  }
}

interface DenseVector {
  name: string;
  size: number;
  distance: 'Cosine' | 'Euclid';
  multi: boolean;
}

function denseVectors({ vectors, multivectors = {} }: CollectionSchema): DenseVector[] {
  return [
    ...Object.entries(vectors).map(([name, { dimensions, distance }]) => ({
      ...{ name, size: dimensions, distance: DISTANCES[distance], multi: false },
    })),
    ...Object.entries(multivectors).map(([name, { dimensions }]) => ({
      ...{ name, size: dimensions, distance: DISTANCES.cosine, multi: true },
    })),
  ];
}

/** @throws CinedexError USAGE when a field's name cannot be used */
export function createRequest(schema: CollectionSchema, config: QdrantConfig): Schemas['CreateCollection'] {
  for (const name of Object.keys(schema.filterable)) {
    if (!FIELD_NAME.test(name)) throw new CinedexError('USAGE', `"${name}" is no name for a payload field.`);
  }
  const meanLengths = Object.fromEntries(
    schema.lexical.map((field) => [field, meanLength(schema.name, field)]),
  );
  const taken = Object.keys(schema.multivectors ?? {}).find((name) => schema.vectors[name]);
  if (taken) throw new CinedexError('USAGE', `"${taken}" names a vector and a set of vectors.`);
  return {
    vectors: Object.fromEntries(
      denseVectors(schema).map(({ name, size, distance, multi }) => [
        name,
        {
          ...{ size, distance, on_disk: config.onDisk },
          ...(multi && { multivector_config: { comparator: 'max_sim' } }),
        },
      ]),
    ),
    sparse_vectors: Object.fromEntries(
      schema.lexical.map((field) => [
        sparseName(field),
        { modifier: 'idf', index: { on_disk: config.onDisk } },
      ]),
    ),
    on_disk_payload: config.onDisk,
    shard_number: config.shards,
    replication_factor: config.replication,
    // Of three copies two have a write before it is answered; of two copies one, or a lost server would stop all writes.
    write_consistency_factor: Math.ceil(config.replication / 2),
    // The originals rescore what the small ones find, so those alone need memory.
    ...(config.int8 && {
      quantization_config: { scalar: { type: 'int8', quantile: 0.99, always_ram: true } },
    }),
    metadata: { [METADATA_KEY]: { layout: LAYOUT_VERSION, schema, meanLengths } },
  };
}

/** The payload indexes of a collection: one for every field that is filtered on. */
export function payloadIndexes(
  { filterable }: CollectionSchema,
  { onDisk }: QdrantConfig,
): { field_name: string; field_schema: Schemas['PayloadSchemaParams'] }[] {
  const place = onDisk ? { on_disk: true } : {};
  return Object.entries(filterable).map(([name, kind]) => {
    switch (kind) {
      case 'integer':
        return { field_name: name, field_schema: { type: 'integer', lookup: true, range: true, ...place } };
      case 'float':
        return { field_name: name, field_schema: { type: 'float', ...place } };
      case 'bool':
        return { field_name: name, field_schema: { type: 'bool', ...place } };
      default:
        // The points of a tenant are stored side by side, since nearly every search is within one.
        return {
          field_name: name,
          field_schema: { type: 'keyword', ...(name === 'tenant' && { is_tenant: true }), ...place },
        };
    }
  });
}

/**
 * The layout that a collection was made with.
 * @throws CinedexError INDEX_MISMATCH when it was not made by us, or by a version of us that lays it out otherwise
 */
export function storedLayout(name: string, info: Schemas['CollectionInfo']): Layout {
  const { metadata } = info.config;
  const kept = isRecord(metadata) ? metadata[METADATA_KEY] : undefined;
  if (!isRecord(kept) || kept.layout !== LAYOUT_VERSION) {
    throw new CinedexError('INDEX_MISMATCH', `${name} exists, but not in a layout that this version made.`);
  }
  return {
    schema: kept.schema as CollectionSchema,
    meanLengths: kept.meanLengths as Record<string, number>,
  };
}

/**
 * Holds a collection against what is wanted, by what the server says of it and not by what we noted.
 * @returns payload fields whose index is still to be made (the making was interrupted, or the schema gained a field)
 * @throws CinedexError INDEX_MISMATCH naming the first difference
 */
export function checkCollection(
  name: string,
  { config, payload_schema }: Schemas['CollectionInfo'],
  wanted: CollectionSchema,
): Set<string> {
  const differs = (field: string, is: unknown, not: unknown) =>
    new CinedexError('INDEX_MISMATCH', `${name}: ${field} is ${is ?? 'missing'}, not ${not}.`);
  const vectors = config.params.vectors as Record<string, Schemas['VectorParams'] | undefined> | undefined;
  for (const { name: field, size, distance, multi } of denseVectors(wanted)) {
    const there = vectors?.[field];
    if (!there) throw differs(field, undefined, `${size} dimensions, ${distance.toLowerCase()}`);
    if (there.size !== size) throw differs(field, `${there.size} dimensions`, `${size} dimensions`);
    if (there.distance !== distance) {
      throw differs(`the distance of ${field}`, there.distance.toLowerCase(), distance.toLowerCase());
    }
    const kinds = { true: 'a set of vectors', false: 'one vector' } as const;
    const isMulti = Boolean(there.multivector_config);
    if (isMulti !== multi) throw differs(field, kinds[`${isMulti}`], kinds[`${multi}`]);
  }
  for (const field of wanted.lexical) {
    const there = config.params.sparse_vectors?.[sparseName(field)];
    if (!there) throw differs(`the token field ${field}`, undefined, 'there');
    if (there.modifier !== 'idf') throw differs(`the modifier of ${field}`, there.modifier, 'idf');
  }
  const missing = new Set<string>();
  for (const [field, kind] of Object.entries(wanted.filterable)) {
    const type = kind === 'keyword[]' ? 'keyword' : kind;
    const there = payload_schema[field]?.data_type;
    if (!there) missing.add(field);
    else if (there !== type) throw differs(`the payload's ${field}`, there, type);
  }
  return missing;
}
