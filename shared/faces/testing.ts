/** An IdentityStore in memory, and synthetic descriptors, for tests. */
import type { Exemplar, Identity, IdentityStore } from '../ports/identity-store.ts';
import { DESCRIPTOR_DIMENSIONS } from './descriptor.ts';

export class MemoryIdentityStore implements IdentityStore {
  readonly #identities = new Map<string, Identity>();
  readonly #merged = new Map<string, string>();
  #exemplars: Exemplar[] = [];
  #next = 1;

  async list(tenant: string) {
    return [...this.#identities.values()]
      .filter((identity) => identity.tenant === tenant && !this.#merged.has(identity.id))
      .map((identity) => ({
        ...identity,
        exemplars: this.#exemplars.filter(({ identityId }) => identityId === identity.id).length,
      }));
  }

  async get(id: string) {
    return this.#identities.get(this.#current(id));
  }

  async findByName(tenant: string, name: string) {
    return (await this.list(tenant)).find((identity) => identity.name === name);
  }

  async create(identity: Omit<Identity, 'id' | 'createdAt'>) {
    const made = { ...identity, id: `identity-${this.#next++}`, createdAt: 0 };
    this.#identities.set(made.id, made);
    return made;
  }

  async rename(id: string, name: string) {
    const identity = await this.get(id);
    if (identity) identity.name = name;
  }

  async merge(from: string, into: string) {
    const source = this.#current(from);
    const target = this.#current(into);
    for (const exemplar of this.#exemplars) if (exemplar.identityId === source) exemplar.identityId = target;
    this.#merged.set(source, target);
  }

  async split(id: string, exemplarIds: string[], name: string | null) {
    const made = await this.create({ tenant: this.#identities.get(id)!.tenant, name, aliases: [] });
    for (const exemplar of this.#exemplars) {
      if (exemplarIds.includes(exemplar.id)) exemplar.identityId = made.id;
    }
    return made;
  }

  async remove(id: string) {
    this.#identities.delete(id);
    this.#exemplars = this.#exemplars.filter(({ identityId }) => identityId !== id);
  }

  async addExemplars(exemplars: Omit<Exemplar, 'id'>[]) {
    const made = exemplars.map((exemplar) => ({ ...exemplar, id: `exemplar-${this.#next++}` }));
    this.#exemplars.push(...made);
    return made;
  }

  async exemplars(tenant: string) {
    return this.#exemplars
      .filter(({ identityId }) => this.#identities.get(identityId)?.tenant === tenant)
      .map((exemplar) => ({ ...exemplar }));
  }

  async removeSeen(tenant: string, videoId: string) {
    this.#exemplars = this.#exemplars.filter(
      ({ identityId, origin }) =>
        this.#identities.get(identityId)?.tenant !== tenant ||
        origin.kind !== 'seen' ||
        origin.videoId !== videoId,
    );
  }

  async close() {
    this.#exemplars = [];
  }

  #current(id: string): string {
    const into = this.#merged.get(id);
    return into === undefined ? id : this.#current(into);
  }
}

/**
 * A descriptor of person `person`, moved by `shift` along an axis of its own: two people are 1 apart, two views of one
 * person as far as their shifts say.
 */
export function syntheticDescriptor(person: number, shift = 0, axis = 0): Float32Array {
  const descriptor = new Float32Array(DESCRIPTOR_DIMENSIONS);
  descriptor[person % 64] = Math.SQRT1_2;
  descriptor[64 + (axis % 64)] = shift;
  return descriptor;
}
