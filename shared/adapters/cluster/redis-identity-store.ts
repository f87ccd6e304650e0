/**
 * The gallery on Redis. All keys of a tenant share a hash tag, hence a slot of a Redis Cluster, so that a merge or a split
 * is one script:
 *
 *   <prefix>:{gallery-<tenant>}:people            hash   id -> identity, JSON
 *   <prefix>:{gallery-<tenant>}:merged            hash   id -> id it was merged into
 *   <prefix>:{gallery-<tenant>}:owner             hash   exemplar -> identity
 *   <prefix>:{gallery-<tenant>}:origin            hash   exemplar -> origin, JSON
 *   <prefix>:{gallery-<tenant>}:descriptor        hash   exemplar -> 128 float32, little endian
 *   <prefix>:{gallery-<tenant>}:of:<identity>     set    its exemplars
 *   <prefix>:{gallery-<tenant>}:seen:<video>      set    exemplars seen in it
 *   <prefix>:identity:<id>                        tenant of an identity, for callers who know only the id
 */
import { randomUUID } from 'node:crypto';
import { CinedexError } from '../../contracts/errors.ts';
import type { Exemplar, Identity, IdentityStore } from '../../ports/identity-store.ts';
import { asStore, closeRedis, type RedisClient } from './redis-connection.ts';
import { type RedisScript, redisScript } from './redis-script.ts';

/** KEYS[1] is the beginning of the tenant's keys in every script. resolve() follows merges; false: no such identity. */
const COMMON = `
  local function at(name) return KEYS[1] .. name end
  local function resolve(id)
    local into = redis.call('HGET', at('merged'), id)
    while into do id = into; into = redis.call('HGET', at('merged'), id) end
    return redis.call('HEXISTS', at('people'), id) == 1 and id
  end
  local function give(exemplar, from, to)
    redis.call('HSET', at('owner'), exemplar, to)
    redis.call('SREM', at('of:' .. from), exemplar)
    redis.call('SADD', at('of:' .. to), exemplar)
  end
  local function drop(exemplar)
    local owner = redis.call('HGET', at('owner'), exemplar)
    local origin = redis.call('HGET', at('origin'), exemplar)
    if owner then redis.call('SREM', at('of:' .. owner), exemplar) end
    if origin then
      local video = cjson.decode(origin).videoId
      if video then redis.call('SREM', at('seen:' .. video), exemplar) end
    end
    for _, name in ipairs({'owner', 'origin', 'descriptor'}) do redis.call('HDEL', at(name), exemplar) end
  end`;

const script = (body: string): RedisScript => redisScript(`${COMMON}\n${body}`);

/** ARGV: id. Returns the id that it leads to and its JSON. */
const FIND = script(`
  local id = resolve(ARGV[1])
  if not id then return false end
  return {id, redis.call('HGET', at('people'), id)}`);

/** ARGV: id, JSON that was read, JSON to write. 0: it has changed meanwhile. */
const REPLACE = script(`
  if redis.call('HGET', at('people'), ARGV[1]) ~= ARGV[2] then return 0 end
  redis.call('HSET', at('people'), ARGV[1], ARGV[3])
  return 1`);

/** ARGV: from, its JSON as read, into, its JSON as read, JSON to write. 0: one of them has changed meanwhile. */
const MERGE = script(`
  if redis.call('HGET', at('people'), ARGV[1]) ~= ARGV[2] then return 0 end
  if redis.call('HGET', at('people'), ARGV[3]) ~= ARGV[4] then return 0 end
  for _, exemplar in ipairs(redis.call('SMEMBERS', at('of:' .. ARGV[1]))) do give(exemplar, ARGV[1], ARGV[3]) end
  redis.call('HSET', at('people'), ARGV[3], ARGV[5])
  redis.call('HDEL', at('people'), ARGV[1])
  redis.call('HSET', at('merged'), ARGV[1], ARGV[3])
  return 1`);

/** ARGV: source, new id, its JSON, exemplars. Returns 1, 0 when there is no source, or the exemplar that is not there. */
const SPLIT = script(`
  local source = resolve(ARGV[1])
  if not source then return 0 end
  for i = 4, #ARGV do
    if redis.call('HGET', at('owner'), ARGV[i]) ~= source then return ARGV[i] end
  end
  redis.call('HSET', at('people'), ARGV[2], ARGV[3])
  for i = 4, #ARGV do give(ARGV[i], source, ARGV[2]) end
  return 1`);

