/** Turns the output of a recognition net into text. */
import type { Reading } from './types.ts';

export interface CtcOptions {
  /**
   * A space is put between two Latin characters where its probability in the gap between them exceeds this, though it
   * never is the likeliest: the net was trained mostly on lines without spaces and under-reports them.
   */
  spaceThreshold: number;
}

const LATIN = /[!-~‘-”]/u;

/**
 * Greedy connectionist temporal classification: the likeliest class of each step, repeats joined, blanks dropped
 * (Graves et al. 2006).
 *
 * @param probabilities steps × classes, row after row
 * @param vocabulary class → character; class 0 is the blank, the last one the space
 */
export function decodeCtc(
  probabilities: Float32Array,
  steps: number,
  classes: number,
  vocabulary: readonly string[],
  { spaceThreshold }: CtcOptions = { spaceThreshold: 0.03 },
): Reading {
  const space = vocabulary.length - 1;
  let text = '';
  let last = 0;
  let sum = 0;
  let count = 0;
  let spaceInGap = 0;
  for (let step = 0; step < steps; step++) {
    const row = step * classes;
    let best = 0;
    let probability = probabilities[row]!;
    for (let index = 1; index < classes; index++) {
      const value = probabilities[row + index]!;
      if (value > probability) {
        probability = value;
        best = index;
      }
    }
    if (best === 0) spaceInGap = Math.max(spaceInGap, probabilities[row + space]!);
    else if (best !== last) {
      const character = vocabulary[best] ?? '';
      const before = text.at(-1) ?? '';
      if (spaceInGap > spaceThreshold && LATIN.test(character) && LATIN.test(before)) text += ' ';
      spaceInGap = 0;
      text += character;
      sum += probability;
      count += 1;
    }
    last = best;
  }
  return { text: text.trim(), confidence: count === 0 ? 0 : sum / count };
}
