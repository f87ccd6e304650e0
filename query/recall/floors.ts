/** From which cosine similarity on two vectors of an encoder mean something of the same. */

export interface Floors {
  /** Between two texts. */
  text: number;
  /** Between a text and a picture in the shared space. */
  visual: number;
  /** What pairs that match typically have, of two texts. */
  typicalText: number;
  /** … of a text and a picture. */
  typicalVisual: number;
}

/**
 * Measured with the bundled encoders on 40 photographs with captions: pictures and their captions have a median of 0.48 (one
 * in four below 0.32), strangers stay below 0.39 in 95 of 100; two captions of one picture have a median of 0.72 (one in
 * twenty below 0.44), strangers stay below 0.53 in 95 of 100.
 */
const SENTENCES = 0.45;
const TAG_SPACE = 0.3;
/** Not measured here. BGE was trained at a low temperature, and its authors advise against thresholds below this. */
const BGE = 0.6;
/** Not measured here. Radford et al. 2021: cosines of CLIP lie close together, those of matching pairs about 0.25 to 0.35. */
const JOINT_SPACE = 0.22;

/** Medians of matching pairs, as above; for the others the upper end of what their authors report. */
const TYPICAL = { sentences: 0.72, tagSpace: 0.48, bge: 0.8, jointSpace: 0.31 };

/**
 * @param text id of the text encoder
 * @param space id of the space of pictures and texts
 */
export function floorsOf(text: string, space: string): Floors {
  const bge = text.includes('bge');
  const tags = space.startsWith('tags-');
  return {
    text: bge ? BGE : SENTENCES,
    typicalText: bge ? TYPICAL.bge : TYPICAL.sentences,
    visual: tags ? TAG_SPACE : JOINT_SPACE,
    typicalVisual: tags ? TYPICAL.tagSpace : TYPICAL.jointSpace,
  };
}
