import { CinedexError } from '../../contracts/errors.ts';
import { serve } from '../../threads/serve.ts';
import { type Analysis, RecordingAnalysis, type SpeechClip } from './recording.ts';
import { VoiceActivity } from './voice-activity.ts';

interface AnalysisInit {
  voiceModel: string;
}

/** One recording at a time; `begin` forgets one that was given up. */
class AnalysisThread {
  readonly #voice: VoiceActivity;
  #recording: { id: number; analysis: RecordingAnalysis } | undefined;

  constructor(voice: VoiceActivity) {
    this.#voice = voice;
  }

  warmUp(): void {
    // Being here means that the model is loaded.
  }

  begin(id: number): void {
    this.#recording = { id, analysis: new RecordingAnalysis(this.#voice) };
  }

  push(id: number, samples: Float32Array): Promise<SpeechClip[]> {
    return this.#of(id).push(samples);
  }

  finish(id: number): Promise<{ clips: SpeechClip[]; analysis: Analysis }> {
    const recording = this.#of(id);
    this.#recording = undefined;
    return recording.finish();
  }

  #of(id: number): RecordingAnalysis {
    if (this.#recording?.id !== id) {
      throw new CinedexError(
        'WORKER_CRASHED',
        'The analysis thread was restarted in the middle of a recording.',
      );
    }
    return this.#recording.analysis;
  }
}

export type { AnalysisThread };

serve(async (init) => new AnalysisThread(await VoiceActivity.load((init as AnalysisInit).voiceModel)));
