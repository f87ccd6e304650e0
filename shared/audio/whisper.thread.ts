/** Whisper in the layout of the Hugging Face hub, read from a local folder, in a thread of its own. */
import {
  AutoFeatureExtractor,
  AutoTokenizer,
  env,
  LogitsProcessor,
  LogitsProcessorList,
  type Tensor,
  WhisperForConditionalGeneration,
} from '@huggingface/transformers';
import { CinedexError } from '../contracts/errors.ts';
import { serve } from '../threads/serve.ts';
import { TRANSCRIBER_SAMPLE_RATE } from './transcriber.ts';
import { readVocabulary, WhisperDecoding } from './whisper-decoding.ts';

export interface WhisperInit {
  /** Folder of all models, and the model's place in it. */
  root: string;
  model: string;
}

export interface WhisperSegment {
  startSec: number;
  endSec: number;
  text: string;
  /** Probability of each token, in order. */
  probabilities: number[];
}

export interface WhisperHeard {
  /** Code in Whisper's own list. */
  language: string;
  noSpeechProbability: number;
  segments: WhisperSegment[];
  /** True where the decoder ran in circles and was made to end. */
  repeated: boolean;
}

export interface WhisperThread {
  warmUp(): void;
  /** @param expected code of the language that is taken where none is clear */
  decode(samples: Float32Array, expected: string | undefined): Promise<WhisperHeard>;
}

/** The decoder holds 448, some of them signs. */
const MOST_TOKENS = 440;
/** The fastest speech has six syllables a second or so, and one of Chinese takes up to three tokens. */
const TOKENS_PER_SECOND = 18;
const SPARE_TOKENS = 24;
/** A rest shorter than this that the model left for another decoding is not worth one. */
const LEAST_REST_SEC = 1;
/** Decodings of one window; each costs as much as a full one, whatever is left. */
const MOST_DECODINGS = 4;

/**
 * Tells the decoding which token was chosen last, and lets it rule out what must not come next. (The library's Whisper
 * drops the stopping criteria that it is given, so the decoding ends by allowing the end alone.)
 */
class Constraint extends LogitsProcessor {
  readonly #decoding: WhisperDecoding;

  constructor(decoding: WhisperDecoding) {
    super();
    this.#decoding = decoding;
  }

  override _call([tokens]: bigint[][], logits: Tensor): Tensor {
    if (tokens!.length > 1) this.#decoding.accept(Number(tokens!.at(-1)));
    this.#decoding.constrain(logits.data as Float32Array);
    return logits;
  }
}

serve<WhisperThread>(async (data) => {
  const { root, model } = data as WhisperInit;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.useFSCache = false;
  env.localModelPath = root;
  const { whisper, tokenizer, features } = await load(model);
  const vocabulary = readVocabulary(whisper.generation_config);
  const write = async (samples: Float32Array, durationSec: number, expected: string | undefined) => {
    const { input_features: inputs } = (await features(samples)) as { input_features: Tensor };
    const decoding = new WhisperDecoding(vocabulary, expected);
    const constraints = new LogitsProcessorList();
    constraints.push(new Constraint(decoding));
    // The library's own prompt would be English where no language is named, and its own rules for time marks go on
    // past the end of a short window, so the prompt is the start token alone and the rules are the decoding's.
    const request = {
      inputs,
      decoder_input_ids: [vocabulary.start],
      logits_processor: constraints,
      max_new_tokens: Math.min(MOST_TOKENS, Math.ceil(durationSec * TOKENS_PER_SECOND) + SPARE_TOKENS),
      return_timestamps: false,
      do_sample: false,
      num_beams: 1,
      suppress_tokens: null,
      begin_suppress_tokens: null,
    };
    const tokens = await whisper.generate(request as unknown as Parameters<typeof whisper.generate>[0]);
    decoding.accept(Number((tokens as Tensor).data.at(-1)));
    return decoding;
  };
  return {
    warmUp() {
      // Being here means that the model is loaded.
    },
    async decode(samples, expected) {
      let heard: WhisperHeard | undefined;
      let fromSec = 0;
      for (let round = 1; ; round++) {
        const rest = samples.subarray(Math.round(fromSec * TRANSCRIBER_SAMPLE_RATE));
        const durationSec = rest.length / TRANSCRIBER_SAMPLE_RATE;
        const decoding = await write(rest, durationSec, heard?.language ?? expected);
        heard ??= {
          language: decoding.language,
          noSpeechProbability: decoding.noSpeechProbability,
          repeated: false,
          segments: [],
        };
        heard.repeated ||= decoding.repeated;
        for (const { startSec, endSec, tokens, probabilities } of decoding.segments(durationSec)) {
          const text = tokenizer.decode(tokens, { skip_special_tokens: true }).replace(/\s+/g, ' ').trim();
          heard.segments.push({
            startSec: fromSec + startSec,
            endSec: fromSec + endSec,
            text,
            probabilities,
          });
        }
        const nextSec = decoding.continuesAtSec;
        if (!nextSec || durationSec - nextSec < LEAST_REST_SEC || round === MOST_DECODINGS) return heard;
        fromSec += nextSec;
      }
    },
  };
});

/** @throws CinedexError MODEL_CORRUPT where a file is damaged or the files do not belong together */
async function load(model: string) {
  try {
    const local = { local_files_only: true };
    return {
      tokenizer: await AutoTokenizer.from_pretrained(model, local),
      features: await AutoFeatureExtractor.from_pretrained(model, local),
      whisper: (await WhisperForConditionalGeneration.from_pretrained(model, {
        ...local,
        dtype: 'q8',
        session_options: { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
      })) as WhisperForConditionalGeneration,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CinedexError('MODEL_CORRUPT', `The speech model in ${model} cannot be loaded: ${reason}`, {
      cause: error,
    });
  }
}
