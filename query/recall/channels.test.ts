import { describe, expect, it } from 'vitest';
import { understand } from '../intent/intent.ts';
import { asking, FLOORS } from '../relevance/testing.ts';
import { CHANNEL_NAMES, isOfWords, weightOf } from './channels.ts';
import { floorsOf } from './floors.ts';
import { type QueryVectors, type RecallSettings, textQueries } from './recall.ts';

const settings: RecallSettings = { depth: 10, floors: FLOORS, channelWeights: {}, channels: () => true };
const vector = Float32Array.of(1, 0);
const vectors: QueryVectors = {
  text: vector,
  parts: [vector, vector, Float32Array.of(0, 0)],
  visual: vector,
};
const library = [
  {
    ...{ video: 'v1', title: 'Modern Times', cast: [{ name: 'Charlie Chaplin' }] },
    queries: [
      { query: 'Silent films', clicks: 3, impressions: 9 },
      { query: 'never clicked', clicks: 0, impressions: 9 },
    ],
  },
  { video: 'v2', title: 'The Kid', queries: [{ query: 'silent films!', clicks: 8, impressions: 9 }] },
];

function ask(text: string, more: Partial<RecallSettings> = {}, given = vectors) {
  const { dictionary } = asking(text, library);
  return textQueries(understand(text, dictionary), given, dictionary, { ...settings, ...more });
}
const named = (asked: ReturnType<typeof ask>, name: string) =>
  asked.find(({ channel }) => channel.name === name);

describe('channels', () => {
  it('have names of their own', () => {
    expect(new Set(CHANNEL_NAMES).size).toBe(CHANNEL_NAMES.length);
    expect(CHANNEL_NAMES.filter((name) => name.endsWith('~')).some(isOfWords)).toBe(false);
    expect([isOfWords('videos.title'), isOfWords('moments.labels')]).toEqual([true, false]);
  });

  it('count as much as the kind of question says, and as is configured', () => {
    const said = { name: 'moments.speech', match: 'said', weight: 1 } as const;
    expect(weightOf(said, 'quote', {})).toBeGreaterThan(weightOf(said, 'topic', {}));
    expect(weightOf(said, 'scene', {})).toBeLessThan(weightOf(said, 'topic', {}));
    expect(weightOf(said, 'topic', { 'moments.speech': 4 })).toBe(4);
    expect(weightOf(said, 'quote', { 'moments.speech': 0 })).toBe(0);
  });

  it('of meaning have floors, those of words have none', () => {
    for (const { channel, query } of ask('silent boats')) {
      const meaning = query.kind === 'dense' || query.kind === 'multi';
      expect(channel.floor === undefined, channel.name).toBe(!meaning);
    }
  });

  it('are not asked what says nothing', () => {
    expect(ask('the', {}, { text: undefined, parts: [], visual: Float32Array.of(0, 0) })).toEqual([]);
    const wordless = ask('的', {}, { ...vectors, parts: [Float32Array.of(0, 0)] });
    expect(wordless.every(({ query }) => query.kind === 'dense')).toBe(true);
  });

  it('make late interaction a mean similarity, whatever the number of parts', () => {
    const { query, score } = named(ask('silent boats'), 'videos.parts~')!;
    expect(query).toMatchObject({ kind: 'multi', vector: 'parts' });
    expect(query.kind === 'multi' && query.values).toHaveLength(2);
    expect(score!({ id: 'x', score: 1.5, payload: {} })).toBeCloseTo(0.75);
  });

  it('ask for people by name, and by the face where the gallery knows it', () => {
    expect(named(ask('charlie chaplin'), 'videos.named')!.query).toMatchObject({
      filter: [{ field: 'names', anyOf: ['charlie chaplin'] }],
    });
    expect(named(ask('red boat'), 'videos.named')).toBeUndefined();
    expect(named(ask('charlie chaplin'), 'moments.identity')).toBeUndefined();
  });

  it('remember where the same question led', () => {
    const { query, score } = named(ask('silent films'), 'videos.clicked')!;
    expect(query.filter).toEqual([{ field: 'video', anyOf: ['v1', 'v2'] }]);
    const clicks = ['v1', 'v2', 'v3'].map((video) => score!({ id: video, score: 0, payload: { video } }));
    expect(clicks).toEqual([3, 8, 0]);
    expect(named(ask('never clicked'), 'videos.clicked')).toBeUndefined();
  });
});

describe('floors', () => {
  it.each([
    ['use-lite@1', 'tags-1/x'],
    ['bge-small-zh@1', 'clip@1'],
  ])('%s, %s: strangers lie at or below the floor, matches above', (text, space) => {
    const floors = floorsOf(text, space);
    expect(floors.strangersText).toBeLessThanOrEqual(floors.text);
    expect(floors.text).toBeLessThan(floors.typicalText);
    expect(floors.strangersVisual).toBeLessThanOrEqual(floors.visual);
    expect(floors.visual).toBeLessThan(floors.typicalVisual);
  });
});
