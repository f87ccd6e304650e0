/** What the Qdrant adapter sends, held against Qdrant's published API types; and what it makes of failures. No server needed. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLIENT_MINOR } from '../../shared/adapters/cluster/qdrant-requests.ts';
import { QdrantVideoIndex } from '../../shared/adapters/cluster/qdrant-video-index.ts';
import { loadConfig } from '../../shared/config.ts';
import { collectionSchemas, pointId } from '../../shared/index/schema.ts';
import { COLLECTION_NAMES, type CollectionSchema, type Point } from '../../shared/ports/video-index.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { freePort } from '../servers/process.ts';
import { publishedTypeErrors, QdrantStandIn } from './video-index.qdrant-stand-in.ts';

console.warn(
  'Qdrant’s requests are checked against its published types here; what they do is for a real server to say.',
);

const MODELS = {
  text: { id: 'words', dimensions: 3 },
  multimodal: { id: 'pictures', dimensions: 2 },
  face: { id: 'faces', dimensions: 2 },
  audio: { id: 'sounds', dimensions: 2 },
};
const SCHEMAS = collectionSchemas(MODELS);
const VIDEOS: CollectionSchema = { ...SCHEMAS[0]!, multivectors: { parts: { dimensions: 2 } } };
const id = pointId({ tenant: 'a', videoId: 'v1' }, 'videos');
const VIDEO: Point = {
  id,
  vectors: { title: [1, 2, 3], gist: Float32Array.from([0.5, 0.25]) },
  multivectors: { parts: [[1, 0], Float32Array.from([0.5, 0.5])] },
  lexical: { title: ['big', 'movie', 'big'], speech: [] },
  payload: {
    tenant: 'a',
    video: 'v1',
    revision: 3,
    tags: ['x', 'y'],
    durationSec: 1.5,
    complete: true,
    nothing: null,
  },
};

let server: QdrantStandIn;
let url: string;
const settings = (over: Record<string, unknown> = {}) =>
  loadConfig({}, {}, { qdrant: { url, ...over } }).qdrant;
const open = async (over: Record<string, unknown> = {}) => QdrantVideoIndex.open(settings(over));

beforeEach(async () => {
  server = new QdrantStandIn();
  url = await server.start();
});
afterEach(async () => {
  await server.stop();
});

/** Every operation of the port, and every kind of query and condition. */
async function exercise(index: QdrantVideoIndex): Promise<void> {
  await index.ensureGeneration('g1', [VIDEOS, ...SCHEMAS.slice(1)]);
  await index.ensureGeneration('g0', [VIDEOS]);
  await index.activate('g1');
  await index.activate('g0');
  await index.upsert('g1', 'videos', [
    VIDEO,
    { id: pointId({ tenant: 'a', videoId: 'v2' }, 'videos'), vectors: {}, lexical: {}, payload: {} },
  ]);
  await index.get('g1', 'videos', [id]);
  await index.query('g1', 'videos', [
    { kind: 'dense', vector: 'title', values: [1, 0, 0], limit: 3 },
    {
      kind: 'dense',
      vector: 'gist',
      values: Float32Array.from([0, 1]),
      limit: 5,
      filter: [
        { field: 'tenant', equals: 'a' },
        { field: 'tags', anyOf: ['x', 'y'] },
        { field: 'revision', anyOf: [1, 2] },
        { field: 'complete', notEquals: false },
        { field: 'publishedAt', gte: 1.5, lte: 9 },
        { field: 'durationSec', equals: 1.5 },
        { field: 'explicit', lte: 0.5 },
        { field: 'views' },
      ],
    },
    {
      kind: 'lexical',
      field: 'title',
      tokens: ['big', '电影'],
      limit: 2,
      filter: [{ field: 'tenant', equals: 'a' }],
    },
    { kind: 'multi', vector: 'parts', values: [[1, 1]], limit: 4 },
    { kind: 'scan', limit: 7, filter: [{ field: 'language', notEquals: 'en' }] },
  ]);
  await index.count('g1', 'moments', [{ field: 'people', equals: 'p' }]);
  await index.delete('g1', 'faces', [{ field: 'video', equals: 'v1' }]);
  await index.delete('g1', 'audio', []);
  await index.optimize('g1');
  await index.snapshot('g1');
  await index.generations();
  await index.active();
  await index.dropGeneration('g1');
}

