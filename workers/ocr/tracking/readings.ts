/** Repeated readings of one line, and which of them to believe. */
import type { Reading } from '../engine/types.ts';

/** NFKC, lower case, letters and digits only: what two readings of one line have in common. */
export function readingKey(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
}

/** 1 for equal keys, 0 for nothing in common: one minus the edit distance over the longer length. */
export function similarity(a: string, b: string): number {
  const one = readingKey(a);
  const two = readingKey(b);
  const longer = Math.max(one.length, two.length);
  if (longer === 0) return a.trim() === b.trim() ? 1 : 0;
  if (one === two) return 1;
  if (Math.abs(one.length - two.length) > longer / 2) return 0;
  let previous = Array.from({ length: two.length + 1 }, (_, i) => i);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= two.length; column++) {
      current.push(
        Math.min(
          previous[column - 1]! + (one[row - 1] === two[column - 1] ? 0 : 1),
          previous[column]! + 1,
          current[column - 1]! + 1,
        ),
      );
    }
    previous = current;
  }
  return 1 - previous[two.length]! / longer;
}

/** The text read most surely most often: confidences of equal texts add up (squared, so that two poor ones do not win). */
export function voteReading(readings: readonly Reading[]): Reading {
  const votes = new Map<string, { weight: number; best: Reading }>();
  for (const reading of readings) {
    if (reading.text === '') continue;
    const vote = votes.get(reading.text);
    const weight = reading.confidence ** 2;
    if (!vote) votes.set(reading.text, { weight, best: reading });
    else {
      vote.weight += weight;
      if (reading.confidence > vote.best.confidence) vote.best = reading;
    }
  }
  let winner: { weight: number; best: Reading } | undefined;
  for (const vote of votes.values()) if (!winner || vote.weight > winner.weight) winner = vote;
  return winner?.best ?? { text: '', confidence: 0 };
}
