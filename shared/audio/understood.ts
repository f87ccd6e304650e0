/** Judges the transcription of a recording as a whole: a single window can look like English by chance. */
import type { Transcription } from './transcriber.ts';

export interface TimedTranscription extends Transcription {
  startSec: number;
  endSec: number;
}

/**
 * Geometric mean of all token probabilities of a recording below which it is not taken to be in the model's language.
 * English recordings measured 0.70 and more, also with noise, those in five other languages 0.66 and less.
 */
const LEAST_RECORDING_CERTAINTY = 0.68;
/** Windows that are kept even in such a recording. */
const CERTAIN = 0.85;
/** Speech of this length in which nothing is understood is foreign rather than a cough. */
const UNHEARD_SEC = 1.5;
/** Foreign speech is reported from this share of all speech on; below, it is the odd mumbled word. */
const REPORTED_SHARE = 0.25;

/**
 * @param model.multilingual low certainty then says nothing about the language, and each window's own verdict stands
 * @returns what can be used, in order, and whether a good part of the speech is in a language the model cannot write
 */
export function keepUnderstood(
  windows: readonly TimedTranscription[],
  { multilingual } = { multilingual: false },
): {
  kept: TimedTranscription[];
  foreign: boolean;
} {
  if (multilingual) {
    return { kept: windows.filter(({ rejected, text }) => !rejected && text !== ''), foreign: false };
  }
  let tokens = 0;
  let logs = 0;
  for (const window of windows) {
    tokens += window.tokens;
    logs += window.tokens * window.logProbability;
  }
  const doubtful = tokens > 0 && Math.exp(logs / tokens) < LEAST_RECORDING_CERTAINTY;
  const kept: TimedTranscription[] = [];
  let seconds = 0;
  let foreignSeconds = 0;
  for (const window of windows) {
    const length = window.endSec - window.startSec;
    seconds += length;
    const uncertain = doubtful && Math.exp(window.logProbability) < CERTAIN;
    const unheard = window.rejected === 'no-speech' && length >= UNHEARD_SEC;
    if (window.rejected === 'unsupported-language' || unheard || (uncertain && window.text !== '')) {
      foreignSeconds += length;
    } else if (!window.rejected && window.text !== '') kept.push(window);
  }
  return { kept, foreign: foreignSeconds > 0 && foreignSeconds >= REPORTED_SHARE * seconds };
}
