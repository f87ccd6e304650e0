/** Connections to Redis: one server, a Redis Cluster, or the master that sentinels name. */
import { readFileSync } from 'node:fs';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { CoreConfig } from '../../config.ts';
import { CinedexError } from '../../contracts/errors.ts';

export type RedisConfig = CoreConfig['redis'];
export type RedisClient = Redis | Cluster;

/**
 * What a connection is for. `queue`: BullMQ's, whose commands wait for as long as Redis is away, because a job is never
 * given up. `store`: reads and writes that somebody waits for; they fail with STORE_UNAVAILABLE after `timeoutMs`.
 */
export type RedisPurpose = 'queue' | 'store';

/** Where connections tell what happens to them outside any call. */
export interface RedisLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Where nobody listens: the process's warnings. */
export const TO_PROCESS: RedisLog = {
  warn: (fields, message) => process.emitWarning(`${message}: ${JSON.stringify(fields)}`),
  error: (fields, message) => process.emitWarning(`${message}: ${JSON.stringify(fields)}`),
};

/** Redis's answers that no waiting mends. */
const REFUSED = /\b(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|invalid DB index|DB index is out of range)\b/;
const LONGEST_PAUSE_MS = 1_000;

/** The server's name for people, without its password. */
export function redisName(config: RedisConfig): string {
  if (config.clusterNodes.length > 0) return `Redis Cluster ${config.clusterNodes.join(',')}`;
  if (config.sentinels.length > 0)
    return `Redis "${config.sentinelName}" of sentinels ${config.sentinels.join(',')}`;
  const { protocol, host, pathname } = new URL(config.url);
  return `Redis ${protocol}//${host}${pathname}`;
}

/**
 * Connects, and looks whether this Redis can be trusted with a queue.
 * @throws CinedexError STORE_UNAVAILABLE when it does not answer within `timeoutMs`; CONFIG_INVALID when it refuses the
 * user or the database, when the keys contradict each other, or when it may evict keys (a memory limit with a
 * `maxmemory-policy` other than `noeviction` loses jobs and records without a word)
 */
export async function openRedis(
  config: RedisConfig,
  purpose: RedisPurpose,
  log: RedisLog = TO_PROCESS,
): Promise<RedisClient> {
  const client = makeClient(config, purpose);
  const name = redisName(config);
  let lastError: Error | undefined;
  // Redis is away: said once, not at every attempt to reach it again.
  let away = false;
  client.on('error', (error: Error) => {
    lastError = error;
    if (!away) log.error({ err: error, purpose }, `${name} does not answer; it is tried again`);
    away = true;
  });
  client.on('ready', () => {
    if (away) log.warn({ purpose }, `${name} is back`);
    away = false;
  });
  try {
    await ready(client, config.timeoutMs, () => lastError);
    await refuseEviction(client, name, log);
  } catch (error) {
    client.disconnect();
    const cause = lastError ?? error;
    if (error instanceof CinedexError && error.code === 'CONFIG_INVALID') throw error;
    const message = cause instanceof Error ? cause.message : String(cause);
    if (REFUSED.test(message)) {
      throw new CinedexError('CONFIG_INVALID', `${name} refuses us: ${message}`, { cause });
    }
    throw new CinedexError('STORE_UNAVAILABLE', `${name} cannot be reached: ${message}`, { cause });
  }
  return client;
}

/** Ends a connection; what was sent before is answered first, if Redis is there. */
export async function closeRedis(client: RedisClient): Promise<void> {
  if (client.status === 'ready') {
    await client.quit().catch(() => client.disconnect());
  } else client.disconnect();
}

/** Turns a failure of the connection into an error of ours, so that callers know that trying again helps. */
export async function asStore<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof CinedexError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CinedexError('STORE_UNAVAILABLE', `${name}: ${message}`, { cause });
  }
}

