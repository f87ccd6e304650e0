/** Grades the candidates, leaves out what is not relevant, and orders the rest. */
import type { SearchConfig } from '../../shared/search-config.ts';
import { stringOf } from '../payload.ts';
import { type Asking, type Candidate, type Features, featuresOf } from '../relevance/features.ts';
import { type Graded, gradeOf, type RelevanceModel } from '../relevance/model.ts';
import { guessValue } from './guesses.ts';
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

type Folded = { shown: RankedCandidate; similar: RankedCandidate[] }[];

export function rankCandidates(
  candidates: readonly Candidate[],
  asking: Asking,
  model: RelevanceModel,
  settings: Settings,
  now: number,
): Folded {
  const { cutoff, margin, perChannel } = settings;
  const relevant = candidates
    .map((candidate) => judge(candidate, asking, model, settings, now))
    .filter(({ grade }) => grade >= cutoff);
  return foldDuplicates(orderByValue(relevant, { margin, perChannel }));
}

/** What lies below the cut-off, the best guess first. */
export function rankGuesses(
  candidates: readonly Candidate[],
  asking: Asking,
  model: RelevanceModel,
  settings: Settings,
  now: number,
): Folded {
  const judged = candidates.map((candidate) => {
    const item = judge(candidate, asking, model, settings, now);
    return { item, guess: guessValue(item.grade, candidate, asking) };
  });
  judged.sort((a, b) => b.guess - a.guess || (a.item.id < b.item.id ? -1 : 1));
  return foldDuplicates(judged.map(({ item }) => item));
}

function judge(
  candidate: Candidate,
  asking: Asking,
  model: RelevanceModel,
  { toolShare, objectiveWeights, freshDays }: Settings,
  now: number,
): RankedCandidate {
  const features = featuresOf(candidate, asking);
  const graded = gradeOf(features, model);
  const { payload } = candidate;
  const valued = valueVideo(
    toolValues(payload, { grade: graded.grade, coverage: features.coverage }, { freshDays, now }),
    distributionValues(payload),
    { toolShare, configured: objectiveWeights },
  );
  return {
    id: candidate.video,
    grade: graded.grade,
    value: valued.value,
    group: stringOf(payload.nearDuplicateGroup) || null,
    publisher: stringOf(payload.channel) || stringOf(payload.uploader) || null,
    ...{ candidate, features, graded, valued },
  };
}
