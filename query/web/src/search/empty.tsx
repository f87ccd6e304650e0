import type { Answer } from '../api/types.ts';
import { Icon } from '../parts/icon.tsx';
import { countFilters, type SearchRoute } from '../state/route.ts';
import { useWords } from '../words/words.ts';
import { ResultList } from './result-list.tsx';

interface EmptyProps {
  route: SearchRoute;
  answer: Answer;
  onGuess: () => void;
  onClear: () => void;
}

/** Nothing is relevant; guesses are shown to those who want them, and called so. */
export function Empty({ route, answer, onGuess, onClear }: EmptyProps) {
  const { empty } = useWords();
  const byText = route.like === null && route.example === null;
  return (
    <>
      <div class="state">
        <Icon name="search" />
        <h2>{empty.title}</h2>
        {byText && <p class="quiet">{empty.text}</p>}
        <div class="state-ways">
          {countFilters(route.filters) > 0 && (
            <button type="button" class="button" onClick={onClear}>
              {empty.clearFilters}
            </button>
          )}
          {byText && !route.weak && (
            <button type="button" class="button button-strong" onClick={onGuess}>
              {empty.guess}
            </button>
          )}
        </div>
        {route.weak && answer.weak.length === 0 && <p>{empty.noGuesses}</p>}
      </div>
      {answer.weak.length > 0 && (
        <section class="weak" aria-labelledby="weak-title">
          <h2 id="weak-title">{empty.weak}</h2>
          <p class="quiet">{empty.weakText}</p>
          <ResultList route={route} results={answer.weak} />
        </section>
      )}
    </>
  );
}
