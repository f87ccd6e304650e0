/** Grades the candidates, leaves out what is not relevant, and orders the rest. */
import type { SearchConfig } from '../../shared/search-config.ts';
import { stringOf } from '../payload.ts';
import { type Asking, type Candidate, type Features, featuresOf } from '../relevance/features.ts';
import { type Graded, gradeOf, type RelevanceModel } from '../relevance/model.ts';
import { distributionValues, toolValues, type Valued, valueVideo } from './objectives.ts';
import { foldDuplicates, orderByValue, type Rankable } from './order.ts';

export interface RankedCandidate extends Rankable {
  candidate: Candidate;
  features: Features;
  graded: Graded;
  valued: Valued;
}

type Settings = Pick<
  SearchConfig,
  'cutoff' | 'margin' | 'toolShare' | 'objectiveWeights' | 'freshDays' | 'perChannel'
>;

export function rankCandidates(
  candidates: readonly Candidate[],
  asking: Asking,
  model: RelevanceModel,
  { cutoff, margin, toolShare, objectiveWeights, freshDays, perChannel }: Settings,
  now: number,
): { shown: RankedCandidate; similar: RankedCandidate[] }[] {
  const relevant = candidates.flatMap((candidate): RankedCandidate[] => {
    const features = featuresOf(candidate, asking);
    const graded = gradeOf(features, model);
    if (graded.grade < cutoff) return [];
    const { payload } = candidate;
    const valued = valueVideo(
      toolValues(payload, { grade: graded.grade, coverage: features.coverage }, { freshDays, now }),
      distributionValues(payload),
      { toolShare, configured: objectiveWeights },
    );
    return [
      {
        id: candidate.video,
        grade: graded.grade,
        value: valued.value,
        group: stringOf(payload.nearDuplicateGroup) || null,
        publisher: stringOf(payload.channel) || stringOf(payload.uploader) || null,
        ...{ candidate, features, graded, valued },
      },
    ];
  });
  return foldDuplicates(orderByValue(relevant, { margin, perChannel }));
}
