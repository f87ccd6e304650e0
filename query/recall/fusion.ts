/** Brings the answers of several recall channels into one order. */

export interface RankedChannel {
  name: string;
  weight: number;
  /** Best first. */
  hits: readonly { key: string; score: number }[];
}

export interface Contribution {
  channel: string;
  /** From 1. */
  rank: number;
  /** As the channel gave it; scores of different channels cannot be compared. */
  score: number;
  /** What it adds to the fused score. */
  share: number;
}

export interface Fusion {
  /** `rrf`: by rank. `score`: by the score's place between the channel's lowest and highest. */
  by: 'rrf' | 'score';
  /** Rank constant of `rrf`; the larger, the less the first places count over those after. */
  k: number;
}

/** Of the paper. */
export const RRF_K = 60;
const BY_RANK: Fusion = { by: 'rrf', k: RRF_K };

/**
 * `rrf`: weighted reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009): Σ weight / (k + rank). `score`: Σ weight ×
 * score, each channel's scores brought to 0..1 by its least and greatest (Fox & Shaw's CombSUM 1994, min-max as in Lee 1997); a
 * lone hit has 1. Of several hits of one key in a channel the best counts, and the rank is the key's among the distinct keys.
 */
export function fuse(
  channels: readonly RankedChannel[],
  { by, k }: Fusion = BY_RANK,
): Map<string, Contribution[]> {
  const fused = new Map<string, Contribution[]>();
  for (const { name, weight, hits } of channels) {
    const scores = hits.map(({ score }) => score);
    const least = scores.reduce((min, score) => Math.min(min, score), Number.POSITIVE_INFINITY);
    const span = scores.reduce((max, score) => Math.max(max, score), least) - least;
    const seen = new Set<string>();
    let rank = 0;
    let previous: number | undefined;
    for (const { key, score } of hits) {
      if (seen.has(key)) continue;
      seen.add(key);
      // Equal scores share a rank: the order among them says nothing.
      if (score !== previous) rank = seen.size;
      previous = score;
      const share = by === 'rrf' ? weight / (k + rank) : weight * (span > 0 ? (score - least) / span : 1);
      const contributions = fused.get(key) ?? [];
      contributions.push({ channel: name, rank, score, share });
      fused.set(key, contributions);
    }
  }
  return fused;
}

/** The most that a key can get: first in every channel. */
export function ceiling(channels: readonly RankedChannel[], { by, k }: Fusion): number {
  return channels.reduce((sum, { weight }) => sum + (by === 'rrf' ? weight / (k + 1) : weight), 0);
}

export function total(contributions: readonly Contribution[]): number {
  return contributions.reduce((sum, { share }) => sum + share, 0);
}
