/** What the text in the box could become. */
import { useEffect, useState } from 'preact/hooks';
import { suggest } from '../api/client.ts';
import type { Suggestion } from '../api/types.ts';

const PAUSE_MS = 120;
const NONE: Suggestion[] = [];

/** @param text null: none are wanted; empty: what was asked of late */
export function useSuggestions(text: string | null): Suggestion[] {
  const [suggestions, set] = useState(NONE);
  const wanted = text?.trim() ?? null;
  useEffect(() => {
    if (wanted === null) {
      set(NONE);
      return;
    }
    const gone = new AbortController();
    const timer = setTimeout(() => {
      suggest(wanted, gone.signal).then(set, (error: unknown) => {
        if (gone.signal.aborted) return;
        // The box works without.
        console.info('no suggestions:', error);
        set(NONE);
      });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [wanted]);
  return suggestions;
}
