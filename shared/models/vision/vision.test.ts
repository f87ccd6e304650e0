import { describe, expect, it } from 'vitest';
import { COCO_LABELS } from './coco-labels.ts';
import { type SeenObject, suppressDuplicates } from './object-tagger.ts';
import { composeVector, meanVector, tagWeights } from './tag-space.ts';

const seen = (label: string, score: number, x = 0, width = 1): SeenObject => ({
  label,
  kind: COCO_LABELS.findIndex((entry) => entry.label === label),
  score,
  box: { x, y: 0, width, height: 1 },
});

it('keeps the most certain of boxes that overlap, within a class only', () => {
  const dog = seen('dog', 0.9, 0, 0.5);
  const again = seen('dog', 0.8, 0.05, 0.5);
  const second = seen('dog', 0.7, 0.5, 0.5);
  const cat = seen('cat', 0.6, 0, 0.5);
  expect(suppressDuplicates([dog, again, second, cat])).toEqual([dog, second, cat]);
});

describe('what is seen becomes a direction', () => {
  const reading = (...objects: SeenObject[]) => ({ objects, explicit: 0 });

  it('with more weight for what is certain, large and not a person', () => {
    const weights = tagWeights(
      reading(seen('dog', 0.9), seen('person', 0.9), seen('cat', 0.3), seen('car', 0.9, 0, 0.01)),
    );
    const of = (label: string) => weights[COCO_LABELS.findIndex((entry) => entry.label === label)]!;
    expect(of('dog')).toBeGreaterThan(of('person'));
    expect(of('dog')).toBeGreaterThan(of('cat'));
    expect(of('dog')).toBeGreaterThan(of('car'));
    expect(of('bus')).toBe(0);
  });

  it('of length one, or none at all', () => {
    const vectors = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
    const mean = meanVector(vectors);
    expect(mean).toEqual(Float32Array.of(0.5, 0.5));
    const vector = composeVector(Float32Array.of(0.3, 0), vectors, mean);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
    expect(vector[0]).toBeGreaterThan(0);
    expect(composeVector(Float32Array.of(0, 0), vectors, mean)).toEqual(Float32Array.of(0, 0));
  });
});

it('has a sentence for each of the 80 classes', () => {
  expect(COCO_LABELS).toHaveLength(80);
  expect(new Set(COCO_LABELS.map(({ label }) => label)).size).toBe(80);
});
