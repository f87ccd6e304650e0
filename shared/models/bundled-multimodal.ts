import type { EmbeddedPicture, EncodeOptions, MultimodalEncoder, TextEncoder } from '../ports/encoders.ts';
import { ThreadClient } from '../threads/client.ts';
import { CALL_TIMEOUT_MS, throwIfAborted } from './encoder-calls.ts';
import type { ModelStore } from './store.ts';
import type {
  BundledVisionInit,
  BundledVisionThread,
  PictureReading,
} from './vision/bundled-vision.thread.ts';
import type { SeenObject } from './vision/object-tagger.ts';
import { composeVector, meanVector, normalise, TAG_TEXTS, tagWeights } from './vision/tag-space.ts';

export const OBJECT_MODEL = 'objects-centernet-mb3';
export const SAFETY_MODEL = 'safety-nsfwjs-mobilenet-v2-mid';
const LABEL_MIN_SCORE = 0.25;
/** Raise it when pictures or texts get other vectors for the same models. */
const SPACE_VERSION = 1;

interface TagVectors {
  vectors: Float32Array[];
  mean: Float32Array;
}

/**
 * Pictures and texts in one space with nothing but weights that npm ships: a picture becomes the vector of the texts that
 * describe the objects seen in it.
 */
export class BundledMultimodalEncoder implements MultimodalEncoder {
  readonly space: MultimodalEncoder['space'];
  readonly caveat = {
    code: 'PICTURES_BY_LABELS',
    message:
      'Not a joint model of pictures and texts: a picture is represented by detected object labels (80 COCO classes) in the space of a sentence encoder. What has no such label (actions, faces, scenes, style) is not found by its look. The profile "standard" uses CLIP.',
  };
  readonly #models: ModelStore;
  readonly #text: TextEncoder;
  #thread: ThreadClient<BundledVisionThread> | undefined;
  #tags: Promise<TagVectors> | undefined;

  /** @param text the sentence encoder whose space is shared; it is not closed with this encoder */
  constructor(models: ModelStore, text: TextEncoder) {
    this.#models = models;
    this.#text = text;
    const model = `${models.version(OBJECT_MODEL)}+${text.id}`;
    this.space = { id: `tags-${SPACE_VERSION}/${model}`, dimensions: text.dimensions, model };
  }

  async encodePictures(pictures: Uint8Array[], { signal }: EncodeOptions = {}): Promise<EmbeddedPicture[]> {
    const tags = await this.#tagVectors();
    const embedded: EmbeddedPicture[] = [];
    for (const picture of pictures) {
      throwIfAborted(signal);
      const reading = await this.#client().call('look', [picture], { timeoutMs: CALL_TIMEOUT_MS });
      embedded.push(describe(reading, tags));
    }
    return embedded;
  }

  async encodeTexts(texts: string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    const [{ mean }, vectors] = await Promise.all([this.#tagVectors(), this.#text.encode(texts, options)]);
    return vectors.map((vector) => {
      // An empty text has no direction, and must not get that of the mean.
      if (vector.every((value) => value === 0)) return vector;
      return normalise(vector.map((value, axis) => value - mean[axis]!));
    });
  }

  async warmUp(): Promise<void> {
    await Promise.all([this.#client().call('ready', []), this.#tagVectors()]);
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }

  #tagVectors(): Promise<TagVectors> {
    this.#tags ??= this.#text.encode([...TAG_TEXTS]).then(
      (vectors) => ({ vectors, mean: meanVector(vectors) }),
      (error: unknown) => {
        this.#tags = undefined;
        throw error;
      },
    );
    return this.#tags;
  }

  #client(): ThreadClient<BundledVisionThread> {
    this.#thread ??= new ThreadClient<BundledVisionThread>(
      new URL('./vision/bundled-vision.thread.ts', import.meta.url),
      bundledVisionInit(this.#models),
    );
    return this.#thread;
  }
}

/** @throws CinedexError MODEL_MISSING, DEPENDENCY_MISSING */
export function bundledVisionInit(models: ModelStore): BundledVisionInit {
  const weights = models.manifest(SAFETY_MODEL).files.filter(({ name }) => name.startsWith('group1-'));
  return {
    objects: {
      model: models.file(OBJECT_MODEL, 'centernet.json'),
      weights: models.file(OBJECT_MODEL, 'centernet.bin'),
    },
    safety: {
      model: models.file(SAFETY_MODEL, 'model.min.js'),
      weights: weights.map(({ name }) => models.file(SAFETY_MODEL, name)),
    },
  };
}

function describe(reading: PictureReading, tags: TagVectors): EmbeddedPicture {
  return {
    vector: composeVector(tagWeights(reading), tags.vectors, tags.mean),
    labels: seenLabels(reading.objects),
    explicit: reading.explicit,
  };
}

/** What is certain enough to be shown and filtered by, most certain first. */
export function seenLabels(objects: SeenObject[]): EmbeddedPicture['labels'] {
  return objects
    .filter(({ score }) => score >= LABEL_MIN_SCORE)
    .map(({ label, score, box }) => ({ label, score, box }));
}
