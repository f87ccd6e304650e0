/** Everything that is said in one recording: what a transcriber makes of its stretches of speech. */

import type { SpeechClip } from '../../shared/audio/analysis/recording.ts';
import type { Transcriber, Transcription } from '../../shared/audio/transcriber.ts';
import { keepUnderstood, type TimedTranscription } from '../../shared/audio/understood.ts';
import type { SpeechSegment } from '../../shared/contracts/artifacts.ts';
import { onVideoClock, type SpeechPack, SpeechPacker } from './speech-packs.ts';

/** Less than this may be a sound that resembles a voice for a moment; its transcript is not missed. */
const LEAST_SPEECH_SEC = 1;
/** Left free in a window: a model that does not hear the last sentence end may leave it out. */
const SILENCE_AFTER_SEC = 1;

export class RecordedSpeech {
  readonly #transcriber: Transcriber | null;
  readonly #packer: SpeechPacker;
  readonly #windows: TimedTranscription[] = [];
  /** Seconds in which each language was spoken, as far as the model hears languages. */
  readonly #spoken = new Map<string, number>();
  #seconds = 0;

  constructor(transcriber: Transcriber | null) {
    this.#transcriber = transcriber;
    // A model that does not time what it writes is given one stretch at a time, whose times are known.
    this.#packer = new SpeechPacker(transcriber?.timed ? transcriber.maxWindowSec - SILENCE_AFTER_SEC : 0);
  }

  /** Length of all speech so far. */
  get seconds(): number {
    return this.#seconds;
  }

  async hear(clip: SpeechClip, signal: AbortSignal): Promise<void> {
    this.#seconds += clip.endSec - clip.startSec;
    if (!this.#transcriber) return;
    const pack = this.#packer.push(clip);
    if (pack) await this.#transcribe(this.#transcriber, pack, signal);
  }

  /** To be called once, after the last clip. @param wanted whether the lack of a model is worth telling */
  async settle(
    wanted: boolean,
    signal: AbortSignal,
  ): Promise<{ segments: SpeechSegment[]; missing: string[] }> {
    if (!this.#transcriber) {
      return { segments: [], missing: wanted && this.#seconds >= LEAST_SPEECH_SEC ? ['speech'] : [] };
    }
    const pack = this.#packer.finish();
    if (pack) await this.#transcribe(this.#transcriber, pack, signal);
    const { kept, foreign } = keepUnderstood(this.#windows, this.#transcriber);
    return {
      segments: kept.flatMap(speechSegments),
      missing: foreign ? ['speech:unsupported-language'] : [],
    };
  }

  async #transcribe(transcriber: Transcriber, pack: SpeechPack, signal: AbortSignal): Promise<void> {
    const expected = [...this.#spoken].sort((one, other) => other[1] - one[1])[0]?.[0];
    const heard = await transcriber.transcribe(pack.samples, { signal, expected });
    if (heard.rejected && pack.clips.length > 1) {
      // One bad stretch spoils a window; the others need not be lost with it.
      for (const clip of pack.clips) {
        const alone = { clips: [clip], offsets: [0], samples: clip.samples };
        this.#add(alone, await transcriber.transcribe(clip.samples, { signal, expected }));
      }
    } else this.#add(pack, heard);
  }

  #add(pack: SpeechPack, heard: Transcription): void {
    const startSec = pack.clips[0]!.startSec;
    const endSec = pack.clips.at(-1)!.endSec;
    const segments = heard.segments?.map((part) => ({ ...part, ...onVideoClock(pack, part) }));
    this.#windows.push({ ...heard, startSec, endSec, segments });
    const { spoken, rejected } = heard;
    if (spoken && !rejected) this.#spoken.set(spoken, (this.#spoken.get(spoken) ?? 0) + endSec - startSec);
  }
}

/** A window as the parts that the model timed, or as a whole. */
function speechSegments(window: TimedTranscription): SpeechSegment[] {
  return (window.segments ?? [window]).map(({ startSec, endSec, text, confidence }) => ({
    ...{ startSec, endSec, text, confidence, language: window.language },
  }));
}