/** Options common to all three kinds of server. */
function optionsOf(config: RedisConfig, purpose: RedisPurpose): RedisOptions {
  const url = new URL(config.url);
  const username = config.username || decodeURIComponent(url.username);
  const password = config.password || decodeURIComponent(url.password);
  const database = url.pathname.slice(1);
  if (!/^\d*$/.test(database)) {
    throw new CinedexError(
      'CONFIG_INVALID',
      `CINEDEX_REDIS_URL: "${url.pathname}" is not a database number.`,
    );
  }
  const tls = config.tls || url.protocol === 'rediss:';
  return {
    lazyConnect: true,
    connectTimeout: config.timeoutMs,
    // BullMQ's blocking reads need it, and the others are bounded by their timeout.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(50 * times, LONGEST_PAUSE_MS),
    // What is asked in one turn of the event loop travels together: a system call each would cost more than the rest.
    ...(purpose === 'store' && { commandTimeout: config.timeoutMs, enableAutoPipelining: true }),
    ...(username && { username }),
    ...(password && { password }),
    ...(database && { db: Number(database) }),
    ...(tls && { tls: config.caFile ? { ca: readAuthority(config.caFile) } : {} }),
  };
}

function makeClient(config: RedisConfig, purpose: RedisPurpose): RedisClient {
  const { clusterNodes, sentinels } = config;
  if (clusterNodes.length > 0 && sentinels.length > 0) {
    throw new CinedexError(
      'CONFIG_INVALID',
      'CINEDEX_REDIS_CLUSTER_NODES and CINEDEX_REDIS_SENTINELS exclude each other.',
    );
  }
  const options = optionsOf(config, purpose);
  if (clusterNodes.length > 0) {
    const { lazyConnect, retryStrategy, db: _, ...redisOptions } = options;
    const servers = clusterNodes.map((node) => address('CINEDEX_REDIS_CLUSTER_NODES', node, 6379));
    return new Cluster(servers, {
      lazyConnect,
      redisOptions,
      ...(options.enableAutoPipelining && { enableAutoPipelining: true }),
      clusterRetryStrategy: retryStrategy as (times: number) => number,
      // Managed clusters answer by names that only hold for TLS when they are kept.
      ...(options.tls && { dnsLookup: (host, done) => done(null, host) }),
    });
  }
  if (sentinels.length > 0) {
    return new Redis({
      ...options,
      name: config.sentinelName,
      sentinels: sentinels.map((node) => address('CINEDEX_REDIS_SENTINELS', node, 26379)),
      ...(options.retryStrategy && { sentinelRetryStrategy: options.retryStrategy }),
      ...(config.sentinelPassword && { sentinelPassword: config.sentinelPassword }),
    });
  }
  const { hostname, port } = new URL(config.url);
  return new Redis({ ...options, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) });
}

function address(key: string, node: string, defaultPort: number): { host: string; port: number } {
  const found = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(node);
  const host = found?.[1] ?? found?.[2];
  if (!host) throw new CinedexError('CONFIG_INVALID', `${key}: "${node}" is not host:port.`);
  return { host, port: Number(found?.[3] ?? defaultPort) };
}

function readAuthority(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CinedexError('CONFIG_INVALID', `CINEDEX_REDIS_CA_FILE: ${file} cannot be read.`, { cause });
  }
}

/** Resolves when the client can be used. It goes on trying, as a server that starts beside us may need a moment. */
async function ready(
  client: RedisClient,
  timeoutMs: number,
  lastError: () => Error | undefined,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no answer within ${timeoutMs} ms`, { cause: lastError() })),
      timeoutMs,
    );
    const settle = (act: () => void) => {
      clearTimeout(timer);
      client.off('ready', onReady);
      client.off('error', onError);
      act();
    };
    const onReady = () => settle(resolve);
    const onError = (error: Error) => {
      if (REFUSED.test(error.message)) settle(() => reject(error));
    };
    client.on('ready', onReady);
    client.on('error', onError);
    // A first attempt that fails is followed by others; its error has been told to `error`.
    client.connect().catch(onError);
  });
}

/** An evicted job or record is lost without a word, so a Redis that may evict is refused; one that could, warned of. */
async function refuseEviction(client: RedisClient, name: string, log: RedisLog): Promise<void> {
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  for (const server of servers) {
    const memory = await server.info('memory');
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    const limit = Number(/^maxmemory:(\d+)/m.exec(memory)?.[1] ?? 0);
    if (!policy || policy === 'noeviction') continue;
    if (limit > 0) {
      throw new CinedexError(
        'CONFIG_INVALID',
        `${name} has a memory limit and maxmemory-policy ${policy}: it would drop jobs and records. Set it to noeviction.`,
      );
    }
    log.warn({ policy }, `${name} should have maxmemory-policy noeviction before it gets a memory limit`);
  }
}
