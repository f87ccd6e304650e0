/** What became of a video, in one word, and why. */
import type { VideoRecord } from '../../shared/ports/ledger.ts';

export type VideoState = 'indexed' | 'partial' | 'failed' | 'working' | 'deleted';

/** `partial`: found by a search, though a stage did not contribute. `failed`: not found by any. */
export function stateOf({ steps, deleted }: VideoRecord): VideoState {
  if (deleted) return 'deleted';
  const all = Object.values(steps);
  if (all.length === 0 || all.some(({ status }) => ['pending', 'queued', 'running'].includes(status)))
    return 'working';
  const document = steps.document?.status;
  if (document !== 'done' && document !== 'partial') return 'failed';
  return document === 'partial' || all.some(({ status }) => status === 'failed') ? 'partial' : 'indexed';
}

/** What first went wrong with a video: the failure that is not the consequence of another. */
export function causeOf({
  steps,
}: VideoRecord): { stage: string; code: string; message: string; hint: string } | null {
  const failures = Object.entries(steps).flatMap(([stage, { status, error }]) =>
    status === 'failed' && error ? [{ stage, ...error }] : [],
  );
  return failures.find(({ code }) => code !== 'NEED_UNMET') ?? failures[0] ?? null;
}
