/** Follows faces through the pictures of one shot. Pure: boxes in, tracks out. */
import type { DetectedFace, PixelBox } from '../../shared/faces/engine/analyser.ts';
import { intersectionOverUnion } from '../../shared/faces/engine/suppression.ts';

export interface Sighting {
  timeSec: number;
  face: DetectedFace;
  /** Which picture it was seen in. */
  picture: string;
}

export interface Track {
  sightings: Sighting[];
}

/** Two boxes this much alike are one face. */
const SAME_BOX = 0.25;
/** A face that moved: its centre may shift by so many widths a second, and by this share of a width at once. */
const SPEED_PER_SEC = 0.6;
const LEAST_SHIFT = 0.35;
const MOST_SHIFT = 1.2;
const SIZE_RATIO = 1.6;
/** A face unseen for longer is a new track; clustering may still find that it is the same person. */
export const MAX_GAP_SEC = 3;

/** How well a box continues another after a time, 0..1; 0 where it cannot be the same face. */
export function continuity(before: PixelBox, after: PixelBox, elapsedSec: number): number {
  const ratio = before.width / after.width;
  if (ratio > SIZE_RATIO || ratio < 1 / SIZE_RATIO) return 0;
  const overlap = intersectionOverUnion(before, after);
  if (overlap >= SAME_BOX) return 0.5 + overlap / 2;
  const shift =
    Math.hypot(
      before.x + before.width / 2 - (after.x + after.width / 2),
      before.y + before.height / 2 - (after.y + after.height / 2),
    ) / Math.max(before.width, after.width);
  const allowed = Math.min(MOST_SHIFT, LEAST_SHIFT + SPEED_PER_SEC * elapsedSec);
  return shift < allowed ? 0.5 * (1 - shift / allowed) : 0;
}

/** Takes the faces of one picture after another, in order of time, all of one shot. */
export class ShotTracker {
  readonly tracks: Track[] = [];

  /** Assigns each face to the open track that it continues best, best pairs first; the rest begin tracks. */
  add(timeSec: number, picture: string, faces: readonly DetectedFace[]): void {
    const pairs: { track: Track; face: DetectedFace; score: number }[] = [];
    for (const track of this.#open(timeSec)) {
      const last = track.sightings.at(-1)!;
      for (const face of faces) {
        const score = continuity(last.face.box, face.box, timeSec - last.timeSec);
        if (score > 0) pairs.push({ track, face, score });
      }
    }
    const continued = new Set<Track>();
    const placed = new Set<DetectedFace>();
    for (const { track, face } of pairs.sort((a, b) => b.score - a.score)) {
      if (continued.has(track) || placed.has(face)) continue;
      continued.add(track);
      placed.add(face);
      track.sightings.push({ timeSec, face, picture });
    }
    for (const face of faces) {
      if (!placed.has(face)) this.tracks.push({ sightings: [{ timeSec, face, picture }] });
    }
  }

  /** Where faces were at their last sighting, of tracks that may go on at this time. */
  expected(timeSec: number): PixelBox[] {
    return this.#open(timeSec).map(({ sightings }) => sightings.at(-1)!.face.box);
  }

  #open(timeSec: number): Track[] {
    return this.tracks.filter(({ sightings }) => timeSec - sightings.at(-1)!.timeSec <= MAX_GAP_SEC);
  }
}
