/** Explanations cost the server more than answers, so they are asked for when the first is wanted. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api/client.ts';
import type { Explanation, VideoHit } from '../api/types.ts';
import { formatRoute, type SearchRoute } from '../state/route.ts';
import { asApiError, askFor } from '../state/use-search.ts';

export interface Explanations {
  status: 'none' | 'asking' | 'known' | ApiError;
  model: string | null;
  of: (video: string) => Explanation | null;
  want: () => void;
}

/** The API's largest page. */
const MOST = 100;

export function useExplanations(route: SearchRoute, results: readonly VideoHit[]): Explanations {
  const key = formatRoute(route);
  const [wanted, setWanted] = useState(false);
  const [status, setStatus] = useState<Explanations['status']>('none');
  const [found, setFound] = useState<{ model: string | null; byVideo: Map<string, Explanation> }>();
  const gone = useRef(new AbortController());

  useEffect(() => {
    if (!wanted) return;
    gone.current = new AbortController();
    const { signal } = gone.current;
    setStatus('asking');
    const limit = String(Math.min(MOST, Math.max(10, results.length)));
    askFor(route, null, signal, { explain: 'true', moments: '0', limit }).then(
      ({ model = null, results: answers, weak }) => {
        const explained = [...answers, ...weak];
        const byVideo = new Map(
          explained.flatMap(({ video, explain }) => (explain ? [[video, explain]] : [])),
        );
        setFound({ model, byVideo });
        setStatus('known');
      },
      (error: unknown) => {
        if (!signal.aborted) setStatus(asApiError(error));
      },
    );
    return () => gone.current.abort();
  }, [wanted, key, results.length]);

  return {
    status,
    model: found?.model ?? null,
    of: (video) => found?.byVideo.get(video) ?? null,
    want: () => setWanted(true),
  };
}
