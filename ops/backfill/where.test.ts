import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import { videoRecord } from '../../workers/runtime/testing.ts';
import { type Condition, meets, parseWhere } from './where.ts';

const STAGES = ['frames', 'ocr', 'audio'];
const step = (status: StepState['status'], version?: number): StepState => ({
  ...{ status, key: 'k', epoch: 1, attempts: 1, since: 0 },
  ...(version !== undefined && { version }),
});
const holds = (where: string, video: VideoRecord) => meets(video, parseWhere(where, STAGES));

const OPERATORS = ['=', '!=', '<', '<=', '>', '>='] as const;
const word = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,12}$/);
const comparison = fc.oneof(
  fc.record({
    kind: fc.constant('compare' as const),
    field: fc.constantFrom('source', 'tenant', 'video', 'language', 'uploader'),
    operator: fc.constantFrom(...OPERATORS),
    value: fc.oneof(word, fc.string({ maxLength: 12 }), fc.constantFrom('and', 'or', 'ugc', 'en')),
  }),
  fc.record({
    kind: fc.constant('compare' as const),
    field: fc.constantFrom(...STAGES.map((stage) => `stage.${stage}`)),
    operator: fc.constantFrom(...OPERATORS),
    value: fc.nat(5),
  }),
);
const condition = fc.letrec<{ any: Condition }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    comparison,
    fc.record({ kind: fc.constant('not' as const), inner: tie('any') }),
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('any'), right: tie('any') }),
  ),
})).any;
const record = fc
  .record({
    source: fc.constantFrom('ugc' as const, 'ogc' as const),
    videoId: word,
    language: fc.option(fc.constantFrom('en', 'zh'), { nil: undefined }),
    versions: fc.array(fc.option(fc.nat(5), { nil: undefined }), { minLength: 3, maxLength: 3 }),
  })
  .map(({ source, videoId, language, versions }) =>
    videoRecord({
      source,
      videoId,
      metadata: { title: 't', ...(language && { language }) },
      steps: Object.fromEntries(STAGES.map((stage, i) => [stage, step('done', versions[i])])),
    }),
  );

/** With all the brackets and quotation marks there can be. */
function printed(each: Condition): string {
  if (each.kind === 'not') return `not (${printed(each.inner)})`;
  if (each.kind !== 'compare') return `(${printed(each.left)}) ${each.kind} (${printed(each.right)})`;
  const { field, operator, value } = each;
  const quoted = typeof value === 'number' ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
  return `${field}${operator}${quoted}`;
}

describe('--where', () => {
  it('reads back every condition that can be written', () => {
    fc.assert(
      fc.property(condition, (each) => {
        expect(parseWhere(printed(each), STAGES)).toEqual(each);
      }),
    );
  });

  it('keeps the laws of logic', () => {
    fc.assert(
      fc.property(condition, condition, record, (a, b, video) => {
        const not = (inner: Condition): Condition => ({ kind: 'not', inner });
        const both = (kind: 'and' | 'or', left: Condition, right: Condition): Condition => ({
          kind,
          left,
          right,
        });
        expect(meets(video, not(both('and', a, b)))).toBe(meets(video, both('or', not(a), not(b))));
        expect(meets(video, both('and', a, b))).toBe(meets(video, a) && meets(video, b));
        expect(meets(video, not(not(a)))).toBe(meets(video, a));
      }),
    );
  });

  it('answers any text with a condition or with an error of usage', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        try {
          parseWhere(text, STAGES);
        } catch (error) {
          expect(error).toBeInstanceOf(CinedexError);
          expect((error as CinedexError).code).toBe('USAGE');
        }
      }),
    );
  });

  it('binds "not" before "and" before "or"', () => {
    const video = videoRecord({ source: 'ogc', metadata: { title: 't', language: 'en' } });
    expect(holds('source=ogc or source=ugc and language=zh', video)).toBe(true);
    expect(holds('(source=ogc or source=ugc) and language=zh', video)).toBe(false);
    expect(holds('not source=ugc and language=en', video)).toBe(true);
  });

  it('compares the version of a finished stage, 0 for one that is not', () => {
    const video = videoRecord({ steps: { ocr: step('done', 1), audio: step('failed', 3) } });
    expect(holds('stage.ocr<2', video)).toBe(true);
    expect(holds('stage.ocr>=1', video)).toBe(true);
    expect(holds('stage.audio=0', video)).toBe(true);
    expect(holds('status.audio=failed and status.frames=none', video)).toBe(true);
  });

  it('compares dates as times, and a missing field with nothing', () => {
    const video = videoRecord({ metadata: { title: 't', publishedAt: '2024-05-01T10:00:00+02:00' } });
    expect(holds('published>=2024-05-01T08:00Z', video)).toBe(true);
    expect(holds('published<2024-05', video)).toBe(false);
    expect(holds('language=en', video)).toBe(false);
    expect(holds('language!=en', video)).toBe(true);
    expect(holds('not language>="a"', video)).toBe(true);
  });

  it.each([
    ['source', 'character 7: expected = != < <= > or >='],
    ['source=', 'character 8: expected a value'],
    ['source=ugc and', 'character 15: expected a field (source, tenant'],
    ['sauce=ugc', 'no field "sauce"'],
    ['stage.orc<2', 'no stage "orc" (there are frames, ocr, audio)'],
    ['stage.ocr<two', 'stage.ocr is compared with a whole number'],
    ['status.ocr=broken', 'status.ocr is one of none, pending'],
    ['published>yesterday', 'published is compared with a date'],
    ['(source=ugc', 'expected ")"'],
    ['source=ugc language=en', 'character 12: expected "and", "or" or the end'],
    ['source="ugc', 'this quotation mark is not closed'],
    ['', 'expected a field'],
  ])('says what is wrong with "%s"', (where, problem) => {
    expect(() => parseWhere(where, STAGES)).toThrow(problem);
  });
});
