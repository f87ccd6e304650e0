/** What viewers did after they were shown the video. All features lie in 0..1; without any data they are 0. */
import type { Payload } from '../../shared/ports/video-index.ts';
import { queryKey } from '../intent/dictionary.ts';
import { contentClicks, listOf, numberOf } from '../payload.ts';
import type { Asking, Candidate } from './features.ts';

export interface InteractionFeatures {
  /** Smoothed share of clicks after this query, freed of where it was shown. */
  queryClickRate: number;
  /** … after any query. */
  videoClickRate: number;
  /** Smoothed share of those who looked at it after this query and said that it does not answer it. */
  refused: number;
  /** Smoothed share of the video that was watched after a click. */
  satisfaction: number;
}

/** A video that nobody was shown has this rate, which counts as so many impressions (a Beta prior). */
const PRIOR_RATE = 0.1;
const PRIOR_IMPRESSIONS = 20;
const PRIOR_CLICKS = 5;

export interface Counts {
  impressions: number;
  clicks: number;
  /** Mean rank at which it was shown; 1 where unknown. */
  position?: number;
}

/**
 * How likely a place is looked at at all, relative to the first: 1 / rank^0.7 is within the range that click models measure on
 * result lists (Craswell et al., WSDM 2008; Joachims et al., WSDM 2017 use 1 / rank^η).
 */
export function examination(position: number): number {
  return Math.max(1, position) ** -0.7;
}

/** Clicks over impressions that were looked at, drawn towards {@link PRIOR_RATE} while there are few. */
export function clickRate({ impressions, clicks, position = 1 }: Counts): number {
  const looked = Math.max(clicks, impressions * examination(position));
  return (clicks + PRIOR_RATE * PRIOR_IMPRESSIONS) / (looked + PRIOR_IMPRESSIONS);
}

/** Above what is known of a video that nobody was shown, as a part of what is left. */
function beyondPrior(counts: Counts): number {
  return Math.max(0, (clickRate(counts) - PRIOR_RATE) / (1 - PRIOR_RATE));
}

export function interactionFeatures({ payload }: Candidate, { intent }: Asking): InteractionFeatures {
  const key = intent ? queryKey(intent.raw) : '';
  const own = key
    ? listOf(payload.queries).find(({ query }) => typeof query === 'string' && queryKey(query) === key)
    : undefined;
  return {
    queryClickRate: own ? beyondPrior({ ...countsOf(own), clicks: contentClicks(own) }) : 0,
    refused: own ? refusedShare(own) : 0,
    videoClickRate: beyondPrior(countsOf(payload)),
    satisfaction: satisfaction(payload),
  };
}

/** One voice says little: a hundred viewers may have been content and silent. */
function refusedShare(counts: Payload): number {
  const { impressions, position = 1 } = countsOf(counts);
  const refused = numberOf(counts.notRelevant) ?? 0;
  return refused / (Math.max(refused, impressions * examination(position)) + PRIOR_IMPRESSIONS);
}

export function countsOf(payload: Payload): Counts {
  return {
    impressions: numberOf(payload.impressions) ?? 0,
    clicks: numberOf(payload.clicks) ?? 0,
    position: numberOf(payload.meanPosition) ?? 1,
  };
}

function satisfaction(payload: Payload): number {
  const clicks = Math.max(numberOf(payload.clicks) ?? 0, numberOf(payload.views) ?? 0);
  const duration = numberOf(payload.durationSec) ?? 0;
  const watched = numberOf(payload.watchSeconds) ?? 0;
  if (clicks === 0 || duration === 0) return 0;
  const share = Math.min(1, watched / clicks / duration);
  return (share * clicks) / (clicks + PRIOR_CLICKS);
}
