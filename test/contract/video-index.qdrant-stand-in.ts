/**
 * What stands in for Qdrant where there is none: a server that records what the adapter sends, and answers in Qdrant's
 * shapes without searching anything. Both sides are held against the types that Qdrant publishes with its client
 * ({@link publishedTypeErrors}).
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import type { Schemas } from '@qdrant/js-client-rest';

export interface Exchange {
  method: string;
  /** As in Qdrant's OpenAPI document: `/collections/{collection_name}/points`. */
  route: string;
  collection: string | undefined;
  query: Record<string, string>;
  headers: IncomingMessage['headers'];
  /** Undefined when there was none. */
  request: unknown;
  status: number;
  response: unknown;
}

const ROUTES = [
  '/',
  '/aliases',
  '/collections',
  '/collections/aliases',
  '/collections/{collection_name}',
  '/collections/{collection_name}/index',
  '/collections/{collection_name}/points',
  '/collections/{collection_name}/points/count',
  '/collections/{collection_name}/points/delete',
  '/collections/{collection_name}/points/query/batch',
  '/collections/{collection_name}/points/scroll',
  '/collections/{collection_name}/snapshots',
];

/** What is answered instead, for the next request that it gives something for. */
export type Fault = (
  exchange: Pick<Exchange, 'method' | 'route'>,
) => { status: number; body: unknown } | undefined;

export class QdrantStandIn {
  readonly exchanges: Exchange[] = [];
  readonly #collections = new Map<string, Schemas['CollectionInfo']>();
  readonly #aliases = new Map<string, string>();
  readonly #points = new Map<string, Schemas['PointStruct']>();
  readonly #server = createServer();
  version = '1.18.3';
  fault: Fault = () => undefined;

  async start(): Promise<string> {
    this.#server.on('request', async (request, response) => {
      const exchange = await this.#exchange(request);
      response.writeHead(exchange.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(exchange.response));
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** The bodies that were sent to a route, in order. */
  sent(method: string, route: string): unknown[] {
    return this.exchanges
      .filter((each) => each.method === method && each.route === route)
      .map(({ request }) => request);
  }

  async #exchange(message: IncomingMessage): Promise<Exchange> {
    const url = new URL(message.url ?? '/', 'http://stand-in');
    const method = (message.method ?? 'GET').toLowerCase();
    const parts = url.pathname.split('/');
    const route = ROUTES.find(
      (each) =>
        each.split('/').length === parts.length &&
        each.split('/').every((part, i) => part === parts[i] || part.startsWith('{')),
    );
    if (!route) throw new Error(`The stand-in knows no ${url.pathname}.`);
    const collection = route.includes('{') ? decodeURIComponent(parts[2]!) : undefined;
    const body = Number(message.headers['content-length'] ?? 0) > 0 ? await json(message) : undefined;
    const fault = this.fault({ method, route });
    const exchange: Exchange = {
      ...{ method, route, collection, request: body, headers: message.headers },
      query: Object.fromEntries(url.searchParams),
      ...(fault
        ? { status: fault.status, response: fault.body }
        : this.#answer(method, route, collection, body)),
    };
    this.exchanges.push(exchange);
    return exchange;
  }

  #answer(
    method: string,
    route: string,
    collection: string | undefined,
    body: unknown,
  ): { status: number; response: unknown } {
    if (route === '/') {
      const version: Schemas['VersionInfo'] = { title: 'qdrant', version: this.version };
      return { status: 200, response: version };
    }
    const result = this.#result(`${method} ${route}`, collection ?? '', body);
    return result === undefined
      ? { status: 404, response: { status: { error: `Collection ${collection} does not exist` }, time: 0 } }
      : { status: 200, response: { result, status: 'ok', time: 0 } };
  }

