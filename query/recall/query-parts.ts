/** The parts of a question that may each be about another part of a video. */
import { fold } from '../../shared/text/normalise.ts';
import { scriptRuns } from '../../shared/text/script.ts';
import { segmenter } from '../../shared/text/segmenter.ts';
import { CHINESE_STOP_WORDS, ENGLISH_STOP_WORDS } from '../../shared/text/stop-words.ts';

/** A question of more parts is a text; its whole says enough. */
const MOST_PARTS = 6;

/**
 * Runs of content words between function words, at most {@link MOST_PARTS}, in their order; empty where the whole is one run.
 * `a man riding a bicycle in the rain` → `man riding`, `bicycle`, `rain`.
 */
export function queryParts(text: string): string[] {
  const parts: string[] = [];
  // Punctuation ends a part, as function words do.
  for (const phrase of fold(text).split(/[^\p{L}\p{N}\s'’-]+/u)) {
    let words: string[] = [];
    const end = (joint: string) => {
      if (words.length > 0) parts.push(words.join(joint));
      words = [];
    };
    for (const { script, text: run } of scriptRuns(phrase)) {
      if (script !== 'han') {
        if (ENGLISH_STOP_WORDS.has(run)) end(' ');
        else words.push(run);
        continue;
      }
      end(' ');
      for (const word of segmenter().cut(run, true)) {
        if (CHINESE_STOP_WORDS.has(word)) end('');
        else words.push(word);
      }
      end('');
    }
    end(' ');
  }
  const distinct = [...new Set(parts)];
  return distinct.length < 2 ? [] : distinct.slice(0, MOST_PARTS);
}
