/** An index that counts its changes. */
import type { Revisions } from '../ports/revisions.ts';
import type { Filter, VideoIndex } from '../ports/video-index.ts';

/** For an index that one process owns: what is counted in it is all there is. */
export class ProcessRevisions implements Revisions {
  readonly #counts = new Map<string, number>();
  #everybodys = 0;

  async of(tenant: string): Promise<string> {
    return `${this.#everybodys}.${this.#counts.get(tenant) ?? 0}`;
  }

  async advance(tenants: readonly string[] | null): Promise<void> {
    if (tenants === null) this.#everybodys += 1;
    else for (const tenant of tenants) this.#counts.set(tenant, (this.#counts.get(tenant) ?? 0) + 1);
  }

  async close(): Promise<void> {
    // Nothing is held.
  }
}

/**
 * Every write is counted before it resolves, also one that failed, for a part of it may be there. So whoever knows that
 * something was written never gets an answer from before it.
 */
export function revised(index: VideoIndex, revisions: Revisions): VideoIndex {
  const counted = async (tenants: readonly string[] | null, write: Promise<void>) => {
    try {
      await write;
    } finally {
      await revisions.advance(tenants);
    }
  };
  return {
    ensureGeneration: (...args) => index.ensureGeneration(...args),
    generations: () => index.generations(),
    active: () => index.active(),
    activate: (generation) => counted(null, index.activate(generation)),
    dropGeneration: (generation) => counted(null, index.dropGeneration(generation)),
    upsert: (generation, collection, points) => {
      const tenants = new Set(points.map(({ payload }) => payload.tenant));
      const known = [...tenants].filter((tenant) => typeof tenant === 'string');
      const all = known.length === tenants.size ? known : null;
      return counted(all, index.upsert(generation, collection, points));
    },
    delete: (generation, collection, filter) =>
      counted(tenantOf(filter), index.delete(generation, collection, filter)),
    count: (...args) => index.count(...args),
    get: (...args) => index.get(...args),
    query: (...args) => index.query(...args),
    optimize: (generation) => index.optimize(generation),
    revision: (tenant) => revisions.of(tenant),
    close: async () => {
      await index.close();
      await revisions.close();
    },
  };
}

function tenantOf(filter: Filter): string[] | null {
  for (const condition of filter) {
    if (condition.field === 'tenant' && 'equals' in condition && typeof condition.equals === 'string')
      return [condition.equals];
  }
  return null;
}
