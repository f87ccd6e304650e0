/** The one copy of jieba and its dictionary in this process (about 40 MB, loaded at first use in about 0.2 s). */
import { Jieba, TfIdf } from '@node-rs/jieba';
import { dict, idf } from '@node-rs/jieba/dict.js';

let jieba: Jieba | undefined;
let tfIdf: TfIdf | undefined;

export function segmenter(): Jieba {
  jieba ??= Jieba.withDict(dict);
  return jieba;
}

/** TF-IDF over jieba's words, with the document frequencies that come with it. */
export function chineseTfIdf(): TfIdf {
  // Its own stop words cannot be set (the binding refuses a Set); callers drop ours from the result.
  tfIdf ??= TfIdf.withDict(idf);
  return tfIdf;
}
