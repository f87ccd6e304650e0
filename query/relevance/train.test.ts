import { describe, expect, it } from 'vitest';
import { seeded } from '../evaluation/significance.ts';
import { type Example, foldOf, logLoss, train } from './train.ts';

/** Relevance follows `good`; `noise` says nothing. One relevant for every nine others. */
function examples(count: number, seed = 1): Example[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, i) => {
    const relevant = i % 10 === 0;
    const good = Math.min(1, Math.max(0, (relevant ? 0.7 : 0.3) + (random() - 0.5) * 0.6));
    return { query: `q${i % 17}`, features: { good, noise: random() }, relevant };
  });
}

const NAMES = ['good', 'noise'];

describe('training', () => {
  it('finds what matters, and what does not', () => {
    const { weights } = train(examples(400), NAMES, { ridge: 0.001 });
    expect(weights.good).toBeGreaterThan(3);
    expect(Math.abs(weights.noise!)).toBeLessThan(weights.good! / 4);
  });

  it('grades examples that it has not seen, better than knowing nothing', () => {
    const model = train(examples(400), NAMES, { ridge: 0.001 });
    const unseen = examples(400, 2);
    const nothing = { bias: 0, weights: {} };
    expect(logLoss(unseen, nothing)).toBeCloseTo(Math.log(2));
    expect(logLoss(unseen, model)).toBeLessThan(0.8 * Math.log(2));
  });

  it('is calibrated for even odds, however few are relevant', () => {
    const model = train(examples(2_000), NAMES, { ridge: 1e-6 });
    const middle = -model.bias / model.weights.good!;
    expect(middle).toBeGreaterThan(0.35);
    expect(middle).toBeLessThan(0.65);
  });

  it('stays at the prior weights where the pull is strong, and gives the same every time', () => {
    const prior = { id: 'p', bias: -1, weights: { good: 2, noise: 1 } };
    const model = train(examples(50), NAMES, { prior, ridge: 1 });
    expect(model.weights.good).toBeCloseTo(2, 0);
    expect(train(examples(50), NAMES, { prior })).toEqual(train(examples(50), NAMES, { prior }));
  });

  it('refuses examples of one class', () => {
    const relevant = examples(50).filter((each) => each.relevant);
    expect(() => train(relevant, NAMES)).toThrow(RangeError);
    expect(() => train([], NAMES)).toThrow(RangeError);
  });
});

it('folds are of like size, and a question is always in the same one', () => {
  const sizes = [0, 0, 0, 0, 0];
  for (let i = 0; i < 1_000; i++) sizes[foldOf(`question ${i} 问题`, 5)]! += 1;
  expect(Math.min(...sizes)).toBeGreaterThan(140);
  expect(foldOf('三体', 5)).toBe(foldOf('三体', 5));
});
