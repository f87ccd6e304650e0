/**
 * Finds shot boundaries in one go over the tiny frames, with a few seconds of them in memory.
 *
 * Hard cuts: the difference of neighbouring frames stands out from those around it (the adaptive rule of PySceneDetect's
 * AdaptiveDetector, Castellano), and what comes after stays different (a flash does not). Gradual changes: over a window
 * the frames between its ends are blends of the two ends while both sides are calmer than the change; a pan or zoom is
 * not a blend, which is what novelty on histograms takes for a change. Fades pass through black and are told by it.
 */
import {
  blendFit,
  brightness,
  difference,
  histogramDistance,
  lumaCorrelation,
  structuralChange,
} from './tiny.ts';

export interface Boundary {
  /** First moment of the new shot. */
  timeSec: number;
  transition: 'cut' | 'gradual';
  /** Pictures closer than this to the boundary are not clean, seconds. */
  blurSec: number;
}

/** All thresholds are on 8-bit values, times in seconds. */
const CUT = {
  least: 7,
  overMean: 3,
  overSecond: 1.7,
  aroundSec: 0.26,
  settleSec: 0.15,
  persists: 0.55,
  colours: 0.1,
};
const GRADUAL = {
  stepSec: 0.12,
  halfWindows: [2, 4, 6, 9],
  outside: 3,
  least: 12,
  rest: 0.33,
  structure: 8,
  structurePart: 0.4,
  share: 0.4,
  correlation: 0.8,
  calm: 0.5,
  apartSec: 1.5,
};
const BLACK = { mean: 24, deviation: 7 };
const SHORTEST_SHOT_SEC = 0.35;

interface Seen {
  timeSec: number;
  change: number;
  frame: Uint8Array;
}
interface Blend {
  timeSec: number;
  halfSec: number;
  score: number;
}

export class ShotDetector {
  #recent: Seen[] = [];
  #undecided = 1;
  #grid: { timeSec: number; frame: Uint8Array }[] = [];
  #cuts: Boundary[] = [];
  #blends: Blend[] = [];
  #black: { startSec: number; endSec: number }[] = [];
  #blackSince: number | undefined;
  #lastTime = 0;

