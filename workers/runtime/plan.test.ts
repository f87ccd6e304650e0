import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import { applyPlan, FORGET, isVideoSettled, plan, stageKey, withCheckAt } from './plan.ts';
import { bound, emptyStage, videoRecord } from './testing.ts';

const frames = emptyStage('frames');
const ocr = emptyStage('ocr', { requires: ['frames'] });
const audio = emptyStage('audio');
const document = emptyStage(
  'document',
  { requires: ['frames'], joins: ['ocr', 'audio'] },
  {
    keyInputs: (video) => video.metadata,
  },
);
const stages = [frames, ocr, audio, document].map(bound);
const timing = { requeueMs: 1_000 };

/** Enters the plan and settles every queued step with `outcome`, until nothing is left. Returns what ran, in order. */
function runAll(
  video: VideoRecord,
  outcome: (stage: string) => StepState['status'] = () => 'done',
  list = stages,
): { video: VideoRecord; ran: string[] } {
  const ran: string[] = [];
  let current = video;
  for (let round = 0; round < 50; round++) {
    current = applyPlan(current, list, round, timing)?.video ?? current;
    const waiting = Object.entries(current.steps).find(([, step]) => step.status === 'queued');
    if (!waiting) return { video: current, ran };
    ran.push(waiting[0]);
    const step = { ...waiting[1], status: outcome(waiting[0]) };
    current = { ...current, steps: { ...current.steps, [waiting[0]]: step } };
  }
  throw new Error('The plan never ends.');
}

describe('plan', () => {
  it('starts what needs nothing, and the rest when its needs are settled', () => {
    const first = plan(videoRecord(), stages).map(({ stage }) => stage);
    expect(first).toEqual(['frames', 'audio']);
    const { video, ran } = runAll(videoRecord());
    expect(ran.at(-1)).toBe('document');
    expect(new Set(ran)).toEqual(new Set(['frames', 'ocr', 'audio', 'document']));
    expect(isVideoSettled(video)).toBe(true);
    expect(plan(video, stages)).toEqual([]);
  });

  it('runs the document although a stage that it joins has failed', () => {
    const { video } = runAll(videoRecord(), (stage) => (stage === 'audio' ? 'failed' : 'done'));
    expect(video.steps.document?.status).toBe('done');
  });

  it('settles stages as skipped when what they require has failed', () => {
    const { video, ran } = runAll(videoRecord(), (stage) => (stage === 'frames' ? 'failed' : 'done'));
    expect(ran).toEqual(['frames', 'audio']);
    expect(video.steps.ocr).toMatchObject({ status: 'skipped', missing: ['frames failed'] });
    expect(video.steps.document?.status).toBe('skipped');
    expect(isVideoSettled(video)).toBe(true);
  });

  it('runs only the document again when the title changes', () => {
    const { video } = runAll(videoRecord());
    const renamed = { ...video, metadata: { title: 'Another' } };
    expect(runAll(renamed).ran).toEqual(['document']);
  });

  it('runs everything again when the media changes', () => {
    const { video } = runAll(videoRecord());
    expect(runAll({ ...video, contentHash: 'c2' }).ran.sort()).toEqual([
      'audio',
      'document',
      'frames',
      'ocr',
    ]);
  });

  it('runs a stage with a new version, and what needs it, and nothing else', () => {
    const { video } = runAll(videoRecord());
    const newer = [frames, emptyStage('ocr', { requires: ['frames'] }, { version: 2 }), audio, document].map(
      bound,
    );
    expect(runAll(video, () => 'done', newer).ran).toEqual(['ocr', 'document']);
  });

  it('completes the document when a failed stage is repaired', () => {
    const { video } = runAll(videoRecord(), (stage) => (stage === 'audio' ? 'failed' : 'done'));
    const repaired = {
      ...video,
      steps: { ...video.steps, audio: { ...video.steps.audio!, status: 'pending' as const } },
    };
    expect(runAll(repaired).ran).toEqual(['audio', 'document']);
  });

  it('forgets a deleted video only when nothing runs that could still write of it', () => {
    const { video } = runAll(videoRecord());
    const document = { ...video.steps.document!, status: 'running' as const };
    const busy = { ...video, deleted: true, steps: { ...video.steps, document } };
    expect(plan(busy, stages)).toEqual([]);
    expect(plan({ ...video, deleted: true }, stages)).toMatchObject([{ stage: FORGET, action: 'queue' }]);
  });

  it('forgets a deleted video, and nothing else; a new upload waits for that', () => {
    const { video } = runAll(videoRecord());
    const gone = runAll({ ...video, deleted: true, revision: 2 });
    expect(gone.ran).toEqual([FORGET]);
    const forgetting = applyPlan({ ...video, deleted: true, revision: 2 }, stages, 0, timing)!.video;
    expect(plan({ ...forgetting, deleted: false }, stages)).toEqual([]);
  });

  it('ends whatever the stages answer, never runs a settled step again, and never before its needs', () => {
    const status = fc.constantFrom<StepState['status']>('done', 'partial', 'skipped', 'failed');
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('frames', 'ocr', 'audio', 'document'), status),
        (outcomes) => {
          const { video, ran } = runAll(videoRecord(), (stage) => outcomes[stage] ?? 'done');
          expect(new Set(ran).size).toBe(ran.length);
          expect(isVideoSettled(video)).toBe(true);
          if (ran.includes('document')) expect(ran.indexOf('document')).toBe(ran.length - 1);
          if (ran.includes('ocr')) expect(ran.indexOf('frames')).toBeLessThan(ran.indexOf('ocr'));
          expect(withCheckAt(video, 1).checkAt).toBeNull();
        },
      ),
    );
  });
});

describe('stageKey', () => {
  it('is the same for the same inputs and differs between tenants', () => {
    const key = stageKey(videoRecord(), stages[0]!);
    expect(stageKey(videoRecord({ revision: 9, updatedAt: 5 }), stages[0]!)).toBe(key);
    expect(stageKey(videoRecord({ tenant: 'other' }), stages[0]!)).not.toBe(key);
  });
});
