/** When a worker should make room for a fresh one: native libraries grow, and a restart is the sure way to shrink. */

export interface RecyclingLimits {
  /** Resident memory, bytes; 0: any. */
  maxRssBytes: number;
  /** Jobs; 0: any number. */
  maxJobs: number;
}

/** @returns why the process should drain and end, or null */
export function reasonToRecycle(
  process: { rssBytes: number; jobs: number },
  { maxRssBytes, maxJobs }: RecyclingLimits,
): string | null {
  const { rssBytes, jobs } = process;
  if (maxJobs > 0 && jobs >= maxJobs) return `${jobs} jobs were done, ${maxJobs} are the limit`;
  if (maxRssBytes > 0 && rssBytes > maxRssBytes) {
    const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`;
    return `it holds ${mebibytes(rssBytes)}, ${mebibytes(maxRssBytes)} are the limit`;
  }
  return null;
}
