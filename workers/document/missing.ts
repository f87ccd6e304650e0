import type { VideoRecord } from '../../shared/ports/ledger.ts';

/** Stages whose results go into the document; the names under which it joins them. */
export const JOINED = ['frames', 'ocr', 'faces', 'audio', 'embedding'] as const;

/**
 * Stages that should have contributed and did not, or not fully: failed ones and partial ones. A skipped stage had nothing
 * to give (a video without sound), and a stage that is not there was never promised.
 */
export function missingStages(video: VideoRecord): string[] {
  return JOINED.filter((stage) => {
    const status = video.steps[stage]?.status;
    return status === 'failed' || status === 'partial';
  });
}
