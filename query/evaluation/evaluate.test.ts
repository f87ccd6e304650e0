import { describe, expect, it } from 'vitest';
import type { Search, SearchAnswer, VideoFound } from '../search.ts';
import { askAll, compareRuns, groupResults, silence } from './evaluate.ts';
import type { LabelledQuery } from './labelled-set.ts';
import { effectCases } from './report.ts';

const question = (text: string, more: Partial<LabelledQuery> = {}): LabelledQuery => ({
  ...{ text, kind: 'seen', language: 'en', relevant: { right: 1 }, moments: [], ...more },
});
const video = (id: string, grade: number, atSecs: number[] = []) =>
  ({
    ...{ video: id, title: id, grade, similar: [] },
    moments: atSecs.map((atSec) => ({ atSec })),
  }) as unknown as VideoFound;
const answer = (results: VideoFound[], more: Partial<SearchAnswer> = {}) =>
  ({ results, weak: [], channels: [], tookMs: 5, ...more }) as unknown as SearchAnswer;

/** Answers by text, and keeps what was asked. */
const fixed =
  (answers: Record<string, SearchAnswer>): Search =>
  async ({ text = '' }) =>
    answers[text]!;

const lexical = (name: string, ...hits: [string, number, number | null][]) => ({
  ...{ name, weight: 1 },
  hits: hits.map(([id, score, atSec]) => ({ video: id, score, atSec })),
});

describe('a question', () => {
  it('is measured over results and guesses, and answered by results only', async () => {
    const search = fixed({ q: answer([video('wrong', 0.9)], { weak: [video('right', 0.1)] }) });
    const [outcome] = await askAll(search, 't', [question('q')]);
    expect(outcome!.full.reciprocalRank).toBe(0.5);
    expect(outcome!.answered).toBe(false);
  });

  it('is answered by a near-duplicate, which stands where the one is that is shown', async () => {
    const folded = { ...video('other', 0.9), similar: [{ video: 'right', title: '' }] };
    const [outcome] = await askAll(fixed({ q: answer([folded]) }), 't', [question('q')]);
    expect(outcome!.answered).toBe(true);
    expect(outcome!.full.recall10).toBe(1);
  });

  it('has its moment in the first video only, within two seconds', async () => {
    const timed = question('q', { moments: [{ video: 'right', startSec: 10, endSec: 12 }] });
    const of = async (results: VideoFound[]) =>
      (await askAll(fixed({ q: answer(results) }), 't', [timed]))[0]!.full;
    expect(await of([video('right', 0.9, [14, 0])])).toMatchObject({ moment1: 1, moment5: 1 });
    expect(await of([video('right', 0.9, [0, 9])])).toMatchObject({ moment1: 0, moment5: 1 });
    expect(await of([video('wrong', 0.9, [11]), video('right', 0.8, [11])])).toMatchObject({ moment5: 0 });
  });

  it('is also asked of each channel, and of plain BM25 as the sum of its fields', async () => {
    const channels = [
      lexical('videos.title', ['wrong', 3, null], ['right', 2, null]),
      lexical('videos.speech', ['right', 2, null]),
      lexical('moments.speech', ['right', 1, 30], ['right', 1, 10]),
      lexical('moments.screen', ['right', 1, 10]),
      lexical('moments.visual~', ['wrong', 1, 0]),
    ];
    const timed = question('q', { moments: [{ video: 'right', startSec: 10, endSec: 12 }] });
    const [outcome] = await askAll(fixed({ q: answer([], { channels }) }), 't', [timed]);
    expect(outcome!.channels['videos.title']!.reciprocalRank).toBe(0.5);
    expect(outcome!.channels['videos.speech']!.reciprocalRank).toBe(1);
    expect(outcome!.bm25).toMatchObject({ reciprocalRank: 1, moment1: 1 });
    expect(outcome!.channels['moments.speech']!).toMatchObject({ moment1: 0, moment5: 1 });
  });
});

describe('groups', () => {
  it('count a channel that was not asked as having found nothing', async () => {
    const questions = [question('a'), question('b', { language: 'zh', kind: 'said' })];
    const search = fixed({
      a: answer([video('right', 1)], { channels: [lexical('videos.title', ['right', 1, null])] }),
      b: answer([video('right', 1)]),
    });
    const groups = groupResults(await askAll(search, 't', questions));
    expect(Object.keys(groups).sort()).toEqual(['all', 'en', 'said', 'said zh', 'seen', 'seen en', 'zh']);
    expect(groups.all!.full).toMatchObject({ queries: 2, ndcg10: 1 });
    expect(groups.all!.channels['videos.title']!.ndcg10).toBe(0.5);
    expect(groups.en!.againstBm25).toMatchObject({ queries: 1, better: 0, equal: 1 });
  });
});

describe('two configurations', () => {
  it('are compared question by question, and shown by what changed most', async () => {
    const questions = ['a', 'b', 'c'].map((text) => question(text));
    const bad = answer([video('wrong', 1), video('right', 1)]);
    const good = answer([video('right', 1)]);
    const before = await askAll(fixed({ a: bad, b: good, c: answer([]) }), 't', questions);
    const after = await askAll(fixed({ a: good, b: good, c: good }), 't', questions);
    expect(compareRuns(before, after).all).toMatchObject({ better: 2, equal: 1, worse: 0 });
    const cases = effectCases(before, after, []);
    expect(cases.map(({ query }) => query)).toEqual(['c', 'a']);
    expect(cases[1]).toMatchObject({
      before: [
        { video: 'wrong', relevant: false },
        { video: 'right', relevant: true },
      ],
    });
    expect(effectCases(before, after, ['b']).map(({ query }) => query)).toEqual(['b']);
  });
});

it('silence is counted by questions, not by videos', async () => {
  const search = fixed({ a: answer([video('x', 1), video('y', 1)]), b: answer([]) });
  expect(await silence(search, 't', ['a', 'b'])).toBe(1);
});
