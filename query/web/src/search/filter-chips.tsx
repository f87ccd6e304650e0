import { Icon } from '../parts/icon.tsx';
import { type Filters, NO_FILTERS, toggleFilter } from '../state/route.ts';
import { useWords } from '../words/words.ts';
import { filterNames } from './filter-names.ts';

interface FilterChipsProps {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

export function FilterChips({ filters, onChange }: FilterChipsProps) {
  const words = useWords();
  const named = filterNames(filters, words);
  if (named.length === 0) return null;
  return (
    <ul class="chips">
      {named.map(({ name, value, label }) => (
        <li key={`${name} ${value}`}>
          <button
            type="button"
            class="chip"
            aria-label={words.filters.remove(label)}
            onClick={() => onChange(toggleFilter(filters, name, value))}
          >
            {label}
            <Icon name="close" />
          </button>
        </li>
      ))}
      <li>
        <button type="button" class="way" onClick={() => onChange(NO_FILTERS)}>
          {words.filters.clear}
        </button>
      </li>
    </ul>
  );
}
