import { describe, expect, it } from 'vitest';
import { entityKey } from '../intent/entities.ts';
import { facetsOf, needsMoments, passes, type SearchFilter, storeConditions } from './filters.ts';

describe('conditions for the store', () => {
  it('say the same as the filter', () => {
    const filter: SearchFilter = {
      ...{ source: 'ogc', channel: ['c1', 'c2'], language: ['zh'], series: ['三体'], tags: ['sea'] },
      ...{ publishedFrom: 10, publishedTo: 20, durationTo: 300 },
    };
    expect(storeConditions(filter)).toEqual([
      { field: 'source', equals: 'ogc' },
      { field: 'channel', anyOf: ['c1', 'c2'] },
      { field: 'language', anyOf: ['zh'] },
      { field: 'series', anyOf: ['三体'] },
      { field: 'tags', anyOf: ['sea'] },
      { field: 'publishedAt', gte: 10, lte: 20 },
      { field: 'durationSec', lte: 300 },
    ]);
    expect(storeConditions({})).toEqual([]);
  });

  it('take lengths out of the question; what titles say for themselves only weighs', () => {
    const constraints = [
      { kind: 'duration', phrase: 'under 5 minutes', least: null, most: 300 },
      { kind: 'episode', phrase: '第3集', value: 3 },
      { kind: 'year', phrase: '2019', value: 2019 },
    ] as const;
    expect(storeConditions({}, constraints)).toEqual([{ field: 'durationSec', lte: 300 }]);
  });

  it('refuse lists of nothing, and of too much', () => {
    for (const channel of [[], Array.from({ length: 101 }, (_, i) => `c${i}`)]) {
      expect(() => storeConditions({ channel })).toThrowError(expect.objectContaining({ code: 'USAGE' }));
    }
  });
});

describe('what only the payload can tell', () => {
  const ok = (payload: Parameters<typeof passes>[0], filter: SearchFilter) =>
    passes(payload, filter, entityKey);

  it('people by name or identity, however it is written', () => {
    const payload = { people: ['id-1'], names: ['劉德華'.normalize(), 'charlie chaplin'] };
    expect(ok(payload, { people: ['id-1'] })).toBe(true);
    expect(ok(payload, { people: ['Charlie  Chaplin'] })).toBe(true);
    expect(ok(payload, { people: ['刘德华'] })).toBe(true);
    expect(ok(payload, { people: ['id-2', 'Buster Keaton'] })).toBe(false);
  });

  it('speech and faces, both ways', () => {
    const talk = { sounds: ['speech', 'music'], people: ['id-1'] };
    expect([ok(talk, { hasSpeech: true }), ok(talk, { hasSpeech: false })]).toEqual([true, false]);
    expect([ok({}, { hasSpeech: true }), ok({}, { hasSpeech: false })]).toEqual([false, true]);
    expect([ok(talk, { hasFaces: true }), ok({}, { hasFaces: true })]).toEqual([true, false]);
  });

  it('safety, where it was looked at', () => {
    expect(ok({ explicit: 0.9 }, { explicitTo: 0.5 })).toBe(false);
    expect(ok({ explicit: 0.2 }, { explicitTo: 0.5 })).toBe(true);
    expect(ok({ explicit: null }, { explicitTo: 0.5 })).toBe(true);
  });

  it('text in the picture needs the moments', () => {
    expect(needsMoments({ hasText: false })).toBe(true);
    expect(needsMoments({ hasSpeech: true })).toBe(false);
  });
});

it('facets count each video once for a value, the most frequent first', () => {
  const facets = facetsOf([
    { source: 'ogc', tags: ['sea', 'sea', 'boat'], names: ['a'] },
    { source: 'ogc', tags: ['boat'], channel: 'c1' },
    { source: 'ugc', tags: [], channel: null },
  ]);
  expect(facets.source).toEqual([
    { value: 'ogc', count: 2 },
    { value: 'ugc', count: 1 },
  ]);
  expect(facets.tags).toEqual([
    { value: 'boat', count: 2 },
    { value: 'sea', count: 1 },
  ]);
  expect(facets.people).toEqual([{ value: 'a', count: 1 }]);
  expect(facets.channel).toEqual([{ value: 'c1', count: 1 }]);
});
