/** Loads what is known of a video. */
import { useEffect, useState } from 'preact/hooks';
import { type ApiError, videoDetails } from '../api/client.ts';
import type { VideoDetails } from '../api/types.ts';
import { asApiError } from './use-search.ts';

export type VideoState =
  | { status: 'asking' }
  | { status: 'failed'; error: ApiError }
  | { status: 'known'; video: VideoDetails };

export function useVideo(id: string): [VideoState, () => void] {
  const [state, set] = useState<VideoState>({ status: 'asking' });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const gone = new AbortController();
    set({ status: 'asking' });
    videoDetails(id, gone.signal).then(
      (video) => set({ status: 'known', video }),
      (error: unknown) => {
        if (!gone.signal.aborted) set({ status: 'failed', error: asApiError(error) });
      },
    );
    return () => gone.abort();
  }, [id, turn]);
  return [state, () => setTurn(turn + 1)];
}
