/**
 * The ledger on Redis. A video's record is a hash of its JSON and a token that changes with every write; a write compares
 * the token (optimistic concurrency), so no update is lost whoever writes. The keys of one shard share a hash tag, hence a
 * slot of a Redis Cluster, so that one script can change a record with the two sorted sets that find it:
 *
 *   <prefix>:{ledger-<shard>}:video:<key>   hash   t = token, r = record
 *   <prefix>:{ledger-<shard>}:keys          zset   every key, in order of bytes
 *   <prefix>:{ledger-<shard>}:due           zset   keys with a `checkAt`, by it
 */
import { createHash, randomBytes } from 'node:crypto';
import { type VideoRef, videoKey } from '../../contracts/common.ts';
import { type Ledger, VideoRecord } from '../../ports/ledger.ts';
import { RedisClock, type RedisClockOptions } from './redis-clock.ts';
import { asStore, closeRedis, type RedisClient } from './redis-connection.ts';
import { redisScript } from './redis-script.ts';

/** Fixed for ever: it says where a record lies. A page asks each shard, so many of them would make paging dear. */
const SHARDS = 16;
const DEFAULT_PAGE = 100;
/** Records of which it is remembered what was written last: those that are in work, with room to spare. */
const REMEMBERED = 2_000;

/**
 * KEYS: record, keys, due. ARGV: token that was read ('' for none), token to write, record, key, checkAt ('' for none).
 * A write that is sent twice, because the connection broke before its answer came, finds its own token and is done.
 */
const WRITE = redisScript(`
  local token = redis.call('HGET', KEYS[1], 't') or ''
  if token == ARGV[2] then return 1 end
  if token ~= ARGV[1] then return redis.call('HMGET', KEYS[1], 't', 'r') end
  redis.call('HSET', KEYS[1], 't', ARGV[2], 'r', ARGV[3])
  if token == '' then redis.call('ZADD', KEYS[2], 0, ARGV[4]) end
  if ARGV[5] == '' then redis.call('ZREM', KEYS[3], ARGV[4])
  else redis.call('ZADD', KEYS[3], ARGV[5], ARGV[4]) end
  return 1`);

export class RedisLedger implements Ledger {
  readonly #client: RedisClient;
  readonly #prefix: string;
  /** Of this process: tokens must differ from everybody's. */
  readonly #writer = randomBytes(9).toString('base64url');
  #writes = 0;
  /** Our own writers of one record wait for each other, so that only other processes are ever in the way. */
  readonly #queues = new Map<string, Promise<unknown>>();
  /**
   * What this process wrote last, by key, the oldest first. A step is mostly settled where it was claimed, so its record
   * need not be read again: the write finds out by the token when somebody else has written since.
   */
  readonly #written = new Map<string, { token: string; json: string }>();

  readonly #clock: RedisClock;

  /** @param client opened for the purpose `store`; closed with the ledger */
  constructor(client: RedisClient, prefix: string, options: { clock?: RedisClockOptions } = {}) {
    this.#client = client;
    this.#prefix = prefix;
    this.#clock = new RedisClock(client, options.clock);
  }

  /** The server's, once anything has been asked of the ledger. */
  readonly now = (): number => this.#clock.now();

