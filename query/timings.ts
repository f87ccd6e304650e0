/** Where the time of a search goes. */

/** `vectors`: the question encoded; `candidates`: the found videos loaded; `moments`: answers described. */
export type SearchStage = 'intent' | 'vectors' | 'recall' | 'candidates' | 'ranking' | 'moments';

/** Milliseconds; a stage that was not entered is missing. */
export type Timings = Partial<Record<SearchStage, number>>;

/** A stage takes from the end of the one before to its own. */
export class Laps {
  readonly timings: Timings = {};
  #last: number;

  constructor(started: number) {
    this.#last = started;
  }

  end(stage: SearchStage): void {
    const now = performance.now();
    this.timings[stage] = (this.timings[stage] ?? 0) + now - this.#last;
    this.#last = now;
  }
}
