import { useRef } from 'preact/hooks';
import type { VideoHit } from '../api/types.ts';
import type { Shown } from '../state/answer.ts';
import { useKeys } from '../state/keys.ts';
import type { SearchRoute } from '../state/route.ts';
import { failureWords } from '../words/naming.ts';
import { useWords } from '../words/words.ts';
import { Hit } from './hit.tsx';
import { useExplanations } from './use-explanations.ts';

interface ResultListProps {
  route: SearchRoute;
  results: readonly VideoHit[];
  /** Where there are further pages. */
  shown?: Shown;
  more?: () => void;
}

export function ResultList({ route, results, shown, more }: ResultListProps) {
  const words = useWords();
  const list = useRef<HTMLOListElement>(null);
  const explanations = useExplanations(route, results);
  const step = (by: number) => {
    const titles = [...(list.current?.querySelectorAll<HTMLElement>('.hit-title a') ?? [])];
    const hits = titles.map((title) => title.closest('.hit'));
    const at = hits.findIndex((hit) => hit?.contains(document.activeElement));
    const next = titles[at < 0 ? 0 : Math.min(titles.length - 1, Math.max(0, at + by))];
    next?.focus();
    next?.closest('.hit')?.scrollIntoView({ block: 'nearest' });
  };
  useKeys({ j: () => step(1), k: () => step(-1) });
  return (
    <>
      <ol class="hits" ref={list}>
        {results.map((hit, i) => (
          <li key={hit.video}>
            <Hit {...{ hit, explanations }} query={route.text} position={i + 1} />
          </li>
        ))}
      </ol>
      {shown && typeof shown.more === 'object' && (
        <p class="more" role="alert">
          {failureWords(shown.more, words).detail}
        </p>
      )}
      {shown?.next && (
        <div class="more">
          <button type="button" class="button" disabled={shown.more === 'asking'} onClick={more}>
            {shown.more === 'asking' ? words.results.loadingMore : words.results.more}
          </button>
        </div>
      )}
    </>
  );
}
