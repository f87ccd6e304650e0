import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../../shared/ports/video-index.ts';
import { checkWeights } from '../weights.ts';
import {
  DISTRIBUTION_WEIGHTS,
  distributionValues,
  TOOL_WEIGHTS,
  toolValues,
  valueVideo,
} from './objectives.ts';

const now = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const tool = (payload: Payload, grade = 0.5, coverage = 0.5) =>
  toolValues(payload, { grade, coverage }, { freshDays: 180, now });
const full: Payload = {
  ...{ durationSec: 60, complete: true, width: 1280, height: 720, poster: { sha256: 'x' }, source: 'ogc' },
  ...{ publishedAt: now, views: 1_000, clicks: 300, impressions: 1_000, watchSeconds: 9_000 },
};

describe('the objectives', () => {
  it('value what is whole, new and professionally made', () => {
    expect(tool(full)).toEqual({
      ...{ accuracy: 0.5, coverage: 0.5, playability: 1, experience: 1, fresh: 1, authority: 1 },
    });
    expect(tool({})).toMatchObject({ playability: 0, experience: 0, fresh: 0.5, authority: 0 });
    expect(tool({ ...full, publishedAt: now - 180 * DAY }).fresh).toBeCloseTo(0.5);
    expect(tool({ ...full, publishedAt: now + DAY }).fresh).toBe(1);
    expect(tool({ ...full, complete: false }).playability).toBeCloseTo(0.7);
  });

  it('lie in 0..1, whatever is stored', () => {
    const count = fc.integer({ min: 0, max: 1e9 });
    const payload = fc.record(
      {
        ...{ views: count, clicks: count, impressions: count, watchSeconds: count, durationSec: count },
        ...{ width: count, height: count, publishedAt: fc.integer() },
        source: fc.constantFrom('ogc', 'ugc'),
        complete: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(payload, (stored) => {
        const values = { ...tool(stored as Payload), ...distributionValues(stored as Payload) };
        for (const [name, value] of Object.entries(values)) {
          expect(value, name).toBeGreaterThanOrEqual(0);
          expect(value, name).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('expect more of what is clicked and watched more', () => {
    const more = distributionValues({ ...full, clicks: 600 });
    expect(more.clicks).toBeGreaterThan(distributionValues(full).clicks);
    const longer = distributionValues({ ...full, watchSeconds: 90_000 });
    expect(longer.watchTime).toBeGreaterThan(distributionValues(full).watchTime);
    const ugc = distributionValues({ ...full, source: 'ugc' });
    expect(ugc.revenue).toBeLessThan(distributionValues(full).revenue);
    expect(ugc.clicks).toBe(distributionValues(full).clicks);
  });

  it('are two: the share says which decides', () => {
    const useful = { tool: tool(full, 0.9), distribution: distributionValues({}) };
    const popular = { tool: tool({}, 0.5), distribution: distributionValues(full) };
    const value = ({ tool: own, distribution }: typeof useful, toolShare: number) =>
      valueVideo(own, distribution, { toolShare, configured: {} }).value;
    expect(value(useful, 1)).toBeGreaterThan(value(popular, 1));
    expect(value(useful, 0)).toBeLessThan(value(popular, 0));
    expect(valueVideo(useful.tool, useful.distribution, { toolShare: 1, configured: {} }).value).toBeCloseTo(
      valueVideo(useful.tool, useful.distribution, { toolShare: 0, configured: {} }).tool,
    );
  });

  it('weigh their parts as configured; without any weight they are 0', () => {
    const only = (name: string) =>
      Object.fromEntries(
        Object.keys({ ...TOOL_WEIGHTS, ...DISTRIBUTION_WEIGHTS }).map((each) => [
          each,
          Number(each === name),
        ]),
      );
    const valued = valueVideo(tool(full, 0.25), distributionValues(full), {
      ...{ toolShare: 1, configured: only('accuracy') },
    });
    expect(valued).toMatchObject({ tool: 0.25, distribution: 0, value: 0.25 });
  });
});

describe('configured weights', () => {
  it('have to be of something that there is', () => {
    checkWeights({ channelWeights: { 'videos.title': 2 }, objectiveWeights: { fresh: 1, clicks: 0 } });
    const wrongs: Parameters<typeof checkWeights>[0][] = [
      { channelWeights: { 'videos.titel': 2 }, objectiveWeights: {} },
      { channelWeights: {}, objectiveWeights: { freshness: 1 } },
    ];
    for (const wrong of wrongs) {
      expect(() => checkWeights(wrong)).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    }
  });
});
