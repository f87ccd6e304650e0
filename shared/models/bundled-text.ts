import { CinedexError } from '../contracts/errors.ts';
import type { EncodeOptions, TextEncoder } from '../ports/encoders.ts';
import { ThreadClient } from '../threads/client.ts';
import { CALL_TIMEOUT_MS, throwIfAborted } from './encoder-calls.ts';
import type { ModelStore } from './store.ts';
import type { BundledTextInit, BundledTextThread } from './text/bundled-text.thread.ts';
import { USE_LITE_DIMENSIONS } from './text/use-lite.ts';

export const BUNDLED_TEXT_MODELS = ['text-use-lite', 'dictionary-cc-cedict'] as const;

/** So that a query waits for one small batch of a long document, not for all of it. */
const TEXTS_PER_CALL = 64;

/**
 * The sentence encoder that npm ships: Universal Sentence Encoder Lite, English. Chinese is encoded as its word-for-word
 * gloss, which finds a sentence's sense but not its grammar.
 */
export class BundledTextEncoder implements TextEncoder {
  readonly id: string;
  readonly dimensions = USE_LITE_DIMENSIONS;
  readonly #models: ModelStore;
  #thread: ThreadClient<BundledTextThread> | undefined;

  constructor(models: ModelStore) {
    this.#models = models;
    this.id = BUNDLED_TEXT_MODELS.map((id) => models.version(id)).join('+');
  }

  async encode(texts: string[], { signal }: EncodeOptions = {}): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += TEXTS_PER_CALL) {
      throwIfAborted(signal);
      const batch = texts.slice(start, start + TEXTS_PER_CALL);
      const joined = await this.#client().call('encode', [batch], { timeoutMs: CALL_TIMEOUT_MS });
      vectors.push(...splitRows(joined, batch.length));
    }
    return vectors;
  }

  async warmUp(): Promise<void> {
    await this.#client().call('ready', []);
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }

  #client(): ThreadClient<BundledTextThread> {
    if (this.#thread) return this.#thread;
    const [model, dictionary] = BUNDLED_TEXT_MODELS;
    const init: BundledTextInit = {
      model: this.#models.file(model, 'model.json'),
      weights: this.#models
        .manifest(model)
        .files.filter(({ name }) => name.startsWith('group1-'))
        .map(({ name }) => this.#models.file(model, name)),
      vocabulary: this.#models.file(model, 'vocab.json'),
      dictionary: this.#models.file(dictionary, 'entries.js'),
    };
    this.#thread = new ThreadClient(new URL('./text/bundled-text.thread.ts', import.meta.url), init);
    return this.#thread;
  }
}

/** @throws CinedexError MODEL_CORRUPT when the rows have no common length */
export function splitRows(joined: Float32Array, rows: number): Float32Array[] {
  const dimensions = joined.length / rows;
  if (!Number.isInteger(dimensions)) {
    throw new CinedexError('MODEL_CORRUPT', `The model gave ${joined.length} values for ${rows} inputs.`);
  }
  return Array.from({ length: rows }, (_, row) => joined.slice(row * dimensions, (row + 1) * dimensions));
}
