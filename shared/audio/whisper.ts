/** Speech to text in many languages with Whisper, in a thread of its own. */
import { deflateSync } from 'node:zlib';
import type { Language } from '../contracts/common.ts';
import type { ModelStore } from '../models/store.ts';
import { ThreadClient } from '../threads/client.ts';
import { TRANSCRIBER_SAMPLE_RATE, type Transcriber, type Transcription } from './transcriber.ts';
import type { WhisperHeard, WhisperThread } from './whisper.thread.ts';

export const WHISPER_MODEL = 'whisper-base';

const MAX_WINDOW_SEC = 30;
/**
 * The authors' limits (arXiv:2212.04356, section 4.5): a mean log probability below the first is guesswork, which with a
 * no-speech probability above the second means that nobody speaks; text that deflates better than by the third repeats
 * itself.
 */
const LEAST_LOG_PROBABILITY = -1;
const MOST_NO_SPEECH = 0.6;
const MOST_COMPRESSION = 2.4;

/** @throws CinedexError MODEL_MISSING when the model has not been pulled, MODEL_CORRUPT when a file has the wrong size */
export function createWhisper(models: ModelStore): Transcriber {
  models.modelFolder(WHISPER_MODEL);
  const thread = new ThreadClient<WhisperThread>(new URL('./whisper.thread.ts', import.meta.url), {
    root: models.folder,
    model: `${WHISPER_MODEL}/${models.manifest(WHISPER_MODEL).version}`,
  });
  return {
    id: models.version(WHISPER_MODEL),
    maxWindowSec: MAX_WINDOW_SEC,
    multilingual: true,
    timed: true,
    async transcribe(samples, { signal, expected } = {}) {
      if (samples.length > MAX_WINDOW_SEC * TRANSCRIBER_SAMPLE_RATE) {
        throw new RangeError(`Whisper takes ${MAX_WINDOW_SEC} seconds at once.`);
      }
      return judgeWhisper(await thread.call('decode', [samples, expected], { signal }));
    },
    warmUp: () => thread.call('warmUp', []),
    close: () => thread.close(),
  };
}

/** Decides whether what was decoded can be used. Pure. */
export function judgeWhisper(heard: WhisperHeard): Transcription {
  const { noSpeechProbability, repeated, language: spoken } = heard;
  const parts = heard.segments.filter(({ text, probabilities }) => text !== '' && probabilities.length > 0);
  const probabilities = parts.flatMap((part) => part.probabilities);
  const tokens = probabilities.length;
  if (tokens === 0) {
    return { text: '', language: 'und', confidence: 0, tokens, logProbability: 0, rejected: 'no-speech' };
  }
  const logProbability = mean(probabilities.map(Math.log));
  const transcription: Transcription = {
    text: parts.map(({ text }) => text).join(' '),
    language: languageOf(spoken),
    spoken,
    confidence: mean(probabilities),
    tokens,
    logProbability,
    segments: parts.map((part) => ({
      startSec: part.startSec,
      endSec: part.endSec,
      text: part.text,
      confidence: mean(part.probabilities),
    })),
  };
  if (logProbability < LEAST_LOG_PROBABILITY) {
    const silent = noSpeechProbability > MOST_NO_SPEECH;
    return { ...transcription, rejected: silent ? 'no-speech' : 'uncertain' };
  }
  if (repeated || compression(transcription.text) > MOST_COMPRESSION) {
    return { ...transcription, rejected: 'repetition' };
  }
  return transcription;
}

/** Cantonese is written in Chinese, too; later Whisper models tell it apart. */
function languageOf(code: string): Language {
  if (code === 'yue') return 'zh';
  return code === 'en' || code === 'zh' ? code : 'und';
}

/** How many times smaller a text gets, in bytes of UTF-8. */
function compression(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length / deflateSync(bytes).length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
