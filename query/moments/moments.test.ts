import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../../shared/ports/video-index.ts';
import { buildDictionary } from '../intent/dictionary.ts';
import { understand } from '../intent/intent.ts';
import type { Recalled } from '../recall/recall.ts';
import { highlight } from './highlights.ts';
import { findMoments } from './moments.ts';

const dictionary = buildDictionary([], [{ id: 'id-1', name: '李小龙', aliases: ['Bruce Lee'] }]);
const intentOf = (text: string) => understand(text, dictionary);
const options = { fusion: { by: 'rrf', k: 60 } as const, linkTemplate: '/watch?v={video}&t={seconds}' };

type Cue = { kind: 'said' | 'shown'; startSec: number; endSec: number; text: string };

const moment = (id: string, startSec: number, endSec: number, cues: Cue[] = [], more: Payload = {}) => ({
  id,
  score: 1,
  payload: { video: 'a b', startSec, endSec, cues, labels: [{ label: 'dog', score: 0.9 }], ...more },
});
const channel = (name: string, match: Recalled['match'], hits: Recalled['hits']): Recalled => ({
  ...{ name, match, collection: 'moments', weight: 1, hits, all: hits },
});
const said = (startSec: number, endSec: number, text: string): Cue => ({
  kind: 'said',
  startSec,
  endSec,
  text,
});

describe('moments', () => {
  it('begin where the words stand, and say which they are', () => {
    const hit = moment('m1', 0, 60, [said(0, 4, 'Good evening.'), said(20, 22, 'Fetch the red ball!')]);
    const [found] = findMoments(
      intentOf('red ball'),
      [channel('moments.speech', 'said', [hit])],
      options,
    ).get('a b')!;
    expect(found).toMatchObject({
      ...{ id: 'm1', startSec: 0, endSec: 60, atSec: 20, matched: ['said'], labels: ['dog'] },
      words: { kind: 'said', text: 'Fetch the red ball!' },
      link: '/watch?v=a%20b&t=20',
    });
    expect(found!.highlights.map(({ from, to }) => 'Fetch the red ball!'.slice(from, to))).toEqual([
      'red ball',
    ]);
  });

  it('find the sentence inside a long speech', () => {
    const words = Array.from({ length: 90 }, (_, i) => `word${i}`);
    words.splice(60, 0, 'golden', 'harvest');
    const hit = moment('m1', 100, 190, [said(100, 190, words.join(' '))]);
    const [found] = findMoments(
      intentOf('golden harvest'),
      [channel('moments.speech', 'said', [hit])],
      options,
    ).get('a b')!;
    expect(found!.atSec).toBeGreaterThan(150);
    expect(found!.atSec).toBeLessThan(170);
  });

  it('begin with the shot where something is seen', () => {
    const hit = moment('m1', 12.5, 20);
    const [found] = findMoments(
      intentOf('running dog'),
      [channel('moments.visual~', 'seen', [hit])],
      options,
    ).get('a b')!;
    expect(found).toMatchObject({ atSec: 12.5, words: null, highlights: [], matched: ['seen'] });
    expect(found!.link).toBe('/watch?v=a%20b&t=12.5');
  });

  it('put the one that holds the words before one that a channel ranks higher', () => {
    const likely = moment('seen', 0, 5);
    const quoted = moment('said', 30, 40, [said(31, 33, 'fetch the red ball')]);
    const found = findMoments(
      intentOf('fetch the red ball'),
      [channel('moments.visual~', 'seen', [likely, quoted]), channel('moments.speech', 'said', [quoted])],
      options,
    ).get('a b')!;
    expect(found.map(({ id }) => id)).toEqual(['said', 'seen']);
    expect(found[0]!.matched).toEqual(['said', 'seen']);
  });

  it('name those people of the question who are there', () => {
    const hit = moment('m1', 0, 5, [], { people: ['id-1', 'id-2'] });
    const [found] = findMoments(intentOf('李小龙'), [channel('moments.identity', 'who', [hit])], options).get(
      'a b',
    )!;
    expect(found!.people).toEqual(['李小龙']);
  });

  it('mean the same whichever the fusion', () => {
    const hits = [moment('x', 0, 5), moment('y', 5, 10, [said(6, 8, 'a red ball')])];
    for (const fusion of [{ by: 'rrf', k: 60 } as const, { by: 'score', k: 60 } as const]) {
      const found = findMoments(intentOf('red ball'), [channel('moments.visual~', 'seen', hits)], {
        ...options,
        fusion,
      }).get('a b')!;
      expect(found[0]!.id, fusion.by).toBe('y');
    }
  });

  it('lie within their shot, whatever the cues say', () => {
    const time = fc.double({ min: 0, max: 100, noNaN: true });
    const words = fc.array(fc.constantFrom('red', 'ball', 'dog', 'the', '球'), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(time, time, time, time, words, (a, b, c, d, text) => {
        const [startSec, endSec] = [Math.min(a, b), Math.max(a, b)];
        const cue = said(Math.min(c, d), Math.max(c, d), text.join(' '));
        const hits = [moment('m', startSec, endSec, [cue])];
        const found = findMoments(
          intentOf('red ball 球'),
          [channel('moments.speech', 'said', hits)],
          options,
        );
        const { atSec } = found.get('a b')![0]!;
        return atSec >= startSec && atSec <= endSec;
      }),
    );
  });
});

describe('highlights', () => {
  const marked = (question: string, text: string) =>
    highlight(intentOf(question), text).map(({ from, to }) => text.slice(from, to));

  it('mark the words in any form, neighbours together', () => {
    expect(marked('elephant parade', 'Elephants parade; an elephant.')).toEqual([
      'Elephants parade',
      'elephant',
    ]);
    expect(marked('red ball', 'nothing of it')).toEqual([]);
    expect(marked('咖啡', '慢慢倒入咖啡，咖啡很香')).toEqual(['咖啡', '咖啡']);
    expect(marked('三体', '看《三體》吧')).toEqual(['三體']);
  });

  it('lie in the text, in order, without overlap', () => {
    const word = fc.constantFrom('elephants', 'parade', '咖啡', '倒入', 'the', '，', 'x');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (parts) => {
        const text = parts.join(' ');
        let end = -1;
        for (const { from, to } of highlight(intentOf('elephant parade 倒入咖啡'), text)) {
          expect(from).toBeGreaterThan(end);
          expect(to).toBeGreaterThan(from);
          expect(to).toBeLessThanOrEqual(text.length);
          end = to;
        }
      }),
    );
  });
});
