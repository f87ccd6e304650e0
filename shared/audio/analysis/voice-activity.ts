/** Silero VAD v5: how likely each 32 ms of 16 kHz mono sound is speech. Recurrent, so samples come in order. */
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** Samples a probability is given for. */
export const VOICE_STEP = 512;
/** The network wants the last samples of the step before in front of each; without them it is silently wrong. */
const CONTEXT = 64;
/** Mean square below which a step is silence (about -66 dBFS) and the network need not be asked. */
const SILENT_POWER = 2.5e-7;

export class VoiceActivity {
  readonly #session: InferenceSession;
  readonly #rate = new Tensor('int64', BigInt64Array.of(16_000n), []);
  #state: Tensor = emptyState();
  #context = new Float32Array(CONTEXT);
  #pending = new Float32Array(0);

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  static async load(file: string): Promise<VoiceActivity> {
    return new VoiceActivity(
      await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 }),
    );
  }

  /** Forgets what was heard; call it before another recording. */
  reset(): void {
    this.#state = emptyState();
    this.#context = new Float32Array(CONTEXT);
    this.#pending = new Float32Array(0);
  }

  /** @returns one probability for every {@link VOICE_STEP} samples that are complete by now */
  async push(samples: Float32Array): Promise<number[]> {
    const all = new Float32Array(this.#pending.length + samples.length);
    all.set(this.#pending);
    all.set(samples, this.#pending.length);
    const probabilities: number[] = [];
    let start = 0;
    for (; start + VOICE_STEP <= all.length; start += VOICE_STEP) {
      probabilities.push(await this.#step(all.subarray(start, start + VOICE_STEP)));
    }
    this.#pending = all.slice(start);
    return probabilities;
  }

  async #step(samples: Float32Array): Promise<number> {
    let power = 0;
    for (const sample of samples) power += sample * sample;
    const context = this.#context;
    this.#context = samples.slice(VOICE_STEP - CONTEXT);
    if (power / VOICE_STEP < SILENT_POWER) return 0;
    const input = new Float32Array(CONTEXT + VOICE_STEP);
    input.set(context);
    input.set(samples, CONTEXT);
    const outputs = await this.#session.run({
      input: new Tensor('float32', input, [1, input.length]),
      state: this.#state,
      sr: this.#rate,
    });
    this.#state = outputs.stateN as Tensor;
    return (outputs.output!.data as Float32Array)[0]!;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function emptyState(): Tensor {
  return new Tensor('float32', new Float32Array(2 * 128), [2, 1, 128]);
}
