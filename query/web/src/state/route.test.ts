import { describe, expect, it } from 'vitest';
import {
  asksSomething,
  countFilters,
  formatRoute,
  HOME,
  NO_FILTERS,
  parseRoute,
  searchParameters,
  toggleFilter,
} from './route.ts';

describe('an address', () => {
  it.each([
    '/',
    '/?q=storm+warning',
    '/?q=%E7%95%AA%E8%8C%84&source=ogc&hasSpeech=true&person=Ada&person=Bo',
    '/?q=a&publishedFrom=2026-01-02&durationTo=60&weak=true',
    '/?like=0b1c2d3e-0000-5000-8000-000000000000',
    '/?example=k2-1',
    '/videos/sample-harbour?t=4.2',
    '/videos/a%2Fb%20c',
  ])('%s is the same after reading and writing it', (address) => {
    expect(formatRoute(parseRoute(address))).toBe(address);
  });

  it('forgives what people and programs type', () => {
    expect(parseRoute('/?q=+storm+&source=&person=&unknown=1')).toEqual({ ...HOME, text: 'storm' });
    expect(parseRoute('/videos/x?t=abc')).toEqual({ page: 'video', video: 'x', at: null });
    expect(parseRoute('/videos/x?t=-3')).toMatchObject({ at: null });
    expect(parseRoute('/videos/100%')).toMatchObject({ video: '100%' });
  });

  it('of a search has the parameters of the API', () => {
    const route = { ...HOME, text: 'a', like: 'x', filters: { ...NO_FILTERS, tag: 'sea', person: ['B'] } };
    expect(searchParameters(route).toString()).toBe('q=a&tag=sea&person=B');
  });

  it('asks something by text, by likeness or by a file', () => {
    expect([HOME, { ...HOME, filters: { person: ['A'] } }].map(asksSomething)).toEqual([false, false]);
    const asking = [{ text: 'a' }, { like: 'a' }, { example: 'a' }].map((part) => ({ ...HOME, ...part }));
    expect(asking.map(asksSomething)).toEqual([true, true, true]);
  });
});

describe('a filter', () => {
  it('is put in, replaced and taken out again', () => {
    const sea = toggleFilter(NO_FILTERS, 'tag', 'sea');
    expect(sea).toMatchObject({ tag: 'sea' });
    expect(toggleFilter(sea, 'tag', 'land')).toMatchObject({ tag: 'land' });
    expect(countFilters(toggleFilter(sea, 'tag', 'sea'))).toBe(0);
  });

  it('of people holds several', () => {
    const both = toggleFilter(toggleFilter(NO_FILTERS, 'person', 'A'), 'person', 'B');
    expect(both.person).toEqual(['A', 'B']);
    expect(countFilters({ ...both, source: 'ogc' })).toBe(3);
    expect(toggleFilter(both, 'person', 'A').person).toEqual(['B']);
  });
});
