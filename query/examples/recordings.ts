/** Whether a clip is a piece of a recording, and which: fingerprints compared, in a thread. */
import { FINGERPRINT_FRAME_SEC } from '../../shared/audio/fingerprint.ts';
import { compareFingerprints } from '../../shared/audio/fingerprint-match.ts';

export interface PieceOf {
  /** Second of the recording at which the clip begins; negative when the clip begins before it. */
  offsetSec: number;
  /** Share of bits that differ, 0..1. */
  bitErrorRate: number;
}

/** A clip must be heard for so long, and so much of it must lie inside the recording. */
const SHORTEST_SEC = 3;
const LEAST_SHARE = 0.6;
/**
 * Stricter than between two whole videos: a short clip is tried at every place of many recordings, and the fewer seconds there
 * are, the nearer a stranger comes by chance.
 */
const MOST_ERRORS = 0.3;
const LONG_ENOUGH_SEC = 5;
const MOST_ERRORS_SHORT = 0.25;

/**
 * Changes of tempo are not looked for: that costs twelve times as much, and each candidate is compared while somebody waits.
 * @returns where in the recording the clip lies; null when it is no piece of it, or too short to tell
 */
export function pieceOf(clip: Uint32Array, recording: Uint32Array): PieceOf | null {
  const { bitErrorRate, offsetSec, overlapSec } = compareFingerprints(clip, recording, {
    minOverlapSec: SHORTEST_SEC,
    minOverlapShare: LEAST_SHARE,
    tempo: false,
  });
  const most = overlapSec >= LONG_ENOUGH_SEC ? MOST_ERRORS : MOST_ERRORS_SHORT;
  return bitErrorRate <= most ? { offsetSec, bitErrorRate } : null;
}

export function longEnough(clip: Uint32Array): boolean {
  return clip.filter((word) => word !== 0).length * FINGERPRINT_FRAME_SEC >= SHORTEST_SEC;
}
