/**
 * Puts what was seen in a picture into the space of a sentence encoder: the weighted sum of the texts' vectors that
 * describe it, after ConSE ("Zero-Shot Learning by Convex Combination of Semantic Embeddings", Norouzi et al. 2013,
 * arXiv:1312.5650).
 */
import type { PictureReading } from './bundled-vision.thread.ts';
import { COCO_LABELS } from './coco-labels.ts';

/** Texts whose vectors a picture is made of, in the order of {@link tagWeights}. */
export const TAG_TEXTS: readonly string[] = COCO_LABELS.map(({ scene }) => scene);

/** A person is in most pictures of people, so seeing one says little; everything else says more. */
const PERSON_WEIGHT = 0.4;

/** @returns one weight of 0 or more for each of TAG_TEXTS */
export function tagWeights(reading: PictureReading): Float32Array {
  const weights = new Float32Array(TAG_TEXTS.length);
  for (const { kind, score, box } of reading.objects) {
    const area = box.width * box.height;
    const weight = score * (0.5 + 0.5 * Math.sqrt(area)) * (kind === 0 ? PERSON_WEIGHT : 1);
    weights[kind] = Math.max(weights[kind]!, weight);
  }
  return weights;
}

/** Weighted sum of the vectors less their mean, of length one; the zero vector where all weights are zero. */
export function composeVector(
  weights: Float32Array,
  vectors: Float32Array[],
  mean: Float32Array,
): Float32Array {
  const sum = new Float32Array(mean.length);
  for (const [index, weight] of weights.entries()) {
    if (weight === 0) continue;
    const vector = vectors[index]!;
    for (let axis = 0; axis < sum.length; axis++) sum[axis]! += weight * (vector[axis]! - mean[axis]!);
  }
  return normalise(sum);
}

export function meanVector(vectors: Float32Array[]): Float32Array {
  const mean = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    for (let axis = 0; axis < mean.length; axis++) mean[axis]! += vector[axis]! / vectors.length;
  }
  return mean;
}

/** Scales to length one in place; a zero vector stays zero. */
export function normalise(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares > 0) {
    const scale = 1 / Math.sqrt(squares);
    for (let axis = 0; axis < vector.length; axis++) vector[axis]! *= scale;
  }
  return vector;
}
