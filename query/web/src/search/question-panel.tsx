import type { ComponentChildren } from 'preact';
import type { Question } from '../api/types.ts';
import { languageName, percent } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import type { Filters } from '../state/route.ts';
import { constraintName } from '../words/naming.ts';
import { useWords } from '../words/words.ts';
import { filterNames } from './filter-names.ts';

/** How the question was understood. What was changed about it is told without being asked. */
export function QuestionPanel({ question, filters }: { question: Question; filters: Filters }) {
  const words = useWords();
  const { explain } = words;
  const { corrections, entities, constraints, tokens, kind, because, language } = question;
  const fixed = corrections.map(({ from, to }) => explain.correction(from, to));
  const named = filterNames(filters, words).map(({ label }) => label);
  const rows: [string, ComponentChildren][] = [
    [
      explain.kind,
      <>
        {explain.kinds[kind] ?? kind}{' '}
        <span class="quiet" lang="en">
          ({because})
        </span>
      </>,
    ],
    [explain.language, languageName(language, words.language)],
    [
      explain.entities,
      entities.map(({ name, kind, mention, how, certainty }) => (
        <p key={`${name} ${mention}`}>
          {name}{' '}
          <span class="quiet">
            ({explain.entityKinds[kind] ?? kind}, {explain.how[how] ?? how}: “{mention}”, {percent(certainty)}
            )
          </span>
        </p>
      )),
    ],
    [explain.corrections, fixed.join(words.comma)],
    [explain.constraints, constraints.map((each) => constraintName(each, words)).join(words.comma)],
    [explain.filters, named.join(words.comma)],
    [explain.words, tokens.join(' · ')],
  ];
  return (
    <div class="question">
      {fixed.length > 0 && (
        <p class="corrected">
          {explain.corrections}: <strong>{fixed.join(words.comma)}</strong>
        </p>
      )}
      <details>
        <summary>
          <Icon name="why" />
          {explain.question}
        </summary>
        <dl class="facts">
          {rows
            .filter(([, what]) => (Array.isArray(what) ? what.length > 0 : what !== ''))
            .map(([name, what]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{what}</dd>
              </div>
            ))}
        </dl>
      </details>
    </div>
  );
}
