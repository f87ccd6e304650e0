/** How good a guess is that is probably not relevant: below the cut-off there are differences yet. Pure. */
import type { Asking, Candidate } from '../relevance/features.ts';
import { standing } from '../relevance/semantic.ts';

/** What a similarity that is typical of a match counts, as in the untrained model of relevance. */
const SIMILARITY = 2;

/**
 * The evidence that made the grade, and beside it how far the best similarity stands above that of strangers, which goes into
 * no grade below the floor. One good reason makes a guess, so similarities are not added up: of two encoders one is nearly
 * always wrong here.
 */
export function guessValue(
  grade: number,
  candidate: Pick<Candidate, 'why'>,
  asking: Pick<Asking, 'floors'>,
): number {
  return Math.log(grade / (1 - grade)) + SIMILARITY * standing(candidate, asking);
}
