import type { VideoRef } from '../shared/contracts/common.ts';
import type { VideoRecord } from '../shared/ports/ledger.ts';
import type { Operations } from './operations.ts';
import type { Output } from './output.ts';

/** Waits until these videos are settled, showing how far they are. */
export async function waitFor(
  operations: Operations,
  output: Output,
  videos: readonly VideoRef[],
  signal: AbortSignal,
): Promise<VideoRecord[]> {
  if (videos.length === 0) return [];
  const refs = videos.map(({ tenant, videoId }) => ({ tenant, videoId }));
  const bar = output.progress('Indexing');
  try {
    return await operations.settled(
      { refs },
      ({ total, settled, running }) =>
        bar.update(settled, total, running.map(({ ref, stage }) => `${stage} ${ref.videoId}`).join(', ')),
      signal,
    );
  } finally {
    bar.stop();
  }
}