/** ARGV: id. With all that were merged into it, by however many steps. Returns their ids. */
const REMOVE = script(`
  local id = resolve(ARGV[1])
  if not id then return {} end
  for _, exemplar in ipairs(redis.call('SMEMBERS', at('of:' .. id))) do drop(exemplar) end
  local gone = {id}
  local merged = redis.call('HKEYS', at('merged'))
  for _, other in ipairs(merged) do
    if resolve(other) == id then gone[#gone + 1] = other end
  end
  for _, one in ipairs(gone) do
    redis.call('HDEL', at('people'), one)
    redis.call('HDEL', at('merged'), one)
  end
  return gone`);

/** ARGV: for each exemplar its id, identity, origin, descriptor and video ('' for none). Returns owners; false: one is unknown. */
const ADD = script(`
  local owners = {}
  for i = 1, #ARGV, 5 do
    local owner = resolve(ARGV[i + 1])
    if not owner then return false end
    owners[#owners + 1] = owner
  end
  for i = 1, #ARGV, 5 do
    local owner = owners[(i + 4) / 5]
    redis.call('HSET', at('owner'), ARGV[i], owner)
    redis.call('SADD', at('of:' .. owner), ARGV[i])
    redis.call('HSET', at('origin'), ARGV[i], ARGV[i + 2])
    redis.call('HSET', at('descriptor'), ARGV[i], ARGV[i + 3])
    if ARGV[i + 4] ~= '' then redis.call('SADD', at('seen:' .. ARGV[i + 4]), ARGV[i]) end
  end
  return owners`);

/** ARGV: video. */
const REMOVE_SEEN = script(`
  for _, exemplar in ipairs(redis.call('SMEMBERS', at('seen:' .. ARGV[1]))) do drop(exemplar) end
  return 1`);

interface Found {
  tenant: string;
  id: string;
  json: string;
}

export class RedisIdentityStore implements IdentityStore {
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #now: () => number;

  /** @param client opened for the purpose `store`; closed with the store */
  constructor(client: RedisClient, prefix: string, now: () => number = Date.now) {
    this.#client = client;
    this.#prefix = prefix;
    this.#now = now;
  }

  async list(tenant: string): Promise<(Identity & { exemplars: number })[]> {
    const people = await this.#people(tenant);
    const counted = await Promise.all(
      people.map(async (one) => ({
        ...one,
        exemplars: await this.#do(this.#client.scard(`${this.#base(tenant)}of:${one.id}`)),
      })),
    );
    return counted.sort(
      (a, b) =>
        Number(a.name === null) - Number(b.name === null) ||
        compare(a.name ?? '', b.name ?? '') ||
        a.createdAt - b.createdAt ||
        compare(a.id, b.id),
    );
  }

  async get(id: string): Promise<Identity | undefined> {
    const found = await this.#find(id);
    return found && (JSON.parse(found.json) as Identity);
  }

