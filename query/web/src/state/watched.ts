/** Seconds of a video that really were played: jumps do not count. Pure. */
export class Watched {
  seconds = 0;
  #last: number | null = null;

  /** @param at where the player is, seconds */
  played(at: number): void {
    const passed = this.#last === null ? 0 : at - this.#last;
    // timeupdate comes about four times a second; at double speed it covers half a second.
    if (passed > 0 && passed < 2) this.seconds += passed;
    this.#last = at;
  }

  jumped(): void {
    this.#last = null;
  }
}
