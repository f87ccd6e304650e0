/**
 * Keeps answers for whoever asks the same again. An answer belongs to the state that it was computed from: the tenant, the
 * generation, the index's count of changes for that tenant, and the names in its gallery. A change of any of them makes
 * another key, so a video is found or gone at the first question after it was indexed or deleted; what the old keys hold is
 * forgotten by age. Nothing has to be told to this process for that, so it holds for any number of them.
 */
import { createHash } from 'node:crypto';
import type { IdentityStore } from '../../shared/ports/identity-store.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import type { SearchAnswer } from '../search.ts';

export interface AnswerCacheOptions {
  index: Pick<VideoIndex, 'revision' | 'active'>;
  identities: Pick<IdentityStore, 'list'>;
  /** 0: nothing is kept. */
  entries: number;
  /** Freshness and the dictionary of names change with time alone, so nothing is kept for long. */
  seconds: number;
  now?: () => number;
}

interface Kept {
  answer: SearchAnswer;
  until: number;
}

export class AnswerCache {
  readonly #options: AnswerCacheOptions;
  /** The one that was used last, last. */
  readonly #kept = new Map<string, Kept>();

  constructor(options: AnswerCacheOptions) {
    this.#options = options;
  }

  /**
   * The answer, from before or made now. What is partial or fails is not kept.
   * @param request all that shapes the answer, as plain data
   */
  async get(
    tenant: string,
    request: object,
    make: () => Promise<SearchAnswer>,
  ): Promise<{ answer: SearchAnswer; found: boolean }> {
    // Read before the search: an answer that a change overtakes is kept under what was before it.
    const state = this.#options.entries === 0 ? null : await this.#state(tenant);
    if (state === null) return { answer: await make(), found: false };
    const key = createHash('sha256')
      .update(JSON.stringify([tenant, state, request]))
      .digest('base64');
    const known = this.#kept.get(key);
    if (known && known.until > this.#now()) {
      this.#keep(key, known);
      return { answer: known.answer, found: true };
    }
    const answer = await make();
    if (answer.late.length === 0) {
      this.#keep(key, { answer, until: this.#now() + this.#options.seconds * 1_000 });
    }
    return { answer, found: false };
  }

  /** Null: changes of the index are not counted. */
  async #state(tenant: string): Promise<unknown[] | null> {
    const { index, identities } = this.#options;
    if (!index.revision) return null;
    const [revision, generation, people] = await Promise.all([
      index.revision(tenant),
      index.active(),
      identities.list(tenant),
    ]);
    return [revision, generation, people.map(({ id, name, aliases }) => [id, name, aliases])];
  }

  #keep(key: string, entry: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#options.entries && oldest !== undefined) this.#kept.delete(oldest);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}
