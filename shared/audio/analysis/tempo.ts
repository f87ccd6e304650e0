/** Beats a minute from onset strengths: autocorrelation with a weak preference for the usual range (Ellis 2007). */
import { SAMPLE_RATE, SHORT_HOP } from './frame-sizes.ts';

const FRAMES_PER_SEC = SAMPLE_RATE / SHORT_HOP;
const SLOWEST_BPM = 50;
const FASTEST_BPM = 210;
const USUAL_BPM = 120;
/** Octaves from the usual tempo at which the preference has dropped to 0.6. */
const SPREAD_OCTAVES = 0.9;
const SHORTEST_SEC = 4;
/** Autocorrelation from which a beat counts as clear. */
export const CLEAR_BEAT = 0.3;

interface Tempo {
  bpm: number;
  /** Autocorrelation of the onsets at the beat's distance, 0..1. */
  clarity: number;
}

/** @param onsets one strength every 32 ms. @returns null for less than four seconds or where nothing repeats */
export function estimateTempo(onsets: ArrayLike<number>): Tempo | null {
  const length = onsets.length;
  if (length < SHORTEST_SEC * FRAMES_PER_SEC) return null;
  let mean = 0;
  for (let i = 0; i < length; i++) mean += onsets[i]! / length;
  // One frame of jitter must not break a match, so each onset is spread over its neighbours.
  const smooth = Float64Array.from({ length }, (_, i) => {
    const before = onsets[Math.max(0, i - 1)]!;
    const after = onsets[Math.min(length - 1, i + 1)]!;
    return 0.25 * before + 0.5 * onsets[i]! + 0.25 * after - mean;
  });
  let energy = 0;
  for (const value of smooth) energy += value * value;
  if (energy / length < 1e-6) return null;
  const shortest = Math.floor((FRAMES_PER_SEC * 60) / FASTEST_BPM);
  const longest = Math.min(Math.ceil((FRAMES_PER_SEC * 60) / SLOWEST_BPM), Math.floor(length / 2));
  const correlations = new Float64Array(longest + 2);
  for (let lag = shortest - 1; lag <= longest + 1; lag++) {
    let sum = 0;
    for (let i = 0; i + lag < length; i++) sum += smooth[i]! * smooth[i + lag]!;
    correlations[lag] = (sum / energy) * (length / (length - lag));
  }
  let best = 0;
  let bestScore = 0;
  for (let lag = shortest; lag <= longest; lag++) {
    const value = correlations[lag]!;
    if (value < correlations[lag - 1]! || value < correlations[lag + 1]!) continue;
    const octaves = Math.log2((60 * FRAMES_PER_SEC) / lag / USUAL_BPM);
    const score = value * Math.exp(-0.5 * (octaves / SPREAD_OCTAVES) ** 2);
    if (score > bestScore) {
      bestScore = score;
      best = lag;
    }
  }
  if (best === 0) return null;
  const [left, centre, right] = [correlations[best - 1]!, correlations[best]!, correlations[best + 1]!];
  const curvature = left - 2 * centre + right;
  const shift = curvature < 0 ? (0.5 * (left - right)) / curvature : 0;
  return { bpm: (60 * FRAMES_PER_SEC) / (best + shift), clarity: Math.max(0, Math.min(1, centre)) };
}
