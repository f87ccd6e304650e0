import { useState } from 'preact/hooks';
import type { Answer } from '../api/types.ts';
import { languageName } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { countFilters, type FilterName, type Filters, toggleFilter } from '../state/route.ts';
import { useWords } from '../words/words.ts';
import { Facet, type FacetValue } from './facet.tsx';

interface FilterPanelProps {
  filters: Filters;
  facets: Answer['facets'];
  onChange: (filters: Filters) => void;
}

/** Facets of the answer, and the parameter of the address that each filters by. */
const FACETS: readonly [facet: string, filter: FilterName][] = [
  ['source', 'source'],
  ['people', 'person'],
  ['series', 'series'],
  ['tags', 'tag'],
  ['channel', 'channel'],
  ['language', 'language'],
];
const HOLDS = ['hasSpeech', 'hasFaces', 'hasText'] as const;
/** Lengths in seconds. */
const LENGTHS = [
  { name: 'short', from: undefined, to: '60' },
  { name: 'medium', from: '60', to: '600' },
  { name: 'long', from: '600', to: undefined },
] as const;

export function FilterPanel({ filters, facets, onChange }: FilterPanelProps) {
  const words = useWords();
  const { filters: names } = words;
  /** Matters where there is no room for it beside the answers. */
  const [open, setOpen] = useState(false);

  const valuesOf = (facet: string, filter: FilterName): FacetValue[] => {
    const chosen = [filters[filter] ?? []].flat();
    const counted = facets[facet] ?? [];
    // A chosen value stays there to be taken back, even where nothing has it.
    const missing = chosen.filter((value) => !counted.some((each) => each.value === value));
    return [...counted, ...missing.map((value) => ({ value, count: 0 }))].map(({ value, count }) => ({
      ...{ value, count, chosen: chosen.includes(value) },
      label:
        facet === 'source'
          ? (names.sources[value] ?? value)
          : facet === 'language'
            ? languageName(value, words.language)
            : value,
    }));
  };
  const groups = FACETS.map(([facet, filter]) => ({ facet, filter, values: valuesOf(facet, filter) }));
  return (
    <aside class="filters" aria-label={names.title}>
      <button type="button" class="button filters-open" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="filter" />
        {names.active(countFilters(filters))}
      </button>
      <div class={open ? 'filters-body filters-body-open' : 'filters-body'}>
        {groups
          .filter(({ values }) => values.length > 0)
          .map(({ facet, filter, values }) => (
            <Facet
              key={facet}
              title={names.facets[facet] ?? facet}
              values={values}
              onToggle={(value) => onChange(toggleFilter(filters, filter, value))}
            />
          ))}
        <Facet
          title={names.holds}
          values={HOLDS.map((name) => ({
            ...{ value: name, label: names[name], count: null, chosen: filters[name] === 'true' },
          }))}
          onToggle={(name) => onChange(toggleFilter(filters, name as (typeof HOLDS)[number], 'true'))}
        />
        <Facet
          title={names.duration}
          values={LENGTHS.map(({ name, from, to }) => ({
            ...{ value: name, label: names[name], count: null },
            chosen: filters.durationFrom === from && filters.durationTo === to,
          }))}
          onToggle={(name) => {
            const { from, to } = LENGTHS.find((each) => each.name === name)!;
            const same = filters.durationFrom === from && filters.durationTo === to;
            onChange({
              ...filters,
              durationFrom: same ? undefined : from,
              durationTo: same ? undefined : to,
            });
          }}
        />
        <fieldset class="facet">
          <legend>{names.published}</legend>
          {(['publishedFrom', 'publishedTo'] as const).map((name) => (
            <label key={name} class="date">
              <span>{name === 'publishedFrom' ? names.from : names.to}</span>
              <input
                type="date"
                class="field"
                value={filters[name] ?? ''}
                onChange={(event) => onChange({ ...filters, [name]: event.currentTarget.value || undefined })}
              />
            </label>
          ))}
        </fieldset>
      </div>
    </aside>
  );
}
