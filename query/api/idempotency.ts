/**
 * Requests that are made once, however often they are sent. What a key was used for is kept among the artifacts: every
 * process has that store, it is durable, and no other has to be there. Two processes that get one key at the same moment
 * with two bodies may both take them; as events they have one id, so of one video only the first is applied.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';

const Kept = z.object({ request: z.string(), done: z.boolean() });

export class Idempotency {
  readonly #artifacts: Pick<ArtifactStore, 'getManifest' | 'putManifest'>;
  /** Requests of this process with one key wait for each other. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(artifacts: Pick<ArtifactStore, 'getManifest' | 'putManifest'>) {
    this.#artifacts = artifacts;
  }

  /** The same for the same key of a tenant; other keys give others. */
  static id(tenant: string, key: string): string {
    return createHash('sha256')
      .update(JSON.stringify([tenant, key]))
      .digest('hex')
      .slice(0, 32);
  }

  /**
   * Does `work` unless it was done under this id before.
   * @returns whether it was
   * @throws CinedexError CONFLICT when the id was used for another request
   */
  async once(id: string, request: unknown, work: () => Promise<void>): Promise<boolean> {
    const before = this.#turns.get(id) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.#inTurn(id, request, work));
    this.#turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    }
  }

  async #inTurn(id: string, request: unknown, work: () => Promise<void>): Promise<boolean> {
    const key = `request-${id}`;
    const digest = createHash('sha256').update(JSON.stringify(request)).digest('hex');
    const kept = Kept.safeParse(await this.#artifacts.getManifest(key));
    if (kept.success && kept.data.request !== digest) {
      throw new CinedexError('CONFLICT', 'This Idempotency-Key was used for another request.');
    }
    if (kept.success && kept.data.done) return true;
    // A process that ends in between leaves the key to the same request, which is then done again.
    await this.#artifacts.putManifest(key, { request: digest, done: false });
    await work();
    await this.#artifacts.putManifest(key, { request: digest, done: true });
    return false;
  }
}
