import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { above, semanticFeatures, standing } from './semantic.ts';
import { asking, candidate, FLOORS, found } from './testing.ts';

const of = (...why: ReturnType<typeof found>[]) => semanticFeatures(candidate({}, { why }), asking('x'));

describe('semantic features', () => {
  it('begin at the floor of their channel, and are whole where matches typically are', () => {
    expect(of(found('videos.title~', FLOORS.text)).textSimilarity).toBe(0);
    expect(of(found('videos.title~', FLOORS.typicalText)).textSimilarity).toBe(1);
    expect(of(found('moments.visual~', FLOORS.visual)).visualSimilarity).toBe(0);
    expect(of(found('videos.gist~', FLOORS.typicalVisual)).visualSimilarity).toBe(1);
    expect(of(found('videos.parts~', FLOORS.typicalText))).toMatchObject({
      partsSimilarity: 1,
      textSimilarity: 0,
    });
  });

  it('take the nearest of several, and the lesser of two senses', () => {
    const features = of(
      found('videos.title~', 0.4),
      found('moments.words~', 0.6),
      found('moments.visual~', FLOORS.typicalVisual),
    );
    expect(features.textSimilarity).toBeCloseTo(above(0.6, FLOORS.text, FLOORS.typicalText));
    expect(features.crossModal).toBe(features.textSimilarity);
  });

  it('ask more of the picture where the question describes one', () => {
    const seen = candidate({}, { why: [found('moments.visual~', FLOORS.typicalVisual)] });
    expect(semanticFeatures(seen, asking('x')).sceneSimilarity).toBe(0);
    expect(semanticFeatures(seen, asking('a dog running on a beach')).sceneSimilarity).toBe(1);
  });

  it('take whatever reaches a raised floor for a match, and nothing below it', () => {
    expect([above(0.39, 0.4, 0.31), above(0.4, 0.4, 0.31)]).toEqual([0, 1]);
  });

  it('do not take words for meaning', () => {
    expect(of(found('videos.title', 12))).toMatchObject({ textSimilarity: 0, visualSimilarity: 0 });
  });

  it('compare examples within their sense, and faces by distance', () => {
    expect(of(found('moments.picture~', 1)).example).toBe(1);
    expect(of(found('moments.picture~', 0.5)).example).toBe(0);
    expect(of(found('faces.descriptor~', 0)).example).toBe(1);
    expect(of(found('faces.descriptor~', -0.6)).example).toBeCloseTo(0.5);
    expect(of(found('faces.descriptor~', -2)).example).toBe(0);
  });

  it('lie in 0..1, and rise with the similarity', () => {
    const channel = fc.constantFrom('videos.title~', 'moments.words~', 'videos.parts~', 'moments.visual~');
    const cosine = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(channel, cosine, cosine, (name, a, b) => {
        const [less, more] = [of(found(name, Math.min(a, b))), of(found(name, Math.max(a, b)))];
        for (const key of Object.keys(less) as (keyof typeof less)[]) {
          expect(less[key]).toBeGreaterThanOrEqual(0);
          expect(more[key]).toBeLessThanOrEqual(1);
          expect(more[key]).toBeGreaterThanOrEqual(less[key]);
        }
      }),
    );
  });
});

describe('standing', () => {
  const at = (...why: ReturnType<typeof found>[]) => standing({ why }, { floors: FLOORS });

  it('is 0 where strangers are, 1 where matches are, and differs below the floor, too', () => {
    expect(at(found('videos.title~', FLOORS.strangersText))).toBeCloseTo(0);
    expect(at(found('moments.visual~', FLOORS.typicalVisual))).toBeCloseTo(1);
    expect(at(found('moments.visual~', -0.2))).toBeLessThan(at(found('moments.visual~', -0.1)));
  });

  it('is that of the best reason', () => {
    const good = found('moments.visual~', 0.4);
    expect(at(good, found('videos.title~', 0))).toBe(at(good));
  });
});
