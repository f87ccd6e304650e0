/** From which cosine similarity on two vectors of an encoder may mean something of the same. */

export interface Floors {
  /** What strangers typically have, of two texts, and of a text and a picture. */
  strangersText: number;
  strangersVisual: number;
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
 * Measured with the bundled encoders on 62 photographs with English captions. Pictures and their captions have a median of
 * 0.44 (a quarter below 0.24), strangers 0.00 (a quarter above 0.12, one in twenty above 0.31). Two captions of one picture
 * have a median of 0.69 (one in ten below 0.46), strangers 0.29 (a quarter above 0.37, one in twenty above 0.51). A floor lies
 * where most strangers are below: how far above it something is, relevance weighs.
 */
const SENTENCES = 0.37;
const TAG_SPACE = 0.2;
const STRANGERS = { sentences: 0.29, tagSpace: 0 };
/** Not measured here. BGE was trained at a low temperature, and its authors advise against thresholds below this. */
const BGE = 0.6;
/** Not measured here. Radford et al. 2021: cosines of CLIP lie close together, those of matching pairs about 0.25 to 0.35. */
const JOINT_SPACE = 0.22;

/** About the medians of matching pairs, as above; for the others the upper end of what their authors report. */
const TYPICAL = { sentences: 0.69, tagSpace: 0.46, bge: 0.8, jointSpace: 0.31 };

/**
 * @param text id of the text encoder
 * @param space id of the space of pictures and texts
 */
export function floorsOf(text: string, space: string): Floors {
  const bge = text.includes('bge');
  const tags = space.startsWith('tags-');
  return {
    // Of the other encoders strangers were not measured here: they are taken to lie at the floor.
    strangersText: bge ? BGE : STRANGERS.sentences,
    strangersVisual: tags ? STRANGERS.tagSpace : JOINT_SPACE,
    text: bge ? BGE : SENTENCES,
    typicalText: bge ? TYPICAL.bge : TYPICAL.sentences,
    visual: tags ? TAG_SPACE : JOINT_SPACE,
    typicalVisual: tags ? TYPICAL.tagSpace : TYPICAL.jointSpace,
  };
}
