/** The bundled sentence encoder in a thread of its own: English directly, Chinese by way of its gloss. */
import { readFileSync } from 'node:fs';
import { hasHan } from '../../text/script.ts';
import { serve } from '../../threads/serve.ts';
import { ChineseGloss, readDictionary } from './gloss.ts';
import { UseLite } from './use-lite.ts';

export interface BundledTextInit {
  model: string;
  weights: string[];
  vocabulary: string;
  dictionary: string;
}

export interface BundledTextThread {
  /** @returns the vectors one after the other: texts.length x 512 */
  encode(texts: string[]): Promise<Float32Array>;
  /** Loads the dictionary too, which takes 0.4 s and otherwise happens with the first Chinese text. */
  ready(): void;
}

serve<BundledTextThread>(async (init) => {
  const files = init as BundledTextInit;
  const encoder = await UseLite.load({
    model: readFileSync(files.model, 'utf8'),
    weights: Buffer.concat(files.weights.map((file) => readFileSync(file))),
    vocabulary: readFileSync(files.vocabulary, 'utf8'),
  });
  let loaded: ChineseGloss | undefined;
  const chinese = () => {
    loaded ??= ChineseGloss.from(readDictionary(readFileSync(files.dictionary, 'utf8')));
    return loaded;
  };
  const english = (text: string) => (hasHan(text) ? chinese().gloss(text) : text);
  return {
    ready: () => void chinese(),
    encode: async (texts) => {
      const vectors = await encoder.encode(texts.map(english));
      const joined = new Float32Array(vectors.length * (vectors[0]?.length ?? 0));
      for (const [index, vector] of vectors.entries()) joined.set(vector, index * vector.length);
      return joined;
    },
  };
});
