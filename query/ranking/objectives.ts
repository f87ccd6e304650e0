/** What an order is good for: two values of a video to the one who searches and to the one who distributes. */
import type { Payload } from '../../shared/ports/video-index.ts';
import { numberOf, stringOf } from '../payload.ts';
import { clickRate, countsOf } from '../relevance/interaction.ts';

/** Parts of the tool objective, each in 0..1. */
export interface ToolValues {
  /** The grade of relevance. */
  accuracy: number;
  /** How much of the query it answers. */
  coverage: number;
  /** Whether it can be played and every stage contributed. */
  playability: number;
  /** Resolution, and a picture to show for it. */
  experience: number;
  /** 1 today, halved every `freshDays`; 0.5 where the date is unknown. */
  fresh: number;
  /** 1 for professionally produced videos. */
  authority: number;
}

/** Parts of the distribution objective, each in 0..1. */
export interface DistributionValues {
  /** Smoothed click rate, and how many viewers it has already (logarithmic). */
  clicks: number;
  /** Expected minutes watched, saturating at half an hour. */
  watchTime: number;
  /** Expected clicks times what a click is worth: OGC 1, UGC 0.3. Rights holders pay by that; there is no finer data. */
  revenue: number;
}

export const TOOL_WEIGHTS: Record<keyof ToolValues, number> = {
  accuracy: 6,
  coverage: 1.5,
  playability: 0.8,
  experience: 0.3,
  fresh: 0.4,
  authority: 0.4,
};
export const DISTRIBUTION_WEIGHTS: Record<keyof DistributionValues, number> = {
  clicks: 1,
  watchTime: 0.7,
  revenue: 0.3,
};

const DAY_MS = 86_400_000;
const LONG_WATCH_SEC = 1_800;
const MANY_VIEWERS = 1e6;
const UGC_WORTH = 0.3;

export function toolValues(
  payload: Payload,
  { grade, coverage }: { grade: number; coverage: number },
  { freshDays, now }: { freshDays: number; now: number },
): ToolValues {
  const published = numberOf(payload.publishedAt);
  const lines = Math.min(numberOf(payload.height) ?? 0, numberOf(payload.width) ?? 0);
  const playable = (numberOf(payload.durationSec) ?? 0) > 0;
  return {
    accuracy: grade,
    coverage,
    playability: playable ? (payload.complete === true ? 1 : 0.7) : 0,
    experience: Math.min(1, lines / 720) * 0.7 + (payload.poster ? 0.3 : 0),
    fresh: published === null ? 0.5 : 0.5 ** (Math.max(0, now - published) / DAY_MS / freshDays),
    authority: stringOf(payload.source) === 'ogc' ? 1 : 0,
  };
}

export function distributionValues(payload: Payload): DistributionValues {
  const rate = clickRate(countsOf(payload));
  const viewers = Math.min(1, Math.log1p(numberOf(payload.views) ?? 0) / Math.log1p(MANY_VIEWERS));
  const clicks = Math.min(1, rate * 0.7 + viewers * 0.3);
  const views = Math.max(numberOf(payload.views) ?? 0, numberOf(payload.clicks) ?? 0);
  const duration = numberOf(payload.durationSec) ?? 0;
  const watched = views > 0 ? (numberOf(payload.watchSeconds) ?? 0) / views : duration * 0.3;
  return {
    clicks,
    watchTime: 1 - Math.exp(-watched / LONG_WATCH_SEC),
    revenue: clicks * (stringOf(payload.source) === 'ogc' ? 1 : UGC_WORTH),
  };
}

export interface Valued {
  tool: number;
  distribution: number;
  /** What the order is made by. */
  value: number;
  parts: Record<string, number>;
}

/** @param configured weights that replace the defaults, by name */
export function valueVideo(
  tool: ToolValues,
  distribution: DistributionValues,
  { toolShare, configured }: { toolShare: number; configured: Readonly<Record<string, number>> },
): Valued {
  const ofTool = weightedMean(tool, { ...TOOL_WEIGHTS, ...configured });
  const ofDistribution = weightedMean(distribution, { ...DISTRIBUTION_WEIGHTS, ...configured });
  return {
    tool: ofTool,
    distribution: ofDistribution,
    value: toolShare * ofTool + (1 - toolShare) * ofDistribution,
    parts: { ...tool, ...distribution },
  };
}

function weightedMean<T extends object>(values: T, weights: Readonly<Record<string, number>>): number {
  let sum = 0;
  let weight = 0;
  for (const [name, value] of Object.entries(values) as [string, number][]) {
    sum += value * weights[name]!;
    weight += weights[name]!;
  }
  return weight === 0 ? 0 : sum / weight;
}
