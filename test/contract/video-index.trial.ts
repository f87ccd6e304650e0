/** What the parts of the contract of a VideoIndex share: a schema, points, and a fresh generation for each test. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach } from 'vitest';
import type {
  CollectionSchema,
  Filter,
  Hit,
  Payload,
  Point,
  VideoIndex,
} from '../../shared/ports/video-index.ts';
import type { Opened } from './waiting.ts';

export const VIDEOS: CollectionSchema = {
  name: 'videos',
  vectors: {
    text: { dimensions: 4, distance: 'cosine' },
    face: { dimensions: 3, distance: 'euclid' },
  },
  multivectors: { parts: { dimensions: 3 } },
  lexical: ['title', 'speech'],
  filterable: {
    tenant: 'keyword',
    people: 'keyword[]',
    year: 'integer',
    score: 'float',
    live: 'bool',
  },
};
export const MOMENTS: CollectionSchema = { ...VIDEOS, name: 'moments' };

let made = 0;
export const point = (over: Partial<Point> & { payload?: Payload } = {}): Point => ({
  id: randomUUID(),
  vectors: {},
  lexical: {},
  payload: {},
  ...over,
});

/** The generation of one test and short words for what is done with its collection `videos`. */
export interface Trial {
  readonly index: VideoIndex;
  readonly generation: string;
  put(...points: Point[]): Promise<void>;
  dense(vector: string, values: number[], limit?: number, filter?: Filter): Promise<Hit[]>;
  lexical(field: string, tokens: string[], filter?: Filter, limit?: number): Promise<Hit[]>;
  scan(filter: Filter, limit?: number): Promise<Hit[]>;
  /** Opens the index again, as after a restart; missing where nothing outlives it. */
  readonly reopen: (() => Promise<void>) | undefined;
}

/** Opens the index before each test of the suite it is called in, and ends it after. */
export function eachInItsGeneration(open: () => Promise<Opened<VideoIndex>>): Trial {
  let opened: Opened<VideoIndex>;
  let index: VideoIndex;
  let generation: string;
  beforeEach(async () => {
    opened = await open();
    index = opened.store;
    generation = `g${process.pid}-${made++}`;
    await index.ensureGeneration(generation, [VIDEOS, MOMENTS]);
  });
  afterEach(async () => {
    await opened.dispose();
  });
  return {
    get index() {
      return index;
    },
    get generation() {
      return generation;
    },
    get reopen() {
      const { reopen } = opened;
      return (
        reopen &&
        (async () => {
          index = await reopen();
        })
      );
    },
    put: (...points) => index.upsert(generation, 'videos', points),
    dense: async (vector, values, limit = 10, filter = []) =>
      (await index.query(generation, 'videos', [{ kind: 'dense', vector, values, limit, filter }]))[0]!,
    lexical: async (field, tokens, filter = [], limit = 10) =>
      (await index.query(generation, 'videos', [{ kind: 'lexical', field, tokens, limit, filter }]))[0]!,
    scan: async (filter, limit = 1_000) =>
      (await index.query(generation, 'videos', [{ kind: 'scan', limit, filter }]))[0]!,
  };
}
