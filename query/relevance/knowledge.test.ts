import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../../shared/ports/video-index.ts';
import { knowledgeFeatures, meets } from './knowledge.ts';
import { asking, candidate } from './testing.ts';

const DAY = 86_400_000;
const trailer: Payload = {
  ...{ video: 'trailer', title: 'Modern Times', publishedAt: Date.UTC(1936, 1, 5) },
  cast: [{ name: 'Charlie Chaplin', character: 'the Tramp' }],
  names: ['charlie chaplin'],
};
const series: Payload = { video: 'e3', title: '三体 第3集', series: '三体', season: 1, episode: 3 };
const kid: Payload = { video: 'kid', title: 'The Kid', cast: [{ name: 'Charlie Chaplin' }] };
const library = [trailer, series, kid];
const of = (question: string, payload: Payload) =>
  knowledgeFeatures(candidate(payload), asking(question, library));

describe('knowledge features', () => {
  it('agree on who and what is named', () => {
    expect(of('charlie chaplin', trailer)).toMatchObject({ entity: 1, relation: 0 });
    expect(of('charlie chaplin', series)).toMatchObject({ entity: 0, relation: 0 });
    expect(of('charley chaplin films', trailer).entity).toBeCloseTo(0.7);
  });

  it('see what is one and two steps away', () => {
    expect(of('modern times', kid)).toMatchObject({ entity: 0, relation: 0.5 });
    expect(of('the tramp', kid)).toMatchObject({ entity: 0, relation: 0.5 });
  });

  it('keep conditions that are met, broken and unknown apart', () => {
    expect(of('三体 第3集', series)).toMatchObject({ conditionsMet: 1, conditionsBroken: 0 });
    expect(of('三体 第4集', series)).toMatchObject({ conditionsMet: 0, conditionsBroken: 1 });
    expect(of('三体 第二季第3集', series)).toMatchObject({ conditionsMet: 0.5, conditionsBroken: 0.5 });
    expect(of('modern times season 2', trailer)).toMatchObject({ conditionsMet: 0, conditionsBroken: 0 });
  });

  it('are nothing without a text', () => {
    const features = knowledgeFeatures(candidate(trailer), asking(null, library));
    expect(Object.values(features).every((value) => value === 0)).toBe(true);
  });

  it('lie in 0..1', () => {
    const asked = fc
      .array(fc.constantFrom('charlie', 'chaplin', 'the tramp', '三体', '第3集', 'season 2', '2019', '4k'), {
        minLength: 1,
        maxLength: 5,
      })
      .map((parts) => parts.join(' '));
    fc.assert(
      fc.property(asked, fc.constantFrom(...library), (text, payload) => {
        const features = of(text, payload);
        expect(features.conditionsMet + features.conditionsBroken).toBeLessThanOrEqual(1);
        return Object.values(features).every((value) => value >= 0 && value <= 1);
      }),
    );
  });
});

describe('a condition', () => {
  const now = Date.UTC(2026, 0, 31);
  it.each([
    [{ kind: 'duration', phrase: '', least: null, most: 300 }, { durationSec: 299 }, true],
    [{ kind: 'duration', phrase: '', least: 600, most: null }, { durationSec: 299 }, false],
    [{ kind: 'resolution', phrase: '', value: 1080 }, { width: 1920, height: 1080 }, true],
    [{ kind: 'resolution', phrase: '', value: 1080 }, { width: 1080, height: 1920 }, true],
    [{ kind: 'resolution', phrase: '', value: 2160 }, { width: 1920, height: 1080 }, false],
    [{ kind: 'recent', phrase: '', days: 7 }, { publishedAt: now - 6 * DAY }, true],
    [{ kind: 'recent', phrase: '', days: 7 }, { publishedAt: now - 8 * DAY }, false],
    [{ kind: 'year', phrase: '', value: 2019 }, { title: '2019年春晚' }, true],
    [{ kind: 'year', phrase: '', value: 2019 }, { publishedAt: Date.UTC(2020, 5) }, false],
    [{ kind: 'season', phrase: '', value: 2 }, { title: 'Friends S02E05' }, true],
    [{ kind: 'episode', phrase: '', value: 12 }, { title: '三體 第十二集' }, true],
  ] as const)('%j of %j: %s', (constraint, payload, met) => {
    expect(meets(constraint, payload, now)).toBe(met);
  });

  it('is unknown where the video does not say', () => {
    for (const kind of ['season', 'episode', 'year'] as const) {
      expect(meets({ kind, phrase: '', value: 3 }, { title: 'Friends' }, now), kind).toBeNull();
    }
    expect(meets({ kind: 'duration', phrase: '', least: 1, most: 2 }, {}, now)).toBeNull();
    expect(meets({ kind: 'resolution', phrase: '', value: 720 }, {}, now)).toBeNull();
    expect(meets({ kind: 'recent', phrase: '', days: 1 }, {}, now)).toBeNull();
  });
});