  async get(ref: VideoRef): Promise<VideoRecord | undefined> {
    const key = videoKey(ref);
    return parse(await this.#do(this.#client.hget(this.#key(shardOf(key), `video:${key}`), 'r')));
  }

  async update(
    ref: VideoRef,
    change: (current: VideoRecord | undefined) => VideoRecord | undefined,
  ): Promise<VideoRecord | undefined> {
    const key = videoKey(ref);
    const before = this.#queues.get(key);
    const work = before ? before.then(() => this.#update(key, change)) : this.#update(key, change);
    const settled = work.then(
      () => undefined,
      () => undefined, // Its caller hears of it; those behind it only wait.
    );
    this.#queues.set(key, settled);
    try {
      return await work;
    } finally {
      if (this.#queues.get(key) === settled) this.#queues.delete(key);
    }
  }

  async list(
    options: { tenant?: string; cursor?: string; limit?: number } = {},
  ): Promise<{ records: VideoRecord[]; cursor: string | null }> {
    const { tenant, cursor, limit = DEFAULT_PAGE } = options;
    const first = tenant === undefined ? '-' : `[${tenant}/`;
    // "0" follows "/" in the order of bytes.
    const last = tenant === undefined ? '+' : `(${tenant}0`;
    const pages = await this.#ofShards((shard) =>
      this.#client.zrangebylex(
        this.#key(shard, 'keys'),
        cursor === undefined ? first : `(${cursor}`,
        last,
        'LIMIT',
        0,
        limit,
      ),
    );
    const keys = pages.flat().sort(byBytes).slice(0, limit);
    const found = await Promise.all(
      keys.map((key) => this.#do(this.#client.hget(this.#key(shardOf(key), `video:${key}`), 'r'))),
    );
    const records = found.map(parse).filter((record) => record !== undefined);
    return { records, cursor: keys.length < limit ? null : keys.at(-1)! };
  }

  async due(now: number, limit: number): Promise<VideoRef[]> {
    await this.#do(this.#clock.known());
    const found = await this.#ofShards((shard) =>
      this.#client.zrangebyscore(this.#key(shard, 'due'), '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit),
    );
    return found
      .flatMap((flat) =>
        Array.from({ length: flat.length / 2 }, (_, i) => ({
          key: flat[2 * i]!,
          at: Number(flat[2 * i + 1]),
        })),
      )
      .sort((a, b) => a.at - b.at || byBytes(a.key, b.key))
      .slice(0, limit)
      .map(({ key }) => {
        const slash = key.indexOf('/');
        return { tenant: key.slice(0, slash), videoId: key.slice(slash + 1) };
      });
  }

  async close(): Promise<void> {
    this.#clock.stop();
    await closeRedis(this.#client);
  }

  async #update(
    key: string,
    change: (current: VideoRecord | undefined) => VideoRecord | undefined,
  ): Promise<VideoRecord | undefined> {
    const shard = shardOf(key);
    const place = this.#key(shard, `video:${key}`);
    await this.#do(this.#clock.known());
    const read = async () => (await this.#do(this.#client.hmget(place, 't', 'r'))) as [string, string];
    const remembered = this.#written.get(key);
    this.#written.delete(key);
    let fresh = remembered === undefined;
    let [token, json]: (string | null)[] = remembered ? [remembered.token, remembered.json] : await read();
    for (;;) {
      const next = change(parse(json));
      if (!next && !fresh) {
        // That there is nothing to do is only said of what is there now.
        [token, json] = await read();
        fresh = true;
        continue;
      }
      // Parsed anew: `change` may have written on its copy.
      if (!next) return parse(json);
      const own = { token: this.#token(), json: JSON.stringify(next) };
      const written = await this.#do(
        WRITE(
          this.#client,
          [place, this.#key(shard, 'keys'), this.#key(shard, 'due')],
          [token ?? '', own.token, own.json, key, next.checkAt ?? ''],
        ),
      );
      if (written === 1) {
        this.#remember(key, own);
        return next;
      }
      // Somebody else's write came between; it brought what is there now.
      [token, json] = written as [string, string];
      fresh = true;
    }
  }

  #remember(key: string, own: { token: string; json: string }): void {
    this.#written.set(key, own);
    if (this.#written.size <= REMEMBERED) return;
    const [oldest] = this.#written.keys();
    this.#written.delete(oldest!);
  }

  #token(): string {
    this.#writes += 1;
    return `${this.#writer}.${this.#writes.toString(36)}`;
  }

  #key(shard: number, name: string): string {
    return `${this.#prefix}:{ledger-${shard}}:${name}`;
  }

  #ofShards<T>(ask: (shard: number) => Promise<T>): Promise<T[]> {
    return this.#do(Promise.all(Array.from({ length: SHARDS }, (_, shard) => ask(shard))));
  }

  #do<T>(work: Promise<T>): Promise<T> {
    return asStore('The ledger on Redis', work);
  }
}

function shardOf(key: string): number {
  return createHash('sha1').update(key).digest()[0]! % SHARDS;
}

function parse(json: string | null | undefined): VideoRecord | undefined {
  return typeof json === 'string' ? VideoRecord.parse(JSON.parse(json)) : undefined;
}

/** The order in which Redis sorts members; JavaScript's own differs beyond the basic plane. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
