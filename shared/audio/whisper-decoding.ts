/**
 * The rules under which Whisper's decoder writes down one window (Radford et al., "Robust Speech Recognition via
 * Large-Scale Weak Supervision", 2022, arXiv:2212.04356, section 4.5): it first says which language it hears, then the
 * task, then text between time marks. Pure: knows tokens and logits, and no model.
 */
import { z } from 'zod';
import { CinedexError } from '../contracts/errors.ts';
import { repetitionLength } from './repetition.ts';

/** Time marks are this far apart. */
const MARK_SEC = 0.02;
/** The first mark lies within the first second, as the authors have it. */
const LATEST_FIRST_MARK = 50;
/** Below this probability of the likeliest language, the one that was spoken around the window is taken. */
const CLEAR_LANGUAGE = 0.5;

const GenerationConfig = z.object({
  decoder_start_token_id: z.number(),
  eos_token_id: z.union([z.number(), z.array(z.number()).min(1)]),
  no_timestamps_token_id: z.number(),
  lang_to_id: z.record(z.string(), z.number()).refine((languages) => Object.keys(languages).length > 0),
  task_to_id: z.object({ transcribe: z.number() }),
  suppress_tokens: z.array(z.number()).nullish(),
});

/** The tokens that steer the decoder. */
export interface WhisperVocabulary {
  start: number;
  /** Ends the text; all tokens of text lie before it. */
  end: number;
  transcribe: number;
  /** Where the probability that nobody speaks is read. */
  noSpeech: number;
  /** The mark of second 0; the others follow it. */
  firstMark: number;
  /** By code: `en`, `zh`, … */
  languages: ReadonlyMap<string, number>;
  /** Never written: noises, brackets, music signs. */
  suppressed: readonly number[];
}

/** @throws CinedexError MODEL_CORRUPT where the model's generation_config.json is not that of a multilingual Whisper */
export function readVocabulary(generationConfig: unknown): WhisperVocabulary {
  const parsed = GenerationConfig.safeParse(generationConfig);
  if (!parsed.success) {
    throw new CinedexError(
      'MODEL_CORRUPT',
      `generation_config.json is not that of a multilingual Whisper model: ${z.prettifyError(parsed.error)}`,
    );
  }
  const config = parsed.data;
  return {
    start: config.decoder_start_token_id,
    end: Array.isArray(config.eos_token_id) ? config.eos_token_id[0]! : config.eos_token_id,
    transcribe: config.task_to_id.transcribe,
    // No configuration names it; in every Whisper vocabulary it comes directly before <|notimestamps|>.
    noSpeech: config.no_timestamps_token_id - 1,
    firstMark: config.no_timestamps_token_id + 1,
    languages: new Map(
      Object.entries(config.lang_to_id).map(([mark, token]) => [mark.replace(/^<\||\|>$/g, ''), token]),
    ),
    suppressed: config.suppress_tokens ?? [],
  };
}

/** Tokens of text between two time marks. */
export interface MarkedText {
  /** Seconds from the start of the window. */
  startSec: number;
  endSec: number;
  tokens: number[];
  /** Probability of each token, in order. */
  probabilities: number[];
}

interface Written {
  token: number;
  probability: number;
}

/** One window being written down: {@link constrain} before each token is chosen, {@link accept} after. */
export class WhisperDecoding {
  /** Code of the language, once the first token is chosen. */
  language = '';
  /** Probability that nobody speaks, as the model sees it. */
  noSpeechProbability = 0;
  /** True where the decoder ran in circles and was made to end; the text ends before the circle's second round. */
  repeated = false;
  readonly #vocabulary: WhisperVocabulary;
  readonly #expected: string | undefined;
  /** Tokens so far, the given start token included. */
  #length = 1;
  #written: Written[] = [];
  #logits: Float32Array = new Float32Array(0);

  /** @param expected code of the language that is taken where none is clear */
  constructor(vocabulary: WhisperVocabulary, expected?: string) {
    this.#vocabulary = vocabulary;
    this.#expected = expected;
  }

