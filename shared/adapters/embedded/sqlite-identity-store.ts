/** The gallery in SQLite. */
import { randomUUID } from 'node:crypto';
import { CinedexError } from '../../contracts/errors.ts';
import type { Exemplar, Identity, IdentityStore } from '../../ports/identity-store.ts';
import { SqliteStore } from './sqlite.ts';

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
  readonly #store: SqliteStore;
  readonly #now: () => number;

  constructor(file: string, now: () => number = Date.now) {
    this.#store = new SqliteStore(file, SCHEMA);
    this.#now = now;
  }

  async list(tenant: string): Promise<(Identity & { exemplars: number })[]> {
    const rows = this.#store
      .sql(
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
    const row = this.#store
      .sql(
        'select * from identity where tenant = ? and name = ? and merged_into is null order by created_at limit 1',
      )
      .get(tenant, name) as IdentityRow | undefined;
    return row && toIdentity(row);
  }

  async create(identity: Omit<Identity, 'id' | 'createdAt'>): Promise<Identity> {
    return this.#store.write(() => this.#create(identity));
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#store.write(() => {
      this.#store.sql('update identity set name = ? where id = ?').run(name, this.#need(id).id);
    });
  }

  async merge(from: string, into: string): Promise<void> {
    await this.#store.write(() => {
      const source = this.#need(from);
      const target = this.#need(into);
      if (source.id === target.id) return;
      if (source.tenant !== target.tenant) {
        throw new CinedexError('USAGE', `${from} and ${into} belong to different tenants.`);
      }
      this.#store.sql('update exemplar set identity = ? where identity = ?').run(target.id, source.id);
      this.#store.sql('update identity set merged_into = ? where id = ?').run(target.id, source.id);
      const known = new Set([...toIdentity(target).aliases, ...toIdentity(source).aliases]);
      if (source.name) known.add(source.name);
      // A named person merged into an unnamed one gives it the name.
      const name = target.name ?? source.name;
      if (name) known.delete(name);
      this.#store
        .sql('update identity set name = ?, aliases = ? where id = ?')
        .run(name, JSON.stringify([...known]), target.id);
    });
  }

  async split(id: string, exemplarIds: string[], name: string | null): Promise<Identity> {
    return this.#store.write(() => {
      const source = this.#need(id);
      const made = this.#create({ tenant: source.tenant, name, aliases: [] });
      const move = this.#store.sql('update exemplar set identity = ? where id = ? and identity = ?');
      for (const exemplar of exemplarIds) {
        if (move.run(made.id, exemplar, source.id).changes === 0) {
          throw new CinedexError('NOT_FOUND', `${id} has no exemplar ${exemplar}.`);
        }
      }
      return made;
    });
  }

  async remove(id: string): Promise<void> {
    await this.#store.write(() => {
      const row = this.#row(id);
      if (!row) return;
      this.#store.sql('delete from exemplar where identity = ?').run(row.id);
      // With all that were merged into it, by however many steps.
      this.#store
        .sql(
          `with recursive gone (id) as (values (?) union select identity.id from identity join gone on merged_into = gone.id)
           delete from identity where id in (select id from gone)`,
        )
        .run(row.id);
    });
  }

  async addExemplars(exemplars: Omit<Exemplar, 'id'>[]): Promise<Exemplar[]> {
    return this.#store.write(() =>
      exemplars.map((exemplar) => {
        const { identityId, descriptor, origin } = exemplar;
        const made: Exemplar = { ...exemplar, id: randomUUID(), identityId: this.#need(identityId).id };
        const bytes = new Uint8Array(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
        const video = origin.kind === 'seen' ? origin.videoId : null;
        this.#store
          .sql('insert into exemplar values (?, ?, ?, ?, ?)')
          .run(made.id, made.identityId, bytes, JSON.stringify(origin), video);
        return made;
      }),
    );
  }

  async exemplars(tenant: string): Promise<Exemplar[]> {
    const rows = this.#store
      .sql(
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
    await this.#store.write(() => {
      this.#store
        .sql(
          'delete from exemplar where video = ? and identity in (select id from identity where tenant = ?)',
        )
        .run(videoId, tenant);
    });
  }

  async close(): Promise<void> {
    this.#store.close();
  }

  #create({ tenant, name, aliases }: Omit<Identity, 'id' | 'createdAt'>): Identity {
    const made: Identity = { id: randomUUID(), createdAt: this.#now(), tenant, name, aliases };
    this.#store
      .sql('insert into identity values (?, ?, ?, ?, ?, null)')
      .run(made.id, tenant, name, JSON.stringify(aliases), made.createdAt);
    return made;
  }

  /** Follows merges. */
  #row(id: string): IdentityRow | undefined {
    const row = this.#store.sql('select * from identity where id = ?').get(id) as IdentityRow | undefined;
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
