import { describe, expect, it } from 'vitest';
import type { Payload } from '../../shared/ports/video-index.ts';
import { SEARCH_SECTIONS } from '../../shared/search-config.ts';
import { UNTRAINED } from '../relevance/model.ts';
import { asking, candidate, found } from '../relevance/testing.ts';
import { rankCandidates, rankGuesses } from './rank.ts';

const now = Date.UTC(2026, 0, 1);
const config = SEARCH_SECTIONS.search.parse({});
const boat = (video: string, more: Payload = {}) =>
  candidate({ video, title: 'A red boat', durationSec: 60, complete: true, ...more });
const rank = (candidates: ReturnType<typeof boat>[], changes: Partial<typeof config> = {}) =>
  rankCandidates(candidates, asking('red boat'), UNTRAINED, { ...config, ...changes }, now);
const ids = (ranked: ReturnType<typeof rank>) => ranked.map(({ shown }) => shown.id);

describe('ranking', () => {
  it('leaves out what is not relevant, so that nothing is an answer', () => {
    const stranger = candidate({ video: 'x', title: 'Tax return form' });
    expect(ids(rank([stranger, boat('a')]))).toEqual(['a']);
    expect(rank([stranger])).toEqual([]);
    expect(ids(rank([stranger], { cutoff: 0 }))).toEqual(['x']);
  });

  it('prefers the newer, the professional and the watched of equals, as far as the weights say', () => {
    const old = boat('old', { publishedAt: Date.UTC(2010, 0, 1), source: 'ogc' });
    const fresh = boat('new', { publishedAt: now });
    expect(ids(rank([old, fresh], { objectiveWeights: { authority: 0 } }))).toEqual(['new', 'old']);
    expect(ids(rank([old, fresh], { objectiveWeights: { fresh: 0 } }))).toEqual(['old', 'new']);
    const watched = boat('watched', { impressions: 1_000, clicks: 700, views: 90_000 });
    expect(ids(rank([boat('a'), watched], { toolShare: 0 }))).toEqual(['watched', 'a']);
  });

  it('folds near-duplicates, and says which', () => {
    const [first] = rank([boat('a', { nearDuplicateGroup: 'g' }), boat('b', { nearDuplicateGroup: 'g' })]);
    expect([first!.shown.id, first!.similar.map(({ id }) => id)]).toEqual(['a', ['b']]);
  });
});

describe('guesses', () => {
  it('are ordered by what stands highest above strangers, below every floor', () => {
    const near = candidate({ video: 'near', title: 'x' }, { why: [found('moments.visual~', 0.15)] });
    const far = candidate({ video: 'far', title: 'y' }, { why: [found('moments.visual~', -0.1)] });
    const guessed = rankGuesses([far, near], asking('red boat'), UNTRAINED, config, now);
    expect(ids(guessed)).toEqual(['near', 'far']);
    for (const { shown } of guessed) expect(shown.grade).toBeLessThan(config.cutoff);
  });
});