describe('requests to Qdrant', () => {
  it.each([{}, { onDisk: true, int8: false, shards: 3, replication: 3 }])(
    'fit the published types, and so do the answers that the stand-in gives: %o',
    async (over) => {
      const index = await open(over);
      await exercise(index);
      expect(new Set(server.exchanges.map(({ method, route }) => `${method} ${route}`)).size).toBe(15);
      expect(publishedTypeErrors(server.exchanges)).toEqual([]);
    },
  );

  it('would be told apart from wrong ones', async () => {
    await exercise(await open());
    const spoilt = structuredClone(server.exchanges);
    const find = (route: string, method = 'post') =>
      spoilt.find(
        (each) => each.method === method && each.route === `/collections/{collection_name}${route}`,
      )!;
    const search = (find('/points/query/batch').request as { searches: Record<string, unknown>[] })
      .searches[0]!;
    search.params = { quantization: { rescore: 'yes' } };
    Object.assign(find('', 'put').request as object, { quantization_config: { scalar: { type: 'int9' } } });
    Object.assign(find('/points/delete').request as object, { filter: { must: [{ field: 'video' }] } });
    find('/points', 'put').query = { wait: 'true', waits: 'true' };
    Object.assign(find('/points/count').response as object, { result: { counted: 1 } });
    const complaints = publishedTypeErrors(spoilt).map((line) => /error TS\d+: .*/.exec(line)?.[0]);
    expect(complaints).toHaveLength(5);
  });

  it('make a collection with what was configured, an index for every filter, and tenants side by side', async () => {
    const index = await open({ onDisk: true, shards: 2, replication: 3 });
    await index.ensureGeneration('g1', [VIDEOS]);
    expect(server.sent('put', '/collections/{collection_name}')[0]).toMatchObject({
      vectors: { title: { size: 3, distance: 'Cosine', on_disk: true }, gist: { size: 2 } },
      sparse_vectors: { bm25_title: { modifier: 'idf', index: { on_disk: true } } },
      quantization_config: { scalar: { type: 'int8', always_ram: true } },
      ...{ on_disk_payload: true, shard_number: 2, replication_factor: 3, write_consistency_factor: 2 },
    });
    const indexed = server.sent('put', '/collections/{collection_name}/index') as {
      field_name: string;
      field_schema: Record<string, unknown>;
    }[];
    expect(indexed.map(({ field_name }) => field_name).sort()).toEqual(Object.keys(VIDEOS.filterable).sort());
    expect(indexed.filter(({ field_schema }) => field_schema.is_tenant)).toMatchObject([
      { field_name: 'tenant' },
    ]);
    await index.ensureGeneration('g1', [VIDEOS]);
    expect(server.sent('put', '/collections/{collection_name}')).toHaveLength(1);
    expect(server.sent('put', '/collections/{collection_name}/index')).toHaveLength(indexed.length);
  });

  it('ask all searches of a request in one, rescored; what can find nothing is not asked', async () => {
    const index = await open();
    await index.ensureGeneration('g1', [VIDEOS]);
    await index.upsert('g1', 'videos', [VIDEO]);
    const answers = await index.query('g1', 'videos', [
      { kind: 'lexical', field: 'title', tokens: [], limit: 5 },
      { kind: 'dense', vector: 'title', values: [1, 0, 0], limit: 5, filter: [{ field: 'tags', anyOf: [] }] },
      { kind: 'dense', vector: 'title', values: [1, 0, 0], limit: 5 },
      { kind: 'lexical', field: 'title', tokens: ['big', 'big'], limit: 5 },
    ]);
    expect(answers.map(({ length }) => length)).toEqual([0, 0, 1, 1]);
    const batches = server.sent('post', '/collections/{collection_name}/points/query/batch');
    expect(batches).toHaveLength(1);
    expect(batches[0]).toMatchObject({
      searches: [
        {
          using: 'title',
          params: { quantization: { rescore: true } },
          with_payload: { exclude: ['_tokens'] },
        },
        { using: 'bm25_title', query: { values: [1] } },
      ],
    });
  });

  it('want answers uncompressed: compressed ones wait for acknowledgements', async () => {
    await (await open()).active();
    expect(server.exchanges.length).toBeGreaterThan(0);
    for (const { headers } of server.exchanges) expect(headers['accept-encoding']).toBe('identity');
  });

  it('let no set of two vectors look like a sparse vector, and keep its numbers as they round to 32 bits', async () => {
    const index = await open();
    await index.ensureGeneration('g1', [VIDEOS]);
    for (const first of [
      [0, 1],
      [1, 0],
      [3, 4],
    ]) {
      const values = [first, [0.5, -1]];
      await index.upsert('g1', 'videos', [{ ...VIDEO, multivectors: { parts: values } }]);
      await index.query('g1', 'videos', [{ kind: 'multi', vector: 'parts', values, limit: 1 }]);
      const written = server.sent('put', '/collections/{collection_name}/points').at(-1) as {
        points: { vector: { parts: number[][] } }[];
      };
      const asked = server.sent('post', '/collections/{collection_name}/points/query/batch').at(-1) as {
        searches: { query: number[][] }[];
      };
      for (const set of [written.points[0]!.vector.parts, asked.searches[0]!.query]) {
        expect(set[0]!.every(Number.isInteger)).toBe(false);
        expect(set.map((vector) => Array.from(Float32Array.from(vector)))).toEqual(values);
      }
    }
  });

  it('switch all collections of a generation in one request', async () => {
    const index = await open();
    await index.ensureGeneration('g0', SCHEMAS);
    await index.ensureGeneration('g1', [VIDEOS]);
    await index.activate('g0');
    await index.activate('g1');
    const [first, second] = server.sent('post', '/collections/aliases') as { actions: object[] }[];
    expect(first!.actions).toHaveLength(COLLECTION_NAMES.length);
    expect(second!.actions).toEqual([
      ...['moments', 'faces', 'audio'].map((name) => ({ delete_alias: { alias_name: `cinedex.${name}` } })),
      { create_alias: { alias_name: 'cinedex.videos', collection_name: 'cinedex.g1.videos' } },
    ]);
    expect(await index.active()).toBe('g1');
  });

  it('write many points in several requests, each answered when it is done', async () => {
    const index = await open();
    await index.ensureGeneration('g1', [VIDEOS]);
    const points = Array.from({ length: 600 }, (_, i) => ({
      ...VIDEO,
      id: pointId({ tenant: 'a', videoId: `${i}` }, 'videos'),
    }));
    await index.upsert('g1', 'videos', [...points, points[0]!]);
    const written = server.exchanges.filter(
      (each) => each.method === 'put' && each.route.endsWith('/points'),
    );
    expect(written.map(({ request }) => (request as { points: unknown[] }).points.length)).toEqual([
      256, 256, 88,
    ]);
    expect(written.every(({ query }) => query.wait === 'true')).toBe(true);
  });

  it('see only the collections of their own prefix', async () => {
    const ours = await open({ prefix: 'a' });
    const theirs = await open({ prefix: 'a_b' });
    await theirs.ensureGeneration('g1', [VIDEOS]);
    await theirs.activate('g1');
    expect(await ours.generations()).toEqual([]);
    expect(await ours.active()).toBeNull();
    await ours.dropGeneration('g1');
    expect(await theirs.generations()).toEqual(['g1']);
  });

  it('go where the url points, path and standard ports included, with the key in a header', async () => {
    const index = await open({ apiKey: 'secret' });
    await index.generations();
    expect(server.exchanges.at(-1)!.headers['api-key']).toBe('secret');
    const elsewhere = QdrantVideoIndex.open(
      settings({ url: 'https://127.0.0.1/some/path', timeoutMs: 2_000 }),
    );
    await expect(elsewhere).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/127\.0\.0\.1:443/),
    });
  });
});

