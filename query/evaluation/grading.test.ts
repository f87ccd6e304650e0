import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueryOutcome } from './evaluate.ts';
import { areaUnderCurve, gradingOf, spearman } from './grading.ts';

describe('rank correlation', () => {
  it('is what it is by hand', () => {
    expect(spearman([1, 2, 3], [10, 20, 30])).toBeCloseTo(1);
    expect(spearman([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1);
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5 over √(4.5 × 5).
    expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5));
    expect(spearman([1, 1], [1, 2])).toBeNull();
  });

  it('does not change with any rising scale', () => {
    const numbers = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(numbers, (values) => {
        const other = values.map((value, i) => value + i);
        const plain = spearman(values, other);
        const scaled = spearman(
          values.map((value) => value ** 3),
          other,
        );
        if (plain === null) expect(scaled).toBeNull();
        else expect(scaled).toBeCloseTo(plain);
      }),
    );
  });
});

it('the area under the curve is the share of pairs in the right order', () => {
  const of = (positives: number[], negatives: number[]) =>
    areaUnderCurve([
      ...positives.map((score) => ({ score, positive: true })),
      ...negatives.map((score) => ({ score, positive: false })),
    ]);
  expect(of([3, 4], [1, 2])).toBe(1);
  expect(of([1, 4], [2, 3])).toBe(0.5);
  expect(of([2], [2])).toBe(0.5);
  expect(of([1, 2], [])).toBeNull();
});

it('grades are told at even odds, however few are relevant', () => {
  const results = [
    { video: 'right', grade: 0.9, similar: [] },
    ...Array.from({ length: 9 }, (_, i) => ({ video: `w${i}`, grade: i === 0 ? 0.9 : 0.1, similar: [] })),
  ];
  const outcome = {
    query: { relevant: { right: 2, judged: 0, missing: 1 } },
    answer: { results, weak: [] },
  } as unknown as QueryOutcome;
  const { pairs, auc, calibration } = gradingOf([outcome]);
  expect(pairs).toBe(3);
  expect(auc).toBe(0.75);
  expect(calibration.at(-1)).toMatchObject({
    found: 2,
    relevant: 1,
    evenOdds: 1 / (1 + 1 / 9),
    meanGrade: 0.9,
  });
  expect(calibration[0]).toMatchObject({ found: 8, relevant: 0, evenOdds: 0 });
});
