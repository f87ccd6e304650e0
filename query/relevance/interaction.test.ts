import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clickRate, examination, interactionFeatures } from './interaction.ts';
import { asking, candidate } from './testing.ts';

const of = (payload: Parameters<typeof candidate>[0], question = 'cats') =>
  interactionFeatures(candidate(payload), asking(question));
const count = fc.integer({ min: 0, max: 100_000 });
const position = fc.double({ min: 1, max: 100, noNaN: true });

describe('click rates', () => {
  it('start from the prior, and go to what was counted', () => {
    expect(clickRate({ impressions: 0, clicks: 0 })).toBeCloseTo(0.1);
    expect(clickRate({ impressions: 1e6, clicks: 5e5 })).toBeCloseTo(0.5, 3);
  });

  it('take into account that lower places are looked at less', () => {
    expect(examination(1)).toBe(1);
    expect(examination(0)).toBe(1);
    const first = clickRate({ impressions: 1_000, clicks: 50, position: 1 });
    const tenth = clickRate({ impressions: 1_000, clicks: 50, position: 10 });
    expect(tenth).toBeGreaterThan(first);
  });

  it('lie in 0..1, rise with clicks, fall with impressions', () => {
    fc.assert(
      fc.property(count, count, position, (impressions, clicks, at) => {
        const rate = clickRate({ impressions, clicks, position: at });
        expect(rate).toBeGreaterThan(0);
        expect(rate).toBeLessThanOrEqual(1);
        expect(clickRate({ impressions, clicks: clicks + 1, position: at })).toBeGreaterThanOrEqual(rate);
        expect(clickRate({ impressions: impressions + 1, clicks, position: at })).toBeLessThanOrEqual(rate);
      }),
    );
  });
});

describe('interaction features', () => {
  it('are 0 without data, and for a rate that is no better than the prior', () => {
    expect(of({})).toEqual({ queryClickRate: 0, videoClickRate: 0, refused: 0, satisfaction: 0 });
    expect(of({ impressions: 1_000, clicks: 10 }).videoClickRate).toBe(0);
  });

  it('know the clicks after this query from others', () => {
    const queries = [{ query: 'CATS!', impressions: 100, clicks: 60 }];
    expect(of({ queries }).queryClickRate).toBeGreaterThan(0.4);
    expect(of({ queries }, 'dogs').queryClickRate).toBe(0);
  });

  it('know who said that it does not answer this query, and hardly listen to one alone', () => {
    const refused = (impressions: number, notRelevant: number, question = 'cats') =>
      of({ queries: [{ query: 'cats', impressions, clicks: 0, notRelevant }] }, question).refused;
    expect(refused(100, 80)).toBeGreaterThan(0.6);
    expect(refused(100, 80, 'dogs')).toBe(0);
    expect(refused(1, 1)).toBeLessThan(0.05);
    expect(refused(1_000, 80)).toBeLessThan(refused(100, 80));
    // Counts may come late: more refusals than impressions.
    expect(refused(0, 1_000)).toBeLessThan(1);
  });

  it('are satisfied by watching to the end, the surer the more did', () => {
    const watched = (clicks: number, share: number) =>
      of({ clicks, impressions: clicks, durationSec: 60, watchSeconds: clicks * 60 * share }).satisfaction;
    expect(watched(1_000, 1)).toBeCloseTo(1, 1);
    expect(watched(1_000, 0.1)).toBeCloseTo(0.1, 1);
    expect(watched(1, 1)).toBeLessThan(watched(10, 1));
  });

  it('lie in 0..1', () => {
    fc.assert(
      fc.property(count, count, count, position, (impressions, clicks, watchSeconds, meanPosition) => {
        const queries = [{ query: 'cats', impressions, clicks, meanPosition }];
        const features = of({ impressions, clicks, watchSeconds, meanPosition, durationSec: 60, queries });
        return Object.values(features).every((value) => value >= 0 && value <= 1);
      }),
    );
  });
});
