import { describe, expect, it } from 'vitest';
import { featuresOf } from '../relevance/features.ts';
import { gradeOf } from '../relevance/model.ts';
import { asking, candidate } from '../relevance/testing.ts';
import type { QueryOutcome } from './evaluate.ts';
import { seeded } from './significance.ts';
import { examplesOf, trainOn } from './training.ts';

/** Questions whose right answer has the higher `labelCoverage`, against what the untrained weights expect of `titleCoverage`. */
function outcomes(count: number): QueryOutcome[] {
  const random = seeded(3);
  return Array.from({ length: count }, (_, q) => {
    const results = Array.from({ length: 6 }, (__, i) => {
      const right = i === 2;
      const features = [
        { feature: 'labelCoverage', value: right ? 0.6 + random() * 0.4 : random() * 0.5, weight: 0 },
        { feature: 'titleCoverage', value: right ? random() * 0.5 : 0.4 + random() * 0.6, weight: 0 },
      ];
      return { video: `v${i}`, grade: 0.5, similar: [], explain: { features } };
    });
    return {
      query: { text: `question ${q}`, kind: 'seen', language: 'en', relevant: { v2: 1 }, moments: [] },
      answer: { results, weak: [{ video: 'guess', explain: { features: [] } }] },
    } as unknown as QueryOutcome;
  });
}

describe('training on labelled questions', () => {
  it('takes what was found as examples, and no guesses', () => {
    const examples = examplesOf(outcomes(3));
    expect(examples).toHaveLength(18);
    expect(examples.filter(({ relevant }) => relevant)).toHaveLength(3);
    expect(examples.some(({ video }) => video === 'guess')).toBe(false);
  });

  it('is judged on questions that were held out, and says by how much it is better', () => {
    const { model, held, report } = trainOn(outcomes(60), 'test');
    expect(held).toMatchObject({ folds: 5, examples: 360, relevant: 60 });
    expect(held.logLoss.trained).toBeLessThan(held.logLoss.untrained);
    expect(held.ndcg10.trained).toBeGreaterThan(held.ndcg10.untrained);
    expect(held.significance.p).toBeLessThan(0.01);
    expect(model.weights.labelCoverage).toBeGreaterThan(model.weights.titleCoverage!);
    expect(report.join('\n')).toContain('labelCoverage');
  });

  it('gives a model that grades', () => {
    const { model } = trainOn(outcomes(40), 'test');
    const features = featuresOf(candidate({ title: 'x', labels: ['dog'] }), asking('dog'));
    const { grade, parts } = gradeOf(features, model);
    expect(grade).toBeGreaterThan(gradeOf(featuresOf(candidate({ title: 'x' }), asking('dog')), model).grade);
    expect(parts.map(({ feature }) => feature)).toContain('labelCoverage');
  });
});
