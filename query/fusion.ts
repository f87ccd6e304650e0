/** Brings the answers of several recall channels into one order. */

export interface RankedChannel {
  name: string;
  weight: number;
  /** Best first. The score is only kept for the explanation: scores of different channels cannot be compared. */
  hits: readonly { key: string; score: number }[];
}

export interface Contribution {
  channel: string;
  /** From 1. */
  rank: number;
  /** As the channel gave it. */
  score: number;
  /** What it adds to the fused score. */
  share: number;
}

/** Rank constant of the paper; the larger, the less the first places count over those after. */
export const RRF_K = 60;

/**
 * Weighted reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009): Σ weight / (k + rank). Of several hits of one
 * key in a channel the best counts, and the rank is the key's among the distinct keys.
 */
export function fuse(channels: readonly RankedChannel[], k = RRF_K): Map<string, Contribution[]> {
  const fused = new Map<string, Contribution[]>();
  for (const { name, weight, hits } of channels) {
    const seen = new Set<string>();
    let rank = 0;
    let previous: number | undefined;
    for (const { key, score } of hits) {
      if (seen.has(key)) continue;
      seen.add(key);
      // Equal scores share a rank: the order among them says nothing.
      if (score !== previous) rank = seen.size;
      previous = score;
      const contributions = fused.get(key) ?? [];
      contributions.push({ channel: name, rank, score, share: weight / (k + rank) });
      fused.set(key, contributions);
    }
  }
  return fused;
}

export function total(contributions: readonly Contribution[]): number {
  return contributions.reduce((sum, { share }) => sum + share, 0);
}
