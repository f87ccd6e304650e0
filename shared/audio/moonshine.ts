/** English speech to text with Moonshine, in a thread of its own. */
import type { ModelStore } from '../models/store.ts';
import { ThreadClient } from '../threads/client.ts';
import type { MoonshineThread } from './moonshine.thread.ts';
import type { DecodedSpeech } from './moonshine-model.ts';
import type { Transcriber, Transcription } from './transcriber.ts';

export const MOONSHINE_MODELS = ['moonshine-tiny', 'moonshine-base'] as const;
export type MoonshineId = (typeof MOONSHINE_MODELS)[number];

/**
 * Geometric mean of the token probabilities below which a window is taken to be in another language: the model then
 * writes English-looking nonsense. The whole recording is judged as well, see `keepUnderstood`.
 */
const LEAST_CERTAINTY = 0.6;
/** From this length on, hearing nothing at all in speech is worth a second look at the halves. */
const WORTH_SPLITTING_SEC = 3;
const MAX_WINDOW_SEC = 30;

/**
 * @throws CinedexError MODEL_MISSING when the model has not been pulled, MODEL_CORRUPT when a file has the wrong size
 * @public used by a stage, which may be removed
 */
export function createMoonshine(models: ModelStore, id: MoonshineId): Transcriber {
  const thread = new ThreadClient<MoonshineThread>(new URL('./moonshine.thread.ts', import.meta.url), {
    encoder: models.file(id, 'encoder_model.onnx'),
    decoder: models.file(id, 'decoder_model_merged.onnx'),
  });
  const decode = (samples: Float32Array, signal: AbortSignal | undefined): Promise<DecodedSpeech> =>
    thread.call('decode', [samples], { signal });
  return {
    id: models.version(id),
    maxWindowSec: MAX_WINDOW_SEC,
    multilingual: false,
    timed: false,
    async transcribe(samples, { signal } = {}) {
      const whole = await decode(samples, signal);
      if (whole.text !== '' || samples.length < WORTH_SPLITTING_SEC * 16_000) return judge([whole]);
      // Now and then the decoder ends before its first word; a window that begins elsewhere usually does not.
      const middle = quietestPlace(samples);
      return judge([
        await decode(samples.slice(0, middle), signal),
        await decode(samples.slice(middle), signal),
      ]);
    },
    warmUp: () => thread.call('warmUp', []),
    close: () => thread.close(),
  };
}

/** Decides whether what was decoded can be used. Pure. */
export function judge(parts: readonly DecodedSpeech[]): Transcription {
  const text = parts
    .map((part) => part.text)
    .filter(Boolean)
    .join(' ');
  const probabilities = parts.flatMap((part) => part.probabilities);
  const tokens = probabilities.length;
  if (text === '' || tokens === 0) {
    return { text: '', language: 'und', confidence: 0, tokens, logProbability: 0, rejected: 'no-speech' };
  }
  const confidence = probabilities.reduce((sum, value) => sum + value, 0) / tokens;
  const logProbability = probabilities.reduce((sum, value) => sum + Math.log(value), 0) / tokens;
  const heard = { text, language: 'en' as const, confidence, tokens, logProbability };
  if (Math.exp(logProbability) < LEAST_CERTAINTY || !isMostlyLatin(text)) {
    return { ...heard, language: 'und', rejected: 'unsupported-language' };
  }
  return parts.some((part) => part.repeated) ? { ...heard, rejected: 'repetition' } : heard;
}

function isMostlyLatin(text: string): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  return letters === 0 ? /\p{N}/u.test(text) : latin / letters >= 0.9;
}

/** Sample in the middle third around which a fifth of a second is quietest. */
function quietestPlace(samples: Float32Array): number {
  const width = 3_200;
  let best = samples.length >> 1;
  let lowest = Number.POSITIVE_INFINITY;
  for (let start = Math.floor(samples.length / 3); start + width < (samples.length * 2) / 3; start += 800) {
    let energy = 0;
    for (let i = start; i < start + width; i++) energy += samples[i]! ** 2;
    if (energy < lowest) {
      lowest = energy;
      best = start + width / 2;
    }
  }
  return best;
}
