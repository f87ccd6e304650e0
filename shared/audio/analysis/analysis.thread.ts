import { CinedexError } from '../../contracts/errors.ts';
import { serve } from '../../threads/serve.ts';
import type { Loudness } from './loudness.ts';
import { LoudnessMeter } from './loudness-meter.ts';
import { type Analysis, RecordingAnalysis, type SpeechClip } from './recording.ts';
import { VoiceActivity } from './voice-activity.ts';

interface AnalysisInit {
  voiceModel: string;
}

interface Recording {
  id: number;
  analysis: RecordingAnalysis;
  meter: LoudnessMeter | null;
}

/** One recording at a time; `begin` forgets one that was given up. */
class AnalysisThread {
  readonly #voice: VoiceActivity;
  #recording: Recording | undefined;

  constructor(voice: VoiceActivity) {
    this.#voice = voice;
  }

  warmUp(): void {
    // Being here means that the model is loaded.
  }

  /** @param measured the sound whose loudness is measured here; null: it is measured elsewhere */
  begin(id: number, measured: { channels: number; sampleRate: number } | null): void {
    this.#recording = {
      id,
      analysis: new RecordingAnalysis(this.#voice),
      meter: measured && new LoudnessMeter(measured.channels, measured.sampleRate),
    };
  }

  push(id: number, samples: Float32Array): Promise<SpeechClip[]> {
    return this.#of(id).analysis.push(samples);
  }

  measure(id: number, samples: Float32Array): void {
    this.#of(id).meter?.push(samples);
  }

  async finish(id: number): Promise<{ clips: SpeechClip[]; analysis: Analysis; loudness: Loudness | null }> {
    const { analysis, meter } = this.#of(id);
    this.#recording = undefined;
    return { ...(await analysis.finish()), loudness: meter?.finish() ?? null };
  }

  #of(id: number): Recording {
    if (this.#recording?.id !== id) {
      throw new CinedexError(
        'WORKER_CRASHED',
        'The analysis thread was restarted in the middle of a recording.',
      );
    }
    return this.#recording;
  }
}

export type { AnalysisThread };

serve(async (init) => new AnalysisThread(await VoiceActivity.load((init as AnalysisInit).voiceModel)));
