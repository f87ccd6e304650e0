import { useState } from 'preact/hooks';
import { useWords } from '../words/words.ts';

export interface FacetValue {
  value: string;
  label: string;
  /** Null where nobody counted. */
  count: number | null;
  chosen: boolean;
}

interface FacetProps {
  title: string;
  values: readonly FacetValue[];
  onToggle: (value: string) => void;
}

const FIRST = 6;

export function Facet({ title, values, onToggle }: FacetProps) {
  const { filters } = useWords();
  const [all, setAll] = useState(false);
  const shown = all ? values : values.filter(({ chosen }, i) => chosen || i < FIRST);
  return (
    <fieldset class="facet">
      <legend>{title}</legend>
      <ul>
        {shown.map(({ value, label, count, chosen }) => (
          <li key={value}>
            <button type="button" class="facet-value" aria-pressed={chosen} onClick={() => onToggle(value)}>
              <span>{label}</span>
              {count !== null && <span class="quiet">{count}</span>}
            </button>
          </li>
        ))}
      </ul>
      {values.length > FIRST && (
        <button type="button" class="way" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? filters.fewer : filters.all}
        </button>
      )}
    </fieldset>
  );
}