  /** @param frame tiny YUV frame; kept, so it must not be written to afterwards. Times must not decrease. */
  push(timeSec: number, frame: Uint8Array): void {
    const previous = this.#recent.at(-1);
    this.#recent.push({ timeSec, frame, change: previous ? difference(previous.frame, frame) : 0 });
    this.#lastTime = timeSec;
    this.#watchBlack(timeSec, frame);
    this.#decideCuts(timeSec - Math.max(CUT.aroundSec, CUT.settleSec));
    const last = this.#grid.at(-1);
    if (!last || timeSec - last.timeSec >= GRADUAL.stepSec - 0.002) {
      this.#grid.push({ timeSec, frame });
      const reach = GRADUAL.halfWindows.at(-1)! + GRADUAL.outside;
      if (this.#grid.length > 2 * reach + 1) this.#grid.shift();
      if (this.#grid.length === 2 * reach + 1) this.#lookForBlend(reach);
    }
  }

  /** Boundaries in order of time. */
  finish(): Boundary[] {
    this.#decideCuts(Number.POSITIVE_INFINITY);
    // The window is centred only in the middle of the video; its last second has too little after it to be judged.
    if (this.#blackSince !== undefined)
      this.#black.push({ startSec: this.#blackSince, endSec: this.#lastTime });
    const found = [...this.#cuts];
    const isNear = (timeSec: number, within: number) =>
      found.some((b) => Math.abs(b.timeSec - timeSec) < within);
    for (const { startSec, endSec } of this.#black) {
      if (startSec === 0 || endSec >= this.#lastTime) continue;
      const isCut = this.#cuts.some((cut) => cut.timeSec >= startSec - 0.2 && cut.timeSec <= endSec + 0.2);
      if (!isCut) found.push({ timeSec: endSec, transition: 'gradual', blurSec: 0.5 });
    }
    const strongest = this.#blends.toSorted((a, b) => b.score - a.score);
    for (const { timeSec, halfSec } of strongest) {
      if (isNear(timeSec, Math.max(GRADUAL.apartSec / 2, halfSec + 0.3))) continue;
      found.push({ timeSec, transition: 'gradual', blurSec: halfSec });
    }
    found.sort((a, b) => a.timeSec - b.timeSec);
    return found;
  }

  /** Spans of black pictures, for leaving them out. */
  get blackSpans(): readonly { startSec: number; endSec: number }[] {
    return this.#black;
  }

  #watchBlack(timeSec: number, frame: Uint8Array): void {
    const { mean, deviation } = brightness(frame);
    const isBlack = mean < BLACK.mean && deviation < BLACK.deviation;
    if (isBlack) this.#blackSince ??= timeSec;
    else if (this.#blackSince !== undefined) {
      this.#black.push({ startSec: this.#blackSince, endSec: timeSec });
      this.#blackSince = undefined;
    }
  }

  #decideCuts(until: number): void {
    while (this.#undecided < this.#recent.length && this.#recent[this.#undecided]!.timeSec <= until) {
      if (this.#isCut(this.#undecided)) {
        this.#cuts.push({
          timeSec: this.#recent[this.#undecided]!.timeSec,
          transition: 'cut',
          blurSec: 0.08,
        });
      }
      this.#undecided += 1;
    }
    // What lies too far back to be a neighbour of an undecided frame is let go.
    const waiting = this.#recent[this.#undecided] ?? this.#recent.at(-1);
    if (!waiting) return;
    const oldestSec = waiting.timeSec - 2 * CUT.aroundSec;
    while (this.#undecided > 4 && this.#recent[1]!.timeSec < oldestSec) {
      this.#recent.shift();
      this.#undecided -= 1;
    }
  }

  #isCut(index: number): boolean {
    const { timeSec, change } = this.#recent[index]!;
    if (change < CUT.least) return false;
    const last = this.#cuts.at(-1);
    if (timeSec - (last?.timeSec ?? 0) < SHORTEST_SHOT_SEC) return false;
    const around = this.#recent
      .filter(
        (seen, i) =>
          i !== index &&
          i > 0 &&
          (Math.abs(seen.timeSec - timeSec) <= CUT.aroundSec || Math.abs(i - index) <= 2),
      )
      .map((seen) => seen.change)
      .sort((a, b) => b - a);
    const mean = around.reduce((sum, value) => sum + value, 0) / Math.max(1, around.length);
    // The second largest: one more cut close by must not hide this one.
    if (change < CUT.overMean * Math.max(1, mean) || change < CUT.overSecond * (around[1] ?? 0)) return false;
    const before = this.#recent[index - 1]!.frame;
    const after = this.#recent.findLast(
      (seen, i) => i >= index && seen.timeSec - timeSec <= CUT.settleSec,
    )!.frame;
    // From further back, too: the end of a flash differs from the flash, but not from what was there before it.
    const earlier = this.#recent.find((seen) => timeSec - seen.timeSec <= CUT.aroundSec)!.frame;
    return [before, earlier].every(
      (past) =>
        difference(past, after) >= CUT.persists * change && histogramDistance(past, after) >= CUT.colours,
    );
  }

  #lookForBlend(centre: number): void {
    const at = (offset: number) => this.#grid[centre + offset]!.frame;
    for (const half of GRADUAL.halfWindows) {
      const [from, to] = [at(-half), at(half)];
      const change = difference(from, to);
      if (change < GRADUAL.least) continue;
      const structure = structuralChange(from, to);
      if (structure.mean < Math.max(GRADUAL.structure, GRADUAL.structurePart * change)) continue;
      if (structure.share < GRADUAL.share) continue;
      if (lumaCorrelation(from, to) > GRADUAL.correlation) continue;
      const calm = GRADUAL.calm * change;
      if (difference(at(-half - GRADUAL.outside), from) > calm) continue;
      if (difference(to, at(half + GRADUAL.outside)) > calm) continue;
      const quarter = Math.max(1, Math.round(half / 2));
      const fits = [-quarter, 0, quarter].map((offset) => blendFit(from, to, at(offset)));
      const [early, middle, late] = fits as [(typeof fits)[0], (typeof fits)[0], (typeof fits)[0]];
      const rest = Math.max(...fits.map((fit) => fit.rest)) / change;
      const grows = early.share < middle.share - 0.05 && middle.share < late.share - 0.05;
      const isCentred = middle.share > 0.3 && middle.share < 0.7 && early.share < 0.45 && late.share > 0.55;
      if (rest > GRADUAL.rest || !grows || !isCentred) continue;
      if (histogramDistance(from, to) < 2 * CUT.colours) continue;
      const { timeSec } = this.#grid[centre]!;
      const halfSec = (this.#grid[centre + half]!.timeSec - this.#grid[centre - half]!.timeSec) / 2;
      if (halfSec > 3) continue;
      this.#blends.push({ timeSec, halfSec, score: change * (1 - rest) });
      return;
    }
  }
}
