import { useEffect } from 'preact/hooks';
import { Failure } from '../parts/failure.tsx';
import { type Example, exampleNamed } from '../state/examples.ts';
import { navigate } from '../state/navigation.ts';
import { asksSomething, type Filters, NO_FILTERS, type SearchRoute } from '../state/route.ts';
import { useSearch } from '../state/use-search.ts';
import { useWords } from '../words/words.ts';
import { Empty } from './empty.tsx';
import { ExampleChip } from './example-chip.tsx';
import { FilterChips } from './filter-chips.tsx';
import { FilterPanel } from './filter-panel.tsx';
import { Notices } from './notices.tsx';
import { QuestionPanel } from './question-panel.tsx';
import { ResultList } from './result-list.tsx';
import { Skeletons } from './skeletons.tsx';
import { Start } from './start.tsx';

interface SearchPageProps {
  route: SearchRoute;
  byExample: (example: Example) => void;
}

export function SearchPage({ route, byExample }: SearchPageProps) {
  const words = useWords();
  const { state, again, more } = useSearch(route);
  const asked = asksSomething(route);
  useEffect(() => {
    document.title = route.text === '' ? words.name : `${route.text} · ${words.name}`;
  }, [route.text, words]);
  if (!asked) return <Start />;

  const filter = (filters: Filters) => navigate({ ...route, filters });
  const shown = state.status === 'answered' ? state : state.status === 'asking' ? state.before : null;
  const answer = shown?.answer;
  const byText = route.like === null && route.example === null;
  return (
    <div class={byText ? 'search-page' : 'search-page search-page-example'}>
      <h1 class="unseen">{words.results.title}</h1>
      {byText && <FilterPanel filters={route.filters} facets={answer?.facets ?? {}} onChange={filter} />}
      <div class="answers" aria-busy={state.status === 'asking'}>
        {!byText && (
          <ExampleChip
            example={route.example === null ? null : exampleNamed(route.example)}
            onChange={byExample}
          />
        )}
        <p class="count" role="status">
          {state.status === 'asking' && words.results.searching}
          {state.status === 'answered' &&
            `${words.results.count(state.answer.total)} · ${words.results.took(state.answer.tookMs)}`}
        </p>
        {byText && <FilterChips filters={route.filters} onChange={filter} />}
        {state.status === 'failed' && <Failure error={state.error} onAgain={again} />}
        {state.status === 'asking' && !shown && <Skeletons />}
        {answer && shown && (
          <div class={state.status === 'asking' ? 'dimmed' : undefined}>
            <Notices answer={answer} />
            <QuestionPanel question={answer.question} filters={route.filters} />
            {shown.results.length > 0 && (
              <ResultList key={route.text} {...{ route, more }} results={shown.results} shown={shown} />
            )}
            {shown.results.length === 0 && (
              <Empty
                {...{ route, answer }}
                onGuess={() => navigate({ ...route, weak: true }, { replace: true })}
                onClear={() => filter(NO_FILTERS)}
              />
            )}
          </div>
        )}
      </div>
    </div>
  );
}
