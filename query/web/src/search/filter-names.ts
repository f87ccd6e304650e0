/** The filters that are on, in words. Pure. */
import { clock, day, languageName } from '../format.ts';
import type { FilterName, Filters } from '../state/route.ts';
import type { Words } from '../words/en.ts';

export interface NamedFilter {
  name: FilterName;
  value: string;
  label: string;
}

export function filterNames(filters: Filters, { filters: words, language }: Words): NamedFilter[] {
  const named: NamedFilter[] = filters.person.map((value) => ({ name: 'person', value, label: value }));
  const add = (name: Exclude<FilterName, 'person'>, label: (value: string) => string) => {
    const value = filters[name];
    if (value) named.push({ name, value, label: label(value) });
  };
  add('source', (value) => words.sources[value] ?? value);
  add('channel', (value) => value);
  add('language', (value) => languageName(value, language));
  add('series', (value) => value);
  add('tag', (value) => value);
  add('publishedFrom', (value) => words.publishedFrom(day(value, language) ?? value));
  add('publishedTo', (value) => words.publishedTo(day(value, language) ?? value));
  add('durationFrom', (value) => words.atLeast(clock(Number(value))));
  add('durationTo', (value) => words.atMost(clock(Number(value))));
  add('hasSpeech', () => words.hasSpeech);
  add('hasFaces', () => words.hasFaces);
  add('hasText', () => words.hasText);
  return named;
}
