/** One recording, heard piece by piece: everything but the transcript. Runs in a worker thread, in bounded memory. */
import { embedBlocks } from './embedding.ts';
import { FeatureExtractor } from './features.ts';
import { BLOCK_FRAMES, SAMPLE_RATE } from './frame-sizes.ts';
import { type LabelledSpan, labelSegments } from './segments.ts';
import { type SpeechWindow, SpeechWindows, STEP_SEC } from './speech-windows.ts';
import { VOICE_STEP, type VoiceActivity } from './voice-activity.ts';

/** A stretch of speech with its samples, ready for a transcriber. */
export interface SpeechClip {
  startSec: number;
  endSec: number;
  samples: Float32Array;
}

interface AnalysedSegment {
  startSec: number;
  endSec: number;
  kind: LabelledSpan['kind'];
  confidence: number;
  tempoBpm: number | null;
  /** Row in `embeddings`; null for silence. */
  embedding: number | null;
}

export interface Analysis {
  durationSec: number;
  segments: AnalysedSegment[];
  /** Unit vectors, row after row. */
  embeddings: Float32Array;
  rows: number;
  fingerprint: Uint32Array;
}

export class RecordingAnalysis {
  readonly #voice: VoiceActivity;
  readonly #features = new FeatureExtractor();
  readonly #windows = new SpeechWindows();
  readonly #probabilities: number[] = [];
  #samples = 0;
  /** Samples that a speech window may still want, and the position of the first. */
  #kept = new Float32Array(0);
  #keptFrom = 0;

  /** @param voice is reset, and belongs to this recording until {@link finish} */
  constructor(voice: VoiceActivity) {
    this.#voice = voice;
    voice.reset();
  }

  /** @returns speech that ended within these samples */
  async push(samples: Float32Array): Promise<SpeechClip[]> {
    this.#samples += samples.length;
    this.#features.push(samples);
    const kept = new Float32Array(this.#kept.length + samples.length);
    kept.set(this.#kept);
    kept.set(samples, this.#kept.length);
    this.#kept = kept;
    const clips: SpeechClip[] = [];
    for (const probability of await this.#voice.push(samples)) {
      this.#probabilities.push(probability);
      const window = this.#windows.push(probability);
      if (window) clips.push(this.#clip(window));
    }
    const first = this.#windows.keepFrom * VOICE_STEP;
    if (first > this.#keptFrom) {
      this.#kept = this.#kept.slice(first - this.#keptFrom);
      this.#keptFrom = first;
    }
    return clips;
  }

  async finish(): Promise<{ clips: SpeechClip[]; analysis: Analysis }> {
    this.#features.finish();
    const window = this.#windows.finish();
    const clips = window ? [this.#clip(window)] : [];
    const { blocks, onsets, powers } = this.#features;
    const durationSec = this.#samples / SAMPLE_RATE;
    const spans = labelSegments({ voice: this.#probabilities, powers, onsets, blocks });
    const rows: Float32Array[] = [];
    const segments = spans.map(({ from, to, kind, confidence, tempoBpm }, index): AnalysedSegment => {
      const firstBlock = Math.floor(from / BLOCK_FRAMES + 0.5);
      const endBlock = Math.max(firstBlock + 1, Math.floor(to / BLOCK_FRAMES + 0.5));
      const place = Math.min(firstBlock, blocks.length - 1);
      const vector = kind === 'silence' ? null : embedBlocks(blocks.slice(place, endBlock));
      if (vector) rows.push(vector);
      return {
        startSec: from * STEP_SEC,
        endSec: index === spans.length - 1 ? durationSec : Math.min(durationSec, to * STEP_SEC),
        kind,
        confidence,
        tempoBpm,
        embedding: vector ? rows.length - 1 : null,
      };
    });
    const width = rows[0]?.length ?? 0;
    const embeddings = new Float32Array(rows.length * width);
    for (const [index, row] of rows.entries()) embeddings.set(row, index * width);
    const fingerprint = this.#features.fingerprinter.finish();
    return { clips, analysis: { durationSec, segments, embeddings, rows: rows.length, fingerprint } };
  }

  #clip({ from, to }: SpeechWindow): SpeechClip {
    return {
      startSec: from * STEP_SEC,
      endSec: Math.min(to * STEP_SEC, this.#samples / SAMPLE_RATE),
      samples: this.#kept.slice(from * VOICE_STEP - this.#keptFrom, to * VOICE_STEP - this.#keptFrom),
    };
  }
}
