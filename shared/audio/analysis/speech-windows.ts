/**
 * Cuts speech into windows for the transcriber, while it is still being heard: whole utterances where possible, cut at
 * the best pause where somebody talks on. Pure bookkeeping on voice probabilities.
 */
import { SAMPLE_RATE } from './frame-sizes.ts';
import { VOICE_STEP } from './voice-activity.ts';

export const STEP_SEC = VOICE_STEP / SAMPLE_RATE;
const steps = (seconds: number): number => Math.round(seconds / STEP_SEC);

/** Speech begins above the first and ends below the second (hysteresis, as the model's authors advise). */
export const VOICE_ON = 0.5;
export const VOICE_OFF = 0.35;
const SHORTEST_SPEECH = steps(0.25);
/** A pause that ends an utterance whatever its length. */
const LONG_PAUSE = steps(0.8);
/** From this length on, a short pause is taken as the end. */
const LONG_ENOUGH = steps(7);
const SHORT_PAUSE = steps(0.25);
const LONGEST = steps(14);
/** How far back from the limit the best place to cut is looked for. */
const CUT_SEARCH = steps(4);
const PADDING = steps(0.2);

/** Steps of 32 ms, the end excluded. */
export interface SpeechWindow {
  from: number;
  to: number;
}

export class SpeechWindows {
  #step = 0;
  /** Open window: its first step, the end of its last speech, and how many of its steps are speech. */
  #from = -1;
  #lastVoice = 0;
  #voiced = 0;
  #speaking = false;
  #floor = 0;
  #probabilities: number[] = [];

  /** First step that a window still to come may hold: samples before it can be dropped. */
  get keepFrom(): number {
    return this.#from >= 0 ? this.#from : Math.max(this.#floor, this.#step - PADDING);
  }

  /** @returns a window that ended with this step */
  push(probability: number): SpeechWindow | null {
    const step = this.#step++;
    this.#speaking = probability >= (this.#speaking ? VOICE_OFF : VOICE_ON);
    if (this.#from < 0) {
      if (!this.#speaking) return null;
      this.#from = Math.max(this.#floor, step - PADDING);
      this.#voiced = 0;
      this.#probabilities = new Array<number>(step - this.#from).fill(0);
    }
    this.#probabilities.push(probability);
    if (this.#speaking) {
      this.#lastVoice = step + 1;
      this.#voiced += 1;
    }
    const pause = this.#step - this.#lastVoice;
    const length = this.#step - this.#from;
    if (pause >= LONG_PAUSE || (pause >= SHORT_PAUSE && length >= LONG_ENOUGH)) {
      return this.#close(Math.min(this.#step, this.#lastVoice + PADDING));
    }
    if (length >= LONGEST) return this.#cut();
    return null;
  }

  /** Ends the window that is open at the end of the recording. */
  finish(): SpeechWindow | null {
    return this.#from < 0 ? null : this.#close(Math.min(this.#step, this.#lastVoice + PADDING));
  }

  #close(to: number): SpeechWindow | null {
    const window = { from: this.#from, to };
    const spoken = this.#voiced >= SHORTEST_SPEECH;
    this.#from = -1;
    this.#floor = to;
    this.#probabilities = [];
    return spoken ? window : null;
  }

  /** Somebody talks without a pause: cuts at the least likely speech of the last seconds, and goes on from there. */
  #cut(): SpeechWindow {
    const probabilities = this.#probabilities;
    let place = probabilities.length - CUT_SEARCH;
    let lowest = Number.POSITIVE_INFINITY;
    for (let i = place; i < probabilities.length - 1; i++) {
      const around = probabilities[i - 1]! + 2 * probabilities[i]! + probabilities[i + 1]!;
      if (around <= lowest) {
        lowest = around;
        place = i;
      }
    }
    const window = { from: this.#from, to: this.#from + place };
    this.#from += place;
    this.#floor = this.#from;
    this.#probabilities = probabilities.slice(place);
    this.#voiced = this.#probabilities.filter((probability) => probability >= VOICE_OFF).length;
    return window;
  }
}