describe('a collection that is not as it must be', () => {
  const change = (over: Partial<CollectionSchema>): CollectionSchema => ({ ...VIDEOS, ...over });

  it.each([
    [
      'other dimensions',
      change({ vectors: { ...VIDEOS.vectors, title: { dimensions: 9, distance: 'cosine' } } }),
      /title is 3 dimensions, not 9 dimensions/,
    ],
    [
      'another distance',
      change({ vectors: { ...VIDEOS.vectors, gist: { dimensions: 2, distance: 'euclid' } } }),
      /distance of gist is cosine, not euclid/,
    ],
    [
      'a vector more',
      change({ vectors: { ...VIDEOS.vectors, more: { dimensions: 1, distance: 'cosine' } } }),
      /more is missing, not 1 dimensions/,
    ],
    [
      'one vector where a set was',
      change({
        vectors: { ...VIDEOS.vectors, parts: { dimensions: 2, distance: 'cosine' } },
        multivectors: {},
      }),
      /parts is a set of vectors, not one vector/,
    ],
    ['a token field more', change({ lexical: [...VIDEOS.lexical, 'more'] }), /token field more is missing/],
    [
      'another kind of a field',
      change({ filterable: { ...VIDEOS.filterable, views: 'keyword' } }),
      /views is integer, not keyword/,
    ],
  ])('is refused, with the difference: %s', async (_, wanted, message) => {
    const index = await open();
    await index.ensureGeneration('g1', [VIDEOS]);
    await expect(index.ensureGeneration('g1', [wanted])).rejects.toMatchObject({
      code: 'INDEX_MISMATCH',
      message: expect.stringMatching(message),
    });
  });

  it('gets the indexes that an interrupted start left out', async () => {
    const index = await open();
    let made = 0;
    server.fault = ({ route }) => {
      if (!route.endsWith('/index') || ++made <= 3) return undefined;
      return { status: 500, body: { status: { error: 'stopped' } } };
    };
    await expect(index.ensureGeneration('g1', [VIDEOS])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    server.fault = () => undefined;
    await index.ensureGeneration('g1', [VIDEOS]);
    const fields = server.exchanges
      .filter(({ route, status }) => route.endsWith('/index') && status === 200)
      .map(({ request }) => (request as { field_name: string }).field_name);
    expect(fields.sort()).toEqual(Object.keys(VIDEOS.filterable).sort());
  });

  it('is known to another process that never declared it', async () => {
    await (await open()).ensureGeneration('g1', [VIDEOS]);
    const other = await open();
    await other.upsert('g1', 'videos', [VIDEO]);
    await expect(other.count('g1', 'videos', [{ field: 'nothing', equals: 1 }])).rejects.toMatchObject({
      code: 'INDEX_MISMATCH',
    });
  });
});

describe('failures of Qdrant', () => {
  const answer = (status: number, error: string) => ({ status, body: { status: { error }, time: 0 } });

  it('that pass are tried again, and told as unavailable when they stay', async () => {
    const index = await open();
    let refusals = 2;
    server.fault = () => (refusals-- > 0 ? answer(503, 'busy') : undefined);
    expect(await index.generations()).toEqual([]);
    refusals = 3;
    await expect(index.generations()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('503 busy'),
    });
  });

  it.each([
    [500, 'Service internal error', 'STORE_UNAVAILABLE'],
    [400, 'Wrong input', 'STAGE_BUG'],
    [400, 'Wrong input: Vector dimension error: expected dim: 4, got 2', 'INDEX_MISMATCH'],
    [401, 'Must provide an API key', 'CONFIG_INVALID'],
    [404, 'Collection does not exist', 'NOT_FOUND'],
  ])('%s (%s) are %s', async (status, error, code) => {
    const index = await open();
    server.fault = () => answer(status, error);
    await expect(index.generations()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(error),
    });
  });

  it('do not outlast the limit of a request', async () => {
    await server.stop();
    const silent = (await import('node:http')).createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    await expect(
      QdrantVideoIndex.open(settings({ url: `http://127.0.0.1:${port}`, timeoutMs: 150 })),
    ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('within 150 ms') });
    silent.closeAllConnections();
    silent.close();
    await server.start();
  });

  it('name the address that refuses', async () => {
    const port = await freePort();
    await expect(QdrantVideoIndex.open(settings({ url: `http://127.0.0.1:${port}` }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it('to do a write in time are failures, not successes', async () => {
    const index = await open();
    await index.ensureGeneration('g1', [VIDEOS]);
    server.fault = ({ method, route }) =>
      method === 'put' && route.endsWith('/points')
        ? {
            status: 200,
            body: { result: { operation_id: 1, status: 'wait_timeout' }, status: 'ok', time: 0 },
          }
        : undefined;
    await expect(index.upsert('g1', 'videos', [VIDEO])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('the server’s version', () => {
  it('is refused when it is too old, and warned of when it is far from the client’s', async () => {
    server.version = '1.15.5';
    await expect(open()).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' });
    const lines: string[] = [];
    const logger = createLogger({ destination: { write: (line: string) => void lines.push(line) } });
    const warnedOf = async (version: string) => {
      lines.length = 0;
      server.version = version;
      await QdrantVideoIndex.open(settings(), { logger });
      return lines.join('');
    };
    expect(await warnedOf('1.18.3')).toBe('');
    expect(await warnedOf('1.20.0')).toBe('');
    expect(await warnedOf('1.21.0')).toContain('Qdrant 1.21.0');
    expect(await warnedOf('1.17.1')).toContain('Qdrant 1.17.1');
  });

  it('is held against the client that is installed', () => {
    const manifest = new URL('../../node_modules/@qdrant/js-client-rest/package.json', import.meta.url);
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    expect(version.split('.').slice(0, 2)).toEqual(['1', String(CLIENT_MINOR)]);
  });
});
