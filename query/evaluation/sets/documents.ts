/** What a built-in set brings along to be searched, since it is not about the videos of the user's own library. */
import type { LabelledSet } from '../labelled-set.ts';

export interface SetDocument {
  id: string;
  title?: string;
  about?: string;
  /** An encoded picture, read when it is needed. */
  picture?: () => Promise<Uint8Array>;
}

export interface DocumentSet extends LabelledSet {
  documents: SetDocument[];
}
