/** Encoders of the profiles `standard` and `chinese`: models that are pulled once and read from a local folder. */
import { CinedexError } from '../contracts/errors.ts';
import type {
  Caveat,
  EmbeddedPicture,
  EncodeOptions,
  MultimodalEncoder,
  TextEncoder,
} from '../ports/encoders.ts';
import { ThreadClient } from '../threads/client.ts';
import { bundledVisionInit, seenLabels } from './bundled-multimodal.ts';
import { splitRows } from './bundled-text.ts';
import { CALL_TIMEOUT_MS, throwIfAborted } from './encoder-calls.ts';
import type { ModelStore, Profile } from './store.ts';
import type { TransformersInit, TransformersThread } from './transformers/transformers.thread.ts';
import type { BundledVisionThread } from './vision/bundled-vision.thread.ts';
import { normalise } from './vision/tag-space.ts';

export type PulledProfile = Exclude<Profile, 'bundled'>;

interface PulledModel {
  id: string;
  kind: TransformersInit['kind'];
  pooling: TransformersInit['pooling'];
  /** Texts in Chinese are glossed, because the model reads none. */
  glossed: boolean;
}

export const PULLED_TEXT: Record<PulledProfile, PulledModel> = {
  standard: { id: 'text-multilingual-minilm', kind: 'sentence', pooling: 'mean', glossed: false },
  chinese: { id: 'text-bge-small-zh', kind: 'sentence', pooling: 'first', glossed: false },
};

export const PULLED_MULTIMODAL: Record<PulledProfile, PulledModel> = {
  standard: { id: 'multimodal-clip-vit-b32', kind: 'clip', pooling: 'mean', glossed: true },
  chinese: { id: 'multimodal-chinese-clip-vit-b16', kind: 'chinese-clip', pooling: 'mean', glossed: false },
};

export const DICTIONARY = 'dictionary-cc-cedict';
/** Small, so that a query need not wait long. */
const TEXTS_PER_CALL = 32;
const PICTURES_PER_CALL = 4;

/** A pulled model in its thread. */
class PulledThread {
  readonly dimensions: number;
  readonly #models: ModelStore;
  readonly #model: PulledModel;
  readonly #profile: PulledProfile;
  #thread: ThreadClient<TransformersThread> | undefined;

  constructor(models: ModelStore, model: PulledModel, profile: PulledProfile) {
    this.#models = models;
    this.#model = model;
    this.#profile = profile;
    this.dimensions = models.manifest(model.id).dimensions ?? 0;
  }

  async warmUp(): Promise<void> {
    await this.#client().call('ready', []);
  }

  /** An empty text gives the zero vector. */
  async texts(texts: string[], { signal }: EncodeOptions = {}): Promise<Float32Array[]> {
    const vectors = texts.map((): Float32Array => new Float32Array(this.dimensions));
    const filled = texts.flatMap((text, index) => (text.trim() === '' ? [] : [index]));
    for (let start = 0; start < filled.length; start += TEXTS_PER_CALL) {
      const batch = filled.slice(start, start + TEXTS_PER_CALL);
      throwIfAborted(signal);
      const joined = await this.#client().call('encodeTexts', [batch.map((index) => texts[index]!)], {
        timeoutMs: CALL_TIMEOUT_MS,
      });
      for (const [row, vector] of splitRows(joined, batch.length).entries()) {
        vectors[batch[row]!] = this.#checked(vector);
      }
    }
    return vectors;
  }

  async pictures(pictures: Uint8Array[], { signal }: EncodeOptions = {}): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < pictures.length; start += PICTURES_PER_CALL) {
      throwIfAborted(signal);
      const batch = pictures.slice(start, start + PICTURES_PER_CALL);
      const joined = await this.#client().call('encodePictures', [batch], { timeoutMs: CALL_TIMEOUT_MS });
      vectors.push(...splitRows(joined, batch.length).map((vector) => this.#checked(vector)));
    }
    return vectors;
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }

  #checked(vector: Float32Array): Float32Array {
    if (vector.length !== this.dimensions) {
      throw new CinedexError(
        'MODEL_CORRUPT',
        `Model "${this.#model.id}" gives ${vector.length} dimensions, its manifest says ${this.dimensions}.`,
      );
    }
    return normalise(vector);
  }

  #client(): ThreadClient<TransformersThread> {
    if (this.#thread) return this.#thread;
    const { id, kind, pooling, glossed } = this.#model;
    requireModel(this.#models, id, this.#profile);
    const init: TransformersInit = {
      root: this.#models.folder,
      model: `${id}/${this.#models.manifest(id).version}`,
      kind,
      pooling,
      dictionary: glossed ? this.#models.file(DICTIONARY, 'entries.js') : null,
    };
    this.#thread = new ThreadClient(new URL('./transformers/transformers.thread.ts', import.meta.url), init);
    return this.#thread;
  }
}

