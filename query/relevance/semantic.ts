/** How near the meanings are, by the encoders. All features lie in 0..1: 0 at the floor where strangers lie, 1 where matching pairs typically do. */
import type { Asking, Candidate } from './features.ts';

export interface SemanticFeatures {
  /** Of the query and the nearest text of the video. */
  textSimilarity: number;
  /** Of the parts of the query and the text of the video that is nearest to each, in the mean (late interaction). */
  partsSimilarity: number;
  /** Of the query and the nearest of its pictures. */
  visualSimilarity: number;
  /** The same where the question describes what is to be seen, else 0: then nothing but the picture can answer it. */
  sceneSimilarity: number;
  /** The lesser of both: two encoders that agree are rarely wrong together. */
  crossModal: number;
  /** Of an example (picture, face, sound, video or moment) and the nearest thing in it. */
  example: number;
  /** Fused score of all channels over the most that is possible. */
  fused: number;
}

const TEXT_CHANNELS = /^(videos|moments)\.(title|about|words|people)~$/;
const PARTS_CHANNEL = /^videos\.parts~$/;
const VISUAL_CHANNELS = /^(videos\.gist|moments\.visual)~$/;
const EXAMPLE_CHANNELS = /^(moments\.(picture~|sound~|recording|like~)|audio\.embedding~|videos\.like~)$/;
/** Examples are compared within one modality, where cosines of what is alike are high. */
const EXAMPLE_FLOOR = 0.5;
/** Euclidean distance of faces: 0 the same picture, from here on another person. */
const FACE_LIMIT = 0.6;

export function semanticFeatures({ why, fused }: Candidate, { intent, floors }: Asking): SemanticFeatures {
  const best = (channels: RegExp) => bestOf(why, channels);
  const textSimilarity = above(best(TEXT_CHANNELS), floors.text, floors.typicalText);
  const partsSimilarity = above(best(PARTS_CHANNEL), floors.text, floors.typicalText);
  const visualSimilarity = above(best(VISUAL_CHANNELS), floors.visual, floors.typicalVisual);
  const face = why.find(({ channel }) => channel === 'faces.descriptor~');
  return {
    textSimilarity,
    partsSimilarity,
    visualSimilarity,
    sceneSimilarity: intent?.kind === 'scene' ? visualSimilarity : 0,
    crossModal: Math.min(textSimilarity, visualSimilarity),
    example: Math.max(
      above(best(EXAMPLE_CHANNELS), EXAMPLE_FLOOR, 1),
      face ? Math.max(0, 1 + face.score / (2 * FACE_LIMIT)) : 0,
    ),
    fused,
  };
}

/** How far the best similarity stands above that of strangers (0), matches being at 1; negative for less than strangers have. */
export function standing({ why }: Pick<Candidate, 'why'>, { floors }: Pick<Asking, 'floors'>): number {
  const at = (score: number, strangers: number, typical: number) =>
    (score - strangers) / (typical - strangers);
  return Math.max(
    at(bestOf(why, TEXT_CHANNELS), floors.strangersText, floors.typicalText),
    at(bestOf(why, VISUAL_CHANNELS), floors.strangersVisual, floors.typicalVisual),
  );
}

function bestOf(why: Candidate['why'], channels: RegExp): number {
  return why.reduce((max, { channel, score }) => (channels.test(channel) ? Math.max(max, score) : max), -1);
}

/** Place of a similarity between the floor (0) and what is typical of a match (1), and not outside. */
export function above(score: number, floor: number, typical: number): number {
  // A floor that somebody raised above what is typical: then whatever reaches it is a match.
  if (typical <= floor) return score >= floor ? 1 : 0;
  return Math.min(1, Math.max(0, (score - floor) / (typical - floor)));
}