  async findByName(tenant: string, name: string): Promise<Identity | undefined> {
    const named = (await this.#people(tenant)).filter((one) => one.name === name);
    return named.sort((a, b) => a.createdAt - b.createdAt || compare(a.id, b.id))[0];
  }

  async create(identity: Omit<Identity, 'id' | 'createdAt'>): Promise<Identity> {
    const made = await this.#new(identity);
    await this.#do(this.#client.hset(`${this.#base(made.tenant)}people`, made.id, JSON.stringify(made)));
    return made;
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#until(async () => {
      const found = await this.#need(id);
      const renamed = { ...(JSON.parse(found.json) as Identity), name };
      return this.#run(REPLACE, found.tenant, [found.id, found.json, JSON.stringify(renamed)]);
    });
  }

  async merge(from: string, into: string): Promise<void> {
    await this.#until(async () => {
      const [source, target] = await Promise.all([this.#need(from), this.#need(into)]);
      if (source.id === target.id) return 1;
      if (source.tenant !== target.tenant) {
        throw new CinedexError('USAGE', `${from} and ${into} belong to different tenants.`);
      }
      const [gone, kept] = [JSON.parse(source.json) as Identity, JSON.parse(target.json) as Identity];
      const aliases = new Set([...kept.aliases, ...gone.aliases]);
      if (gone.name) aliases.add(gone.name);
      // A named person merged into an unnamed one gives it the name.
      const name = kept.name ?? gone.name;
      if (name) aliases.delete(name);
      const merged = JSON.stringify({ ...kept, name, aliases: [...aliases] });
      return this.#run(MERGE, source.tenant, [source.id, source.json, target.id, target.json, merged]);
    });
  }

  async split(id: string, exemplarIds: string[], name: string | null): Promise<Identity> {
    const { tenant } = await this.#need(id);
    const made = await this.#new({ tenant, name, aliases: [] });
    const answer = await this.#run(SPLIT, tenant, [id, made.id, JSON.stringify(made), ...exemplarIds]);
    if (answer === 0) throw new CinedexError('NOT_FOUND', `There is no identity ${id}.`);
    if (answer !== 1) throw new CinedexError('NOT_FOUND', `${id} has no exemplar ${answer}.`);
    return made;
  }

  async remove(id: string): Promise<void> {
    const tenant = await this.#tenantOf(id);
    if (tenant === null) return;
    const gone = (await this.#run(REMOVE, tenant, [id])) as string[];
    await Promise.all(gone.map((one) => this.#do(this.#client.del(this.#pointer(one)))));
  }

  async addExemplars(exemplars: Omit<Exemplar, 'id'>[]): Promise<Exemplar[]> {
    const made: Exemplar[] = exemplars.map((exemplar) => ({ ...exemplar, id: randomUUID() }));
    const byTenant = new Map<string, Exemplar[]>();
    for (const exemplar of made) {
      const { tenant } = await this.#need(exemplar.identityId);
      byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), exemplar]);
    }
    for (const [tenant, some] of byTenant) {
      const args = some.flatMap(({ id, identityId, origin, descriptor }) => [
        id,
        identityId,
        JSON.stringify(origin),
        Buffer.from(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength),
        origin.kind === 'seen' ? origin.videoId : '',
      ]);
      const owners = (await this.#run(ADD, tenant, args)) as string[] | null;
      if (!owners) throw new CinedexError('NOT_FOUND', 'An identity was removed meanwhile.');
      some.forEach((exemplar, i) => {
        exemplar.identityId = owners[i]!;
      });
    }
    return made;
  }

  async exemplars(tenant: string): Promise<Exemplar[]> {
    const base = this.#base(tenant);
    const [owners, origins, descriptors] = await this.#do(
      Promise.all([
        this.#client.hgetall(`${base}owner`),
        this.#client.hgetall(`${base}origin`),
        this.#client.hgetallBuffer(`${base}descriptor`),
      ]),
    );
    return Object.keys(owners)
      .sort(compare)
      .flatMap((id) => {
        const origin = origins[id];
        const bytes = descriptors[id];
        // It was removed between the reads.
        if (!origin || !bytes) return [];
        return {
          id,
          identityId: owners[id]!,
          descriptor: new Float32Array(Uint8Array.from(bytes).buffer),
          origin: JSON.parse(origin) as Exemplar['origin'],
        };
      });
  }

  async removeSeen(tenant: string, videoId: string): Promise<void> {
    await this.#run(REMOVE_SEEN, tenant, [videoId]);
  }

  async close(): Promise<void> {
    await closeRedis(this.#client);
  }

  async #people(tenant: string): Promise<Identity[]> {
    const all = await this.#do(this.#client.hvals(`${this.#base(tenant)}people`));
    return all.map((json) => JSON.parse(json) as Identity);
  }

  /** A new identity, whose id leads to its tenant already; nothing is lost when it is never written. */
  async #new({ tenant, name, aliases }: Omit<Identity, 'id' | 'createdAt'>): Promise<Identity> {
    const made: Identity = { id: randomUUID(), tenant, name, aliases, createdAt: this.#now() };
    await this.#do(this.#client.set(this.#pointer(made.id), tenant));
    return made;
  }

  async #find(id: string): Promise<Found | undefined> {
    const tenant = await this.#tenantOf(id);
    if (tenant === null) return undefined;
    const found = (await this.#run(FIND, tenant, [id])) as [string, string] | null;
    return found ? { tenant, id: found[0], json: found[1] } : undefined;
  }

  async #need(id: string): Promise<Found> {
    const found = await this.#find(id);
    if (!found) throw new CinedexError('NOT_FOUND', `There is no identity ${id}.`);
    return found;
  }

  /** Repeats a change until nobody else's came between its reading and its writing. */
  async #until(attempt: () => Promise<unknown>): Promise<void> {
    while ((await attempt()) !== 1);
  }

  #tenantOf(id: string): Promise<string | null> {
    return this.#do(this.#client.get(this.#pointer(id)));
  }

  #run(body: RedisScript, tenant: string, args: (string | Buffer)[]): Promise<unknown> {
    return this.#do(body(this.#client, [this.#base(tenant)], args));
  }

  #pointer(id: string): string {
    return `${this.#prefix}:identity:${id}`;
  }

  #base(tenant: string): string {
    return `${this.#prefix}:{gallery-${tenant}}:`;
  }

  #do<T>(work: Promise<T>): Promise<T> {
    return asStore('The gallery on Redis', work);
  }
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
