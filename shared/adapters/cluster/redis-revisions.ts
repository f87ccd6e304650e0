/**
 * Changes of the index, counted on Redis, where every process that writes to the index or searches it is anyway: one hash
 * `<prefix>:index-revisions` with a count for each tenant, and one for everybody under a name that no tenant can have.
 */
import type { Revisions } from '../../ports/revisions.ts';
import { asStore, closeRedis, type RedisClient } from './redis-connection.ts';

const EVERYBODY = '*';

export class RedisRevisions implements Revisions {
  readonly #client: RedisClient;
  readonly #key: string;

  /** @param client opened for the purpose `store`; closed with it */
  constructor(client: RedisClient, prefix: string) {
    this.#client = client;
    this.#key = `${prefix}:index-revisions`;
  }

  async of(tenant: string): Promise<string> {
    const counts = await asStore('index revisions', this.#client.hmget(this.#key, EVERYBODY, tenant));
    return counts.map((count) => count ?? '0').join('.');
  }

  async advance(tenants: readonly string[] | null): Promise<void> {
    const increments = (tenants ?? [EVERYBODY]).map((tenant) => this.#client.hincrby(this.#key, tenant, 1));
    await asStore('index revisions', Promise.all(increments));
  }

  async close(): Promise<void> {
    await closeRedis(this.#client);
  }
}
