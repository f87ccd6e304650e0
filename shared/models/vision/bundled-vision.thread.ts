/** Looks at pictures in a thread of its own: objects and explicitness. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import sharp from 'sharp';
import { CinedexError } from '../../contracts/errors.ts';
import { serve } from '../../threads/serve.ts';
import { DETECTOR_SIZE, ObjectTagger, type SeenObject } from './object-tagger.ts';
import { SAFETY_SIZE, SafetyClassifier } from './safety.ts';

export interface BundledVisionInit {
  objects: { model: string; weights: string };
  /** Modules of the npm package: a JSON-like object, and weights as base64 texts. */
  safety: { model: string; weights: string[] };
}

export interface PictureReading {
  objects: SeenObject[];
  /** Probability, 0..1. */
  explicit: number;
}

export interface BundledVisionThread {
  look(picture: Uint8Array): Promise<PictureReading>;
  ready(): void;
}

const MAX_PIXELS = 100_000_000;
const require = createRequire(import.meta.url);

async function decode(picture: Uint8Array): Promise<{ large: Uint8Array; small: Uint8Array }> {
  try {
    const { data } = await sharp(picture, { limitInputPixels: MAX_PIXELS })
      .rotate()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .resize(DETECTOR_SIZE, DETECTOR_SIZE, { fit: 'fill', kernel: 'linear' })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const raw = { width: DETECTOR_SIZE, height: DETECTOR_SIZE, channels: 3 as const };
    const small = await sharp(data, { raw })
      .resize(SAFETY_SIZE, SAFETY_SIZE, { fit: 'fill', kernel: 'linear' })
      .raw()
      .toBuffer();
    return { large: data, small };
  } catch (error) {
    throw new CinedexError('MEDIA_CORRUPT', 'The picture cannot be decoded.', { cause: error });
  }
}

serve<BundledVisionThread>(async (init) => {
  sharp.concurrency(1);
  const { objects, safety } = init as BundledVisionInit;
  const tagger = await ObjectTagger.load({
    model: readFileSync(objects.model, 'utf8'),
    weights: readFileSync(objects.weights),
  });
  const classifier = await SafetyClassifier.load({
    model: require(safety.model),
    weights: Buffer.concat(safety.weights.map((file) => Buffer.from(require(file) as string, 'base64'))),
  });
  return {
    ready: () => undefined,
    look: async (picture) => {
      const { large, small } = await decode(picture);
      return {
        objects: await tagger.detect(large),
        explicit: await classifier.classify(small),
      };
    },
  };
});
