/** Makes shots of boundaries and chooses their key frames. Pure. */
import type { Shot } from '../../shared/contracts/artifacts.ts';
import { hashDistance, type PictureMeasures } from './picture.ts';
import type { Boundary } from './shots.ts';

export interface Candidate extends PictureMeasures {
  timeSec: number;
}

/** Pictures whose hashes differ in no more bits are near-identical (no false one among different scenes measured). */
export const SAME_PICTURE_BITS = 10;
const FLAT_DEVIATION = 6;

/** Black, white or a single colour: nothing can be seen in it. */
export function isFlat(candidate: Pick<Candidate, 'deviation'>): boolean {
  return candidate.deviation < FLAT_DEVIATION;
}

export interface Span extends Shot {
  /** Part of the shot away from transitions. */
  cleanFromSec: number;
  cleanToSec: number;
}

/**
 * Shots from boundaries. One without any candidate, or with nothing but flat ones (a black leader), is joined to its
 * neighbour, so that every shot can have a key frame; when all are flat there is one shot.
 * @param endSec end of the last shot
 */
export function makeShots(
  boundaries: readonly Boundary[],
  candidates: readonly Candidate[],
  endSec: number,
): Span[] {
  const inside = boundaries.filter(({ timeSec }) => timeSec > 0 && timeSec < endSec);
  const edges: Boundary[] = [];
  let from = 0;
  let pending: Boundary | undefined;
  for (const boundary of [
    ...inside,
    { timeSec: Number.POSITIVE_INFINITY, transition: 'cut', blurSec: 0 } as const,
  ]) {
    const hasPicture = candidates.some(
      (c) => c.timeSec >= from && c.timeSec < boundary.timeSec && !isFlat(c),
    );
    if (hasPicture) {
      if (pending) edges.push(pending);
      pending = boundary;
    } else if (pending && from > 0) {
      // Joined to the next shot, which begins where this one did unless only a black leader went before.
      pending = { ...boundary, timeSec: boundary.timeSec };
    }
    from = boundary.timeSec;
  }
  return edges.length === 0 && candidates.length === 0 ? spans([], endSec) : spans(edges, endSec);
}

function spans(edges: readonly Boundary[], endSec: number): Span[] {
  return Array.from({ length: edges.length + 1 }, (_, index) => {
    const [before, after] = [edges[index - 1], edges[index]];
    const startSec = before?.timeSec ?? 0;
    const shotEndSec = after?.timeSec ?? endSec;
    return {
      index,
      startSec,
      endSec: shotEndSec,
      transition: before?.transition ?? 'start',
      cleanFromSec: startSec + (before?.transition === 'gradual' ? before.blurSec : before ? 0.04 : 0),
      cleanToSec: shotEndSec - (after?.blurSec ?? 0),
    };
  });
}

/** Index of the shot that a moment lies in; `shots` cover the video without gaps. */
export function shotAt(shots: readonly Shot[], timeSec: number): number {
  let [low, high] = [0, shots.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (shots[middle]!.startSec <= timeSec) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * One sharp picture for every `longShotSec` of a shot, at least one a shot, without near-identical ones within a shot.
 * @returns places in `candidates`, in order of time; never empty when there is a candidate
 */
export function chooseKeyFrames(
  shots: readonly Span[],
  candidates: readonly Candidate[],
  longShotSec: number,
): number[] {
  const chosen: number[] = [];
  let next = 0;
  for (const shot of shots) {
    const inShot: number[] = [];
    while (next < candidates.length && (candidates[next]!.timeSec < shot.endSec || shot === shots.at(-1))) {
      inShot.push(next);
      next += 1;
    }
    const parts = Math.max(1, Math.round((shot.endSec - shot.startSec) / longShotSec));
    const partSec = (shot.endSec - shot.startSec) / parts;
    const ofShot: number[] = [];
    for (let part = 0; part < parts; part += 1) {
      const from = shot.startSec + part * partSec;
      const inPart = inShot.filter((i) => {
        const { timeSec } = candidates[i]!;
        return parts === 1 || (timeSec >= from && timeSec < from + partSec);
      });
      const best = sharpest(inPart, candidates, shot);
      if (best === undefined) continue;
      const isKnown = ofShot.some(
        (i) => hashDistance(candidates[i]!.dhash, candidates[best]!.dhash) <= SAME_PICTURE_BITS,
      );
      if (!isKnown && (ofShot.length === 0 || !isFlat(candidates[best]!))) ofShot.push(best);
    }
    chosen.push(...ofShot);
  }
  const withPicture = chosen.filter((i) => !isFlat(candidates[i]!));
  return withPicture.length > 0 ? withPicture : chosen.slice(0, 1);
}

/** Clean before blurred by a transition, visible before flat, then by sharpness. */
function sharpest(
  places: readonly number[],
  candidates: readonly Candidate[],
  shot: Span,
): number | undefined {
  const rank = (i: number) => {
    const { timeSec, sharpness } = candidates[i]!;
    const isClean = timeSec >= shot.cleanFromSec && timeSec <= shot.cleanToSec;
    return (isFlat(candidates[i]!) ? 0 : 2e9) + (isClean ? 1e9 : 0) + sharpness;
  };
  return places.reduce<number | undefined>(
    (best, i) => (best === undefined || rank(i) > rank(best) ? i : best),
    undefined,
  );
}
