/** Speech to text behind one port, so that a model can be changed without the stage knowing. */
import type { Language } from '../contracts/common.ts';

/** Sample rate of everything a transcriber is given. */
export const TRANSCRIBER_SAMPLE_RATE = 16_000;

export interface Transcription {
  /** Trimmed; empty where nothing was understood. */
  text: string;
  language: Language;
  /** Mean probability of the chosen tokens, 0..1; 0 for an empty text. */
  confidence: number;
  /** Tokens decoded, and the mean of the logarithms of their probabilities (0 or less). */
  tokens: number;
  logProbability: number;
  /** Set where the text must not be used: why. */
  rejected?: 'unsupported-language' | 'repetition' | 'no-speech';
}

export interface Transcriber {
  /** Model id and version. */
  readonly id: string;
  /** Longest window it takes, in seconds. */
  readonly maxWindowSec: number;
  /**
   * @param samples 16 kHz mono in -1..1, at most {@link maxWindowSec} long
   * @throws CinedexError ABORTED, STAGE_TIMEOUT or WORKER_CRASHED
   */
  transcribe(samples: Float32Array, options?: { signal?: AbortSignal }): Promise<Transcription>;
  /** Loads the weights. @throws CinedexError MODEL_MISSING or MODEL_CORRUPT */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}
