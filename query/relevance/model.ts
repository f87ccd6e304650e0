/** From features to a grade of relevance. */
import { z } from 'zod';
import type { FeatureName, Features } from './features.ts';

/**
 * Logistic model: grade = 1 / (1 + e^-(bias + Σ weight × feature)). All features lie in 0..1, so weights can be compared. The
 * bias is what a video has that no feature speaks for.
 */
export const RelevanceModel = z.object({
  id: z.string(),
  bias: z.number(),
  weights: z.record(z.string(), z.number()),
});
export type RelevanceModel = z.infer<typeof RelevanceModel>;

/**
 * Set by hand, so that searching works untrained: all words of a query together, the whole phrase, a named entity, the clicks
 * of most who asked the same, or a typical similarity of meaning suffice alone for a grade about the middle or above; a broken
 * condition outweighs most, and so does being refused by most who looked. What is only relative to the other hits (`fused`)
 * says little of relevance, and counts little.
 */
export const UNTRAINED: RelevanceModel = {
  id: 'untrained-4',
  bias: -2,
  weights: {
    coverage: 2.4,
    titleCoverage: 1,
    momentCoverage: 0.8,
    labelCoverage: 1,
    proximity: 0.5,
    phrase: 2,
    titleExact: 2,
    titleShare: 1,
    lexical: 1,
    entity: 3,
    alias: 0.3,
    relation: 0.8,
    conditionsMet: 1.2,
    conditionsBroken: -3,
    queryClickRate: 3,
    refused: -6,
    videoClickRate: 0.3,
    satisfaction: 0.2,
    textSimilarity: 2,
    partsSimilarity: 0.5,
    visualSimilarity: 2,
    sceneSimilarity: 0.5,
    crossModal: 0.5,
    example: 5,
    fused: 0.4,
  } satisfies Record<FeatureName, number>,
};

export interface Graded {
  /** 0..1. */
  grade: number;
  /** What each feature adds before the logistic function; features that are 0 are left out. */
  parts: { feature: string; value: number; weight: number }[];
}

export function gradeOf(features: Features, { bias, weights }: RelevanceModel): Graded {
  let sum = bias;
  const parts: Graded['parts'] = [];
  for (const [feature, value] of Object.entries(features)) {
    const weight = weights[feature] ?? 0;
    sum += weight * value;
    if (value !== 0) parts.push({ feature, value, weight });
  }
  parts.sort((a, b) => Math.abs(b.value * b.weight) - Math.abs(a.value * a.weight));
  return { grade: 1 / (1 + Math.exp(-sum)), parts };
}
