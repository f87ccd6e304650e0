/** The gallery in SQLite. */
import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { CinedexError } from '../../contracts/errors.ts';
import type { Exemplar, Identity, IdentityStore } from '../../ports/identity-store.ts';
import { openSqlite, transaction } from './sqlite.ts';

const SCHEMA = `
  create table if not exists identity (
    id text primary key, tenant text not null, name text, aliases text not null, created_at integer not null, merged_into text
  ) without rowid;
  create index if not exists identity_tenant on identity (tenant, name);
  create table if not exists exemplar (
    id text primary key, identity text not null references identity (id), descriptor blob not null, origin text not null,
    video text
  ) without rowid;
  create index if not exists exemplar_identity on exemplar (identity);
  create index if not exists exemplar_video on exemplar (video);`;

interface IdentityRow {
  id: string;
  tenant: string;
  name: string | null;
  aliases: string;
  created_at: number;
  merged_into: string | null;
}

interface ExemplarRow {
  id: string;
  identity: string;
  descriptor: Uint8Array;
  origin: string;
}

export class SqliteIdentityStore implements IdentityStore {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(file: string, now: () => number = Date.now) {
    this.#database = openSqlite(file, SCHEMA, 'full');
    this.#now = now;
  }

  async list(tenant: string): Promise<(Identity & { exemplars: number })[]> {
    const rows = this.#database
      .prepare(
        `select identity.*, count(exemplar.id) as exemplars from identity left join exemplar on identity = identity.id
         where tenant = ? and merged_into is null group by identity.id order by name is null, name, created_at, identity.id`,
      )
      .all(tenant) as unknown as (IdentityRow & { exemplars: number })[];
    return rows.map((row) => ({ ...toIdentity(row), exemplars: row.exemplars }));
  }

  async get(id: string): Promise<Identity | undefined> {
    const row = this.#row(id);
    return row && toIdentity(row);
  }

  async findByName(tenant: string, name: string): Promise<Identity | undefined> {
    const row = this.#database
      .prepare(
        'select * from identity where tenant = ? and name = ? and merged_into is null order by created_at limit 1',
      )
      .get(tenant, name) as IdentityRow | undefined;
    return row && toIdentity(row);
  }

  async create(identity: Omit<Identity, 'id' | 'createdAt'>): Promise<Identity> {
    const { tenant, name, aliases } = identity;
    const made: Identity = { id: randomUUID(), createdAt: this.#now(), tenant, name, aliases };
    this.#database
      .prepare('insert into identity values (?, ?, ?, ?, ?, null)')
      .run(made.id, tenant, name, JSON.stringify(aliases), made.createdAt);
    return made;
  }

  async rename(id: string, name: string): Promise<void> {
    this.#database.prepare('update identity set name = ? where id = ?').run(name, this.#need(id).id);
  }

  async merge(from: string, into: string): Promise<void> {
    transaction(this.#database, () => {
      const source = this.#need(from);
      const target = this.#need(into);
      if (source.id === target.id) return;
      this.#database.prepare('update exemplar set identity = ? where identity = ?').run(target.id, source.id);
      this.#database.prepare('update identity set merged_into = ? where id = ?').run(target.id, source.id);
      const known = new Set<string>([...JSON.parse(target.aliases), ...JSON.parse(source.aliases)]);
      if (source.name && source.name !== target.name) known.add(source.name);
      this.#database
        .prepare('update identity set aliases = ? where id = ?')
        .run(JSON.stringify([...known]), target.id);
    });
  }

  async split(id: string, exemplarIds: string[], name: string | null): Promise<Identity> {
    const source = this.#need(id);
    const made = await this.create({ tenant: source.tenant, name, aliases: [] });
    transaction(this.#database, () => {
      const move = this.#database.prepare('update exemplar set identity = ? where id = ? and identity = ?');
      for (const exemplar of exemplarIds) {
        if (move.run(made.id, exemplar, source.id).changes === 0) {
          throw new CinedexError('NOT_FOUND', `${id} has no exemplar ${exemplar}.`);
        }
      }
    });
    return made;
  }

  async remove(id: string): Promise<void> {
    transaction(this.#database, () => {
      this.#database.prepare('delete from exemplar where identity = ?').run(id);
      this.#database.prepare('delete from identity where id = ?').run(id);
    });
  }

  async addExemplars(exemplars: Omit<Exemplar, 'id'>[]): Promise<Exemplar[]> {
    return transaction(this.#database, () =>
      exemplars.map((exemplar) => {
        const { identityId, descriptor, origin } = exemplar;
        const made: Exemplar = { ...exemplar, id: randomUUID(), identityId: this.#need(identityId).id };
        const bytes = new Uint8Array(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
        const video = origin.kind === 'seen' ? origin.videoId : null;
        this.#database
          .prepare('insert into exemplar values (?, ?, ?, ?, ?)')
          .run(made.id, made.identityId, bytes, JSON.stringify(origin), video);
        return made;
      }),
    );
  }

  async exemplars(tenant: string): Promise<Exemplar[]> {
    const rows = this.#database
      .prepare(
        `select exemplar.* from exemplar join identity on identity.id = exemplar.identity where tenant = ? order by exemplar.id`,
      )
      .all(tenant) as unknown as ExemplarRow[];
    return rows.map(({ id, identity, descriptor, origin }) => ({
      id,
      identityId: identity,
      descriptor: new Float32Array(Uint8Array.from(descriptor).buffer),
      origin: JSON.parse(origin) as Exemplar['origin'],
    }));
  }

  async removeSeen(tenant: string, videoId: string): Promise<void> {
    this.#database
      .prepare(
        'delete from exemplar where video = ? and identity in (select id from identity where tenant = ?)',
      )
      .run(videoId, tenant);
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  /** Follows merges. */
  #row(id: string): IdentityRow | undefined {
    const row = this.#database.prepare('select * from identity where id = ?').get(id) as
      | IdentityRow
      | undefined;
    return row?.merged_into ? this.#row(row.merged_into) : row;
  }

  #need(id: string): IdentityRow {
    const row = this.#row(id);
    if (!row) throw new CinedexError('NOT_FOUND', `There is no identity ${id}.`);
    return row;
  }
}

function toIdentity(row: IdentityRow): Identity {
  const { id, tenant, name, aliases, created_at: createdAt } = row;
  return { id, tenant, name, aliases: JSON.parse(aliases) as string[], createdAt };
}
