import type { Moment } from '../api/types.ts';
import { clock } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { MarkedText } from '../parts/marked-text.tsx';
import { useWords } from '../words/words.ts';

const MOST_LABELS = 5;

/** Why a moment answers, in its own words: what is said or shown in it, or else who and what is seen. */
export function MomentWords({ moment }: { moment: Moment }) {
  const { results, comma } = useWords();
  const { words, highlights, labels, people, atSec } = moment;
  return (
    <div class="moment-words">
      {words && (
        <p>
          <Icon name={words.kind} />
          <span class="unseen">{results[words.kind]}: </span>
          <q>
            <MarkedText text={words.text} places={highlights} />
          </q>{' '}
          <span class="quiet">{results.at(clock(atSec))}</span>
        </p>
      )}
      {people.length > 0 && (
        <p>
          <Icon name="who" />
          {results.people(people.join(comma))}
        </p>
      )}
      {!words && labels.length > 0 && (
        <p>
          <Icon name="seen" />
          <span lang="en">{labels.slice(0, MOST_LABELS).join(', ')}</span>
        </p>
      )}
    </div>
  );
}
