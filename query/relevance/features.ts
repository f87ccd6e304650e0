/** The features by which a video is graded, in four groups; each file says what its features mean and their ranges. */
import type { Payload } from '../../shared/ports/video-index.ts';
import type { Dictionary } from '../intent/dictionary.ts';
import type { Intent } from '../intent/intent.ts';
import type { Floors } from '../recall/floors.ts';
import type { Contribution } from '../recall/fusion.ts';
import { type InteractionFeatures, interactionFeatures } from './interaction.ts';
import { type KnowledgeFeatures, knowledgeFeatures } from './knowledge.ts';
import { type SemanticFeatures, semanticFeatures } from './semantic.ts';
import { type TextualFeatures, textualFeatures } from './textual.ts';

/** A video that some channel found. */
export interface Candidate {
  video: string;
  payload: Payload;
  /** By which channels. */
  why: readonly Contribution[];
  /** Payloads of its moments that were found. */
  moments: readonly Payload[];
  /** Fused score over the most that a video could get, 0..1. */
  fused: number;
  /** BM25 score over that of the best hit, in the channel of words where that is greatest; 0..1. */
  lexical: number;
}

export interface Asking {
  /** Null: asked by example only. */
  intent: Intent | null;
  dictionary: Dictionary;
  /** Steps from the entities of the query to others. */
  distances: ReadonlyMap<string, number>;
  floors: Floors;
}

export type Features = TextualFeatures & KnowledgeFeatures & InteractionFeatures & SemanticFeatures;
export type FeatureName = keyof Features;

export function featuresOf(candidate: Candidate, asking: Asking): Features {
  return {
    ...textualFeatures(candidate, asking),
    ...knowledgeFeatures(candidate, asking),
    ...interactionFeatures(candidate, asking),
    ...semanticFeatures(candidate, asking),
  };
}
