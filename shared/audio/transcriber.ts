/** Speech to text behind one port, so that a model can be changed without the stage knowing. */
import type { Language } from '../contracts/common.ts';

/** Sample rate of everything a transcriber is given. */
export const TRANSCRIBER_SAMPLE_RATE = 16_000;

/** A sentence or phrase inside a window, in seconds from the window's start. */
export interface TranscriptionSegment {
  startSec: number;
  endSec: number;
  text: string;
  /** Mean probability of its tokens, 0..1. */
  confidence: number;
}

export interface Transcription {
  /** Trimmed; empty where nothing was understood. */
  text: string;
  language: Language;
  /** Mean probability of the chosen tokens, 0..1; 0 for an empty text. */
  confidence: number;
  /** Tokens decoded, and the mean of the logarithms of their probabilities (0 or less). */
  tokens: number;
  logProbability: number;
  /** From a model that times what it writes: the text in parts, in order and inside the window. */
  segments?: TranscriptionSegment[];
  /** From a model that hears which language is spoken: its code in the model's own list, e.g. `fr`. */
  spoken?: string;
  /** Set where the text must not be used: why. */
  rejected?: 'unsupported-language' | 'repetition' | 'no-speech' | 'uncertain';
}

export interface TranscribeOptions {
  signal?: AbortSignal;
  /** What was spoken around this window, for a model that hears languages and is in doubt. */
  expected?: string;
}

export interface Transcriber {
  /** Model id and version. */
  readonly id: string;
  /** Longest window it takes, in seconds. */
  readonly maxWindowSec: number;
  /** Writes any language and says which. Of a model that does not, low certainty tells that it met another one. */
  readonly multilingual: boolean;
  /** Times what it writes (`segments`), so several stretches of speech can be given as one window. */
  readonly timed: boolean;
  /**
   * @param samples 16 kHz mono in -1..1, at most {@link maxWindowSec} long
   * @throws CinedexError ABORTED, STAGE_TIMEOUT or WORKER_CRASHED
   */
  transcribe(samples: Float32Array, options?: TranscribeOptions): Promise<Transcription>;
  /** Loads the weights. @throws CinedexError MODEL_MISSING or MODEL_CORRUPT */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}
