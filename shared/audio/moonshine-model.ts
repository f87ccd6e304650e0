/**
 * Moonshine (Jeffries et al., "Moonshine: Speech Recognition for Live Transcription and Voice Commands", 2024,
 * arXiv:2410.15608): a waveform encoder and an autoregressive decoder with a key/value cache, English only. Runs in a
 * worker thread.
 */
import llamaTokenizer from 'llama-tokenizer-js';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { repetitionLength } from './repetition.ts';
import { TRANSCRIBER_SAMPLE_RATE } from './transcriber.ts';

const BEGIN = 1;
const END = 2;
/** Tokens from here on are Moonshine's own marks and not in the Llama vocabulary. */
const VOCABULARY = 32_000;
/** The authors' bound: English rarely has more tokens a second. */
const TOKENS_PER_SECOND = 6.5;
/** The encoder's convolutions need some signal; shorter windows are padded with silence. */
const SHORTEST_SAMPLES = TRANSCRIBER_SAMPLE_RATE / 2;

export interface DecodedSpeech {
  tokens: number[];
  text: string;
  /** Probability of each token, in order. */
  probabilities: number[];
  /** True where the decoder ran in circles and was stopped; the text ends before the circle's second round. */
  repeated: boolean;
}

export interface MoonshineFiles {
  encoder: string;
  decoder: string;
}

export class MoonshineModel {
  readonly #encoder: InferenceSession;
  readonly #decoder: InferenceSession;
  readonly #pastNames: string[];
  readonly #emptyPast: number[];

  private constructor(encoder: InferenceSession, decoder: InferenceSession) {
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#pastNames = decoder.inputNames.filter((name) => name.startsWith('past_key_values'));
    const cache = decoder.inputMetadata.find((entry) => entry.name === this.#pastNames[0]);
    const shape = cache?.isTensor ? cache.shape : [];
    // [batch, heads, past length, head width]: heads and width are fixed in the file, the others are names.
    this.#emptyPast = [1, Number(shape[1]), 0, Number(shape[3])];
  }

  static async load(files: MoonshineFiles): Promise<MoonshineModel> {
    // One thread: the pipeline runs stages side by side, and the models are too small to gain from more.
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
    return new MoonshineModel(
      await InferenceSession.create(files.encoder, options),
      await InferenceSession.create(files.decoder, options),
    );
  }

  /** Greedy decoding of one window. @param samples 16 kHz mono in -1..1 */
  async decode(samples: Float32Array): Promise<DecodedSpeech> {
    const padded = new Float32Array(Math.max(samples.length, SHORTEST_SAMPLES));
    padded.set(samples);
    const encoded = await this.#encoder.run({
      input_values: new Tensor('float32', padded, [1, padded.length]),
    });
    const hidden = encoded.last_hidden_state!;
    const empty = new Tensor('float32', new Float32Array(0), this.#emptyPast);
    const past: Record<string, Tensor> = Object.fromEntries(this.#pastNames.map((name) => [name, empty]));
    const limit = Math.ceil((padded.length / TRANSCRIBER_SAMPLE_RATE) * TOKENS_PER_SECOND) + 4;
    const tokens: number[] = [];
    const probabilities: number[] = [];
    let repeated = false;
    for (let step = 0; step < limit; step++) {
      const outputs = await this.#decoder.run({
        input_ids: new Tensor('int64', BigInt64Array.of(BigInt(tokens.at(-1) ?? BEGIN)), [1, 1]),
        encoder_hidden_states: hidden,
        use_cache_branch: new Tensor('bool', [step > 0], [1]),
        ...past,
      });
      const { token, probability } = mostLikely(outputs.logits!.data as Float32Array);
      if (token === END) break;
      tokens.push(token);
      probabilities.push(probability);
      const circle = repetitionLength(tokens);
      if (circle > 0) {
        tokens.length -= circle;
        probabilities.length -= circle;
        repeated = true;
        break;
      }
      for (const name of this.#pastNames) {
        // The encoder's keys and values are made in the first step only.
        if (step === 0 || name.includes('.decoder.'))
          past[name] = outputs[name.replace('past_key_values', 'present')]!;
      }
    }
    return { tokens, text: detokenise(tokens), probabilities, repeated };
  }

  async release(): Promise<void> {
    await this.#encoder.release();
    await this.#decoder.release();
  }
}

/** Text of tokens; marks outside the Llama vocabulary are left out. */
export function detokenise(tokens: number[]): string {
  const known = tokens.filter((token) => token > END && token < VOCABULARY);
  return known.length === 0 ? '' : llamaTokenizer.decode(known, false, true).replace(/\s+/g, ' ').trim();
}

/** The best token and its softmax probability. */
export function mostLikely(logits: Float32Array): { token: number; probability: number } {
  let token = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[token]!) token = i;
  const highest = logits[token]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - highest);
  return { token, probability: 1 / sum };
}