  /** Rules out, in place, the tokens that must not come next. @param logits of the next token, one a token */
  constrain(logits: Float32Array): void {
    this.#logits = logits;
    if (this.repeated) only(logits, this.#vocabulary.end);
    else if (this.#length === 1) this.#chooseLanguage(logits);
    else if (this.#length === 2) only(logits, this.#vocabulary.transcribe);
    else this.#constrainText(logits);
  }

  /** Takes the chosen token. */
  accept(token: number): void {
    const { end, firstMark } = this.#vocabulary;
    this.#length += 1;
    if (this.#length <= 3 || token === end || this.repeated) return;
    const mark = token >= firstMark;
    this.#written.push({ token, probability: mark ? 1 : probabilityOf(this.#logits, token) });
    if (mark) return;
    let circle = repetitionLength(
      this.#written.filter((entry) => entry.token < end).map((entry) => entry.token),
    );
    this.repeated = circle > 0;
    while (circle > 0) if (this.#written.pop()!.token < end) circle -= 1;
  }

  /**
   * What was written, cut at the time marks. Text that begins at the end of the window or later is left out: the model
   * made it up for the silence with which its input is filled.
   * @param durationSec length of the window; no time lies beyond it
   */
  segments(durationSec: number): MarkedText[] {
    const { end, firstMark } = this.#vocabulary;
    const segments: MarkedText[] = [];
    let open: MarkedText | null = null;
    let reached = 0;
    for (const { token, probability } of this.#written) {
      if (token >= firstMark) {
        reached = Math.min((token - firstMark) * MARK_SEC, durationSec);
        if (open) open.endSec = reached;
        open = null;
      } else if (token < end) {
        if (!open) {
          open = { startSec: reached, endSec: durationSec, tokens: [], probabilities: [] };
          segments.push(open);
        }
        open.tokens.push(token);
        open.probabilities.push(probability);
      }
    }
    return segments.filter(({ startSec }) => startSec < durationSec);
  }

  /**
   * Where the text goes on that the model began but left to another decoding: by the authors' design it writes only the
   * first mark of a part whose end it does not hear. Null where it wrote everything.
   */
  get continuesAtSec(): number | null {
    const { firstMark } = this.#vocabulary;
    const [last, before] = [this.#written.at(-1), this.#written.at(-2)];
    if (!last || !before || last.token < firstMark || before.token < firstMark) return null;
    return (last.token - firstMark) * MARK_SEC;
  }

  #chooseLanguage(logits: Float32Array): void {
    const { languages, noSpeech } = this.#vocabulary;
    this.noSpeechProbability = probabilityOf(logits, noSpeech);
    const heard = [...languages].map(([code, token]) => ({ code, token, logit: logits[token]! }));
    const highest = Math.max(...heard.map(({ logit }) => logit));
    const total = heard.reduce((sum, { logit }) => sum + Math.exp(logit - highest), 0);
    const likeliest = heard.find(({ logit }) => logit === highest)!;
    const expected = heard.find(({ code }) => code === this.#expected);
    const chosen = expected && 1 / total < CLEAR_LANGUAGE ? expected : likeliest;
    this.language = chosen.code;
    only(logits, chosen.token);
  }

  #constrainText(logits: Float32Array): void {
    const { end, firstMark, suppressed } = this.#vocabulary;
    for (const token of suppressed) logits[token] = Number.NEGATIVE_INFINITY;
    // Between the end of the text and the first mark lie languages, tasks and other signs that are never written.
    logits.fill(Number.NEGATIVE_INFINITY, end + 1, firstMark);
    const last = this.#written.at(-1);
    if (!last) {
      logits.fill(Number.NEGATIVE_INFINITY, 0, firstMark);
      logits.fill(Number.NEGATIVE_INFINITY, firstMark + LATEST_FIRST_MARK + 1);
      return;
    }
    const afterMark = last.token >= firstMark;
    const opened = (this.#written.at(-2)?.token ?? firstMark) >= firstMark;
    // Marks come in pairs, one that ends a text and one that begins the next; the last may stand alone.
    if (afterMark && opened) logits.fill(Number.NEGATIVE_INFINITY, firstMark);
    else if (afterMark) logits.fill(Number.NEGATIVE_INFINITY, 0, end);
    const latest = this.#written.findLast(({ token }) => token >= firstMark)!.token;
    // Time does not run backwards, and a text takes some.
    logits.fill(Number.NEGATIVE_INFINITY, firstMark, afterMark ? latest : latest + 1);
    if (marksOutweigh(logits, firstMark)) logits.fill(Number.NEGATIVE_INFINITY, 0, firstMark);
  }
}

function only(logits: Float32Array, token: number): void {
  logits.fill(Number.NEGATIVE_INFINITY);
  logits[token] = 0;
}

/** Softmax probability of a token. */
function probabilityOf(logits: Float32Array, token: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > highest) highest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return Math.exp(logits[token]! - highest) / sum;
}

/** Whether all marks together are likelier than the likeliest other token: the model wants one, but not which. */
function marksOutweigh(logits: Float32Array, firstMark: number): boolean {
  let text = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < firstMark; token++) if (logits[token]! > text) text = logits[token]!;
  if (text === Number.NEGATIVE_INFINITY) return true;
  let marks = 0;
  for (let token = firstMark; token < logits.length; token++) marks += Math.exp(logits[token]! - text);
  return marks > 1;
}
