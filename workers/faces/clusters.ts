/** Groups the tracks of a video by person. Pure. */
import { descriptorDistance, medianDescriptor } from '../../shared/faces/descriptor.ts';

export interface DescribedTrack {
  descriptor: Float32Array;
  strength: 'strong' | 'weak';
  startSec: number;
  endSec: number;
}

export interface Cluster {
  /** Indices into the tracks, ascending. */
  tracks: number[];
  descriptor: Float32Array;
  strength: 'strong' | 'weak';
  screenSec: number;
}

/** Mean distance between two groups below which they are one person. Stricter than the gallery: errors add up. */
export const SAME_PERSON = 0.52;
/** A weak track joins a group only this close. */
export const SAME_PERSON_WEAK = 0.48;
/** Tracks on the screen together for longer than this are two people, however alike. */
const TOGETHER_SEC = 0.3;

/**
 * Average-linkage agglomeration (the closest pair of groups first) over strong tracks, with the constraint that nobody
 * is on the screen twice at once; then each weak track joins the nearest group, or those left are grouped among themselves.
 * The result does not depend on anything but the tracks and their order.
 */
export function clusterTracks(tracks: readonly DescribedTrack[]): Cluster[] {
  const ofStrength = (strength: 'strong' | 'weak') =>
    tracks.flatMap((track, index) => (track.strength === strength ? [[index]] : []));
  const groups = agglomerate(tracks, ofStrength('strong'), SAME_PERSON);
  const left: number[][] = [];
  for (const [index = 0] of ofStrength('weak')) {
    const nearest = groups
      .filter((group) => !group.some((other) => together(tracks[index]!, tracks[other]!)))
      .map((group) => ({ group, distance: meanDistance(tracks, [index], group) }))
      .sort((a, b) => a.distance - b.distance)[0];
    if (nearest && nearest.distance < SAME_PERSON_WEAK) nearest.group.push(index);
    else left.push([index]);
  }
  return [...groups, ...agglomerate(tracks, left, SAME_PERSON_WEAK)]
    .map((group) => group.sort((a, b) => a - b))
    .sort((a, b) => a[0]! - b[0]!)
    .map((group) => summarise(tracks, group));
}

function agglomerate(tracks: readonly DescribedTrack[], start: number[][], limit: number): number[][] {
  const groups = start.map((group) => [...group]);
  // Distances between groups, kept up to date by Lance and Williams' formula for average linkage.
  const distances = groups.map((a, i) =>
    groups.map((b, j) => (i === j ? Number.POSITIVE_INFINITY : groupDistance(tracks, a, b))),
  );
  const alive = new Set(groups.keys());
  for (;;) {
    let best = { distance: limit, into: -1, from: -1 };
    for (const into of alive) {
      for (const from of alive) {
        if (from <= into) continue;
        const distance = distances[into]![from]!;
        if (distance < best.distance) best = { distance, into, from };
      }
    }
    const { into, from } = best;
    if (into < 0) break;
    const sizes = [groups[into]!.length, groups[from]!.length] as const;
    alive.delete(from);
    for (const other of alive) {
      if (other === into) continue;
      const mean =
        (distances[into]![other]! * sizes[0] + distances[from]![other]! * sizes[1]) / (sizes[0] + sizes[1]);
      distances[into]![other] = mean;
      distances[other]![into] = mean;
    }
    groups[into]!.push(...groups[from]!);
  }
  return [...alive].map((index) => groups[index]!);
}

/** Infinite where two people are surely seen: it stays so through every merge. */
function groupDistance(
  tracks: readonly DescribedTrack[],
  a: readonly number[],
  b: readonly number[],
): number {
  const apart = a.some((i) => b.some((j) => together(tracks[i]!, tracks[j]!)));
  return apart ? Number.POSITIVE_INFINITY : meanDistance(tracks, a, b);
}

function meanDistance(tracks: readonly DescribedTrack[], a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (const i of a) {
    for (const j of b) sum += descriptorDistance(tracks[i]!.descriptor, tracks[j]!.descriptor);
  }
  return sum / (a.length * b.length);
}

function together(a: DescribedTrack, b: DescribedTrack): boolean {
  return Math.min(a.endSec, b.endSec) - Math.max(a.startSec, b.startSec) > TOGETHER_SEC;
}

function summarise(tracks: readonly DescribedTrack[], group: number[]): Cluster {
  const members = group.map((index) => tracks[index]!);
  const strong = members.filter(({ strength }) => strength === 'strong');
  return {
    tracks: group,
    descriptor: medianDescriptor((strong.length > 0 ? strong : members).map(({ descriptor }) => descriptor)),
    strength: strong.length > 0 ? 'strong' : 'weak',
    screenSec: members.reduce((sum, { startSec, endSec }) => sum + Math.max(0, endSec - startSec), 0),
  };
}