  #result(asked: string, collection: string, body: unknown): unknown {
    const updated: Schemas['UpdateResult'] = { operation_id: 1, status: 'completed' };
    const records = [...this.#points.values()];
    switch (asked) {
      case 'get /aliases':
        return {
          aliases: [...this.#aliases].map(([alias_name, collection_name]) => ({
            alias_name,
            collection_name,
          })),
        };
      case 'get /collections':
        return { collections: [...this.#collections.keys()].map((name) => ({ name })) };
      case 'post /collections/aliases': {
        for (const action of (body as Schemas['ChangeAliasesOperation']).actions) {
          if ('create_alias' in action) {
            this.#aliases.set(action.create_alias.alias_name, action.create_alias.collection_name);
          } else if ('delete_alias' in action) this.#aliases.delete(action.delete_alias.alias_name);
        }
        return true;
      }
      case 'put /collections/{collection_name}':
        this.#collections.set(collection, madeOf(body as Schemas['CreateCollection']));
        return true;
      case 'delete /collections/{collection_name}':
        return this.#collections.delete(collection);
    }
    const info = this.#collections.get(collection);
    if (!info) return undefined;
    switch (asked) {
      case 'get /collections/{collection_name}':
        return info;
      case 'put /collections/{collection_name}/index': {
        const { field_name, field_schema } = body as Schemas['CreateFieldIndex'];
        const data_type = (field_schema as Schemas['KeywordIndexParams']).type;
        info.payload_schema[field_name] = { data_type, points: 0 };
        return updated;
      }
      case 'put /collections/{collection_name}/points':
        for (const point of (body as Schemas['PointsList']).points) this.#points.set(String(point.id), point);
        return updated;
      case 'post /collections/{collection_name}/points/delete':
        return updated;
      case 'post /collections/{collection_name}/points/count':
        return { count: records.length };
      case 'post /collections/{collection_name}/points':
        return records;
      case 'post /collections/{collection_name}/points/scroll':
        return { points: records, next_page_offset: null };
      case 'post /collections/{collection_name}/points/query/batch':
        return (body as Schemas['QueryRequestBatch']).searches.map(() => ({
          points: records.map(({ id, payload }) => ({ id, payload, version: 1, score: 0.5 })),
        }));
      case 'post /collections/{collection_name}/snapshots':
        return { name: `${collection}-1.snapshot`, size: 1, creation_time: null, checksum: null };
      default:
        throw new Error(`The stand-in knows no ${asked}.`);
    }
  }
}

function madeOf(request: Schemas['CreateCollection']): Schemas['CollectionInfo'] {
  return {
    status: 'green',
    optimizer_status: 'ok',
    segments_count: 1,
    points_count: 0,
    indexed_vectors_count: 0,
    payload_schema: {},
    config: {
      params: { vectors: request.vectors, sparse_vectors: request.sparse_vectors },
      hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000 },
      optimizer_config: {
        ...{ deleted_threshold: 0.2, vacuum_min_vector_number: 1_000, default_segment_number: 0 },
        flush_interval_sec: 5,
      },
      metadata: request.metadata,
    },
  };
}

const PACKAGE = path.resolve(import.meta.dirname, '../../node_modules/@qdrant/js-client-rest');
const COMPILER = path.resolve(import.meta.dirname, '../../node_modules/.bin/tsc');

/**
 * Compiles what was sent and answered against the operations that Qdrant's client declares (its types are generated from
 * Qdrant's OpenAPI document): route, method, query parameters, body and answer.
 *
 * The declarations say `X | Record<string, unknown> | null` where the document says "X or null", which any object would
 * fit. `Strict` takes that open record out again, but where a free object is meant (`payload`, `metadata`).
 * @returns the compiler's complaints; empty when all fits
 */
export function publishedTypeErrors(exchanges: readonly Exchange[]): string[] {
  const declarations = path.join(PACKAGE, 'dist/types/openapi/generated_schema.js');
  const lines = [
    `import type { paths } from ${JSON.stringify(declarations)};`,
    `type Strict<T> = T extends readonly (infer U)[] ? Strict<U>[]
       : T extends object ? (string extends keyof T ? (unknown extends T[string & keyof T] ? never : Deep<T>) : Deep<T>) : T;`,
    `type Deep<T> = { [K in keyof T]: K extends 'payload' | 'metadata' ? T[K] : Strict<T[K]> };`,
    `type Body<O> = O extends { requestBody?: { content: { 'application/json': infer B } } } ? Strict<B> : never;`,
    `type Answer<O> = O extends { responses: { 200: { content: { 'application/json': infer B } } } } ? Strict<B> : never;`,
    `type Parameter<O> = O extends { parameters: { query?: infer Q } } ? keyof Q : never;`,
  ];
  for (const [i, { method, route, query, request, response, status }] of exchanges.entries()) {
    const operation = `paths[${JSON.stringify(route)}][${JSON.stringify(method)}]`;
    // The client sends an empty object where a POST has no body.
    if (request !== undefined && JSON.stringify(request) !== '{}') {
      lines.push(`export const request${i} = ${JSON.stringify(request)} satisfies Body<${operation}>;`);
    }
    if (status === 200) {
      lines.push(`export const response${i} = ${JSON.stringify(response)} satisfies Answer<${operation}>;`);
    }
    const parameters = JSON.stringify(Object.keys(query));
    lines.push(`export const query${i} = ${parameters} satisfies Parameter<${operation}>[];`);
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-qdrant-types-'));
  const file = path.join(folder, 'exchanges.ts');
  writeFileSync(file, lines.join('\n'));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024'];
  try {
    execFileSync(COMPILER, [...options, '--types', '', file], { cwd: folder, encoding: 'utf8' });
    return [];
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
    return said.split('\n').filter((line) => line.includes('error'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
