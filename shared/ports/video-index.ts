/** The vector store: collections of points with dense vectors, analysed text and filterable payload. */

export const COLLECTION_NAMES = ['videos', 'moments', 'faces', 'audio'] as const;
export type CollectionName = (typeof COLLECTION_NAMES)[number];

export type PayloadValue =
  | string
  | number
  | boolean
  | null
  | PayloadValue[]
  | { [key: string]: PayloadValue };
export type Payload = Record<string, PayloadValue>;

export type Vector = readonly number[] | Float32Array;

export interface CollectionSchema {
  name: CollectionName;
  /** Named dense vectors. A point may lack any of them. */
  vectors: Record<string, { dimensions: number; distance: 'cosine' | 'euclid' }>;
  /**
   * Named sets of vectors, all of a set with the same dimensions: a document told by several vectors. Compared by MaxSim:
   * for each vector of the query the best cosine similarity among the point's, summed (late interaction; Khattab & Zaharia,
   * "ColBERT", 2020). A point may lack any. Names are others than those of `vectors`.
   */
  multivectors?: Record<string, { dimensions: number }>;
  /** Named token fields for BM25. Tokens come analysed (shared/text), the store only counts them. */
  lexical: string[];
  /** Payload fields that can be filtered on. `keyword[]` matches when any element does. */
  filterable: Record<string, 'keyword' | 'keyword[]' | 'integer' | 'float' | 'bool'>;
}

export interface Point {
  /** UUID; a second write under the id replaces the point. */
  id: string;
  /** Of those compared by cosine only the direction is kept: they may come back at another length. */
  vectors: Record<string, Vector>;
  /** An empty set is like none. */
  multivectors?: Record<string, readonly Vector[]>;
  lexical: Record<string, readonly string[]>;
  payload: Payload;
}

/** All conditions must hold. */
export type Filter = Condition[];
export type Condition =
  | { field: string; equals: string | number | boolean }
  | { field: string; anyOf: (string | number)[] }
  | { field: string; notEquals: string | number | boolean }
  | { field: string; gte?: number; lte?: number };

export type Query = Asked & Choice;

type Asked =
  /** Nearest first. Score: cosine similarity, or minus the Euclidean distance. */
  | { kind: 'dense'; vector: string; values: Vector }
  /** Best first. Score: MaxSim, at most the number of the query's vectors. */
  | { kind: 'multi'; vector: string; values: readonly Vector[] }
  /** Score: BM25 over one token field, higher is better. */
  | { kind: 'lexical'; field: string; tokens: readonly string[] }
  /** In no particular order, score 0. */
  | { kind: 'scan' };

interface Choice {
  limit: number;
  filter?: Filter;
  /** Fields of the payload that hits carry, as far as a point has them: few are much cheaper. @default all */
  fields?: readonly string[];
}

export interface Hit {
  id: string;
  score: number;
  payload: Payload;
}

export interface VideoIndex {
  /**
   * Makes the collections of a generation where they are missing.
   * @throws CinedexError INDEX_MISMATCH when they exist with other dimensions
   */
  ensureGeneration(generation: string, collections: CollectionSchema[]): Promise<void>;
  generations(): Promise<string[]>;
  /** The generation that searches see; null before the first. */
  active(): Promise<string | null>;
  /** Switches searches over, in one step. */
  activate(generation: string): Promise<void>;
  dropGeneration(generation: string): Promise<void>;
  /** Durable and visible to queries when it resolves. */
  upsert(generation: string, collection: CollectionName, points: Point[]): Promise<void>;
  delete(generation: string, collection: CollectionName, filter: Filter): Promise<void>;
  count(generation: string, collection: CollectionName, filter?: Filter): Promise<number>;
  /** With their vectors, for those ids that exist. */
  get(generation: string, collection: CollectionName, ids: string[]): Promise<Point[]>;
  /** All queries of one request in one round; answers in the order of the queries. */
  query(generation: string, collection: CollectionName, queries: Query[]): Promise<Hit[][]>;
  /** Folds recent writes into the indexes. Cheap when there is nothing to do. */
  optimize(generation: string): Promise<void>;
  /**
   * Another text after every change that may concern the tenant, by whichever process. Missing: changes are not counted, so
   * nothing that was computed from the index may be kept.
   */
  revision?(tenant: string): Promise<string>;
  close(): Promise<void>;
}