/** @throws CinedexError MODEL_MISSING naming the command that fetches the profile; MODEL_CORRUPT */
function requireModel(models: ModelStore, id: string, profile: PulledProfile): void {
  if (!models.has(id)) {
    throw new CinedexError(
      'MODEL_MISSING',
      `Model "${id}" is not here yet: run \`cinedex models pull --profile ${profile}\`.`,
    );
  }
  models.modelFolder(id);
}

export class PulledTextEncoder implements TextEncoder {
  readonly id: string;
  readonly dimensions: number;
  readonly #thread: PulledThread;

  constructor(models: ModelStore, profile: PulledProfile) {
    const model = PULLED_TEXT[profile];
    this.#thread = new PulledThread(models, model, profile);
    this.id = models.version(model.id);
    this.dimensions = this.#thread.dimensions;
  }

  encode(texts: string[], options?: EncodeOptions): Promise<Float32Array[]> {
    return this.#thread.texts(texts, options);
  }

  warmUp(): Promise<void> {
    return this.#thread.warmUp();
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}

/** A joint model of pictures and texts; objects and explicitness come from the bundled models beside it. */
export class PulledMultimodalEncoder implements MultimodalEncoder {
  readonly space: MultimodalEncoder['space'];
  readonly caveat: Caveat | null;
  readonly #models: ModelStore;
  readonly #thread: PulledThread;
  #vision: ThreadClient<BundledVisionThread> | undefined;

  constructor(models: ModelStore, profile: PulledProfile) {
    const { id, glossed } = PULLED_MULTIMODAL[profile];
    this.#models = models;
    this.#thread = new PulledThread(models, PULLED_MULTIMODAL[profile], profile);
    const model = glossed ? `${models.version(id)}+${models.version(DICTIONARY)}` : models.version(id);
    this.space = { id: model, dimensions: this.#thread.dimensions, model };
    this.caveat = glossed
      ? {
          code: 'PICTURES_BY_GLOSS',
          message:
            'The joint model reads English only: a query in Chinese is searched by its word-for-word gloss. The profile "chinese" uses a model that reads Chinese.',
        }
      : null;
  }

  async encodePictures(pictures: Uint8Array[], options: EncodeOptions = {}): Promise<EmbeddedPicture[]> {
    const vectors = await this.#thread.pictures(pictures, options);
    const embedded: EmbeddedPicture[] = [];
    for (const [index, picture] of pictures.entries()) {
      throwIfAborted(options.signal);
      const { objects, explicit } = await this.#client().call('look', [picture], {
        timeoutMs: CALL_TIMEOUT_MS,
      });
      embedded.push({ vector: vectors[index]!, labels: seenLabels(objects), explicit });
    }
    return embedded;
  }

  encodeTexts(texts: string[], options?: EncodeOptions): Promise<Float32Array[]> {
    return this.#thread.texts(texts, options);
  }

  async warmUp(): Promise<void> {
    await Promise.all([this.#thread.warmUp(), this.#client().call('ready', [])]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#thread.close(), this.#vision?.close()]);
  }

  #client(): ThreadClient<BundledVisionThread> {
    this.#vision ??= new ThreadClient<BundledVisionThread>(
      new URL('./vision/bundled-vision.thread.ts', import.meta.url),
      bundledVisionInit(this.#models),
    );
    return this.#vision;
  }
}
