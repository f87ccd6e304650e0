import { describe, expect, it } from 'vitest';
import type { StepState } from '../../shared/ports/ledger.ts';
import {
  backoffMs,
  claimStep,
  outageDelayMs,
  owns,
  releaseOverdue,
  requeueStep,
  settleStep,
} from './steps.ts';
import { videoRecord } from './testing.ts';

const job = { tenant: 'default', videoId: 'v1', stage: 'ocr', key: 'k', epoch: 1 };
const queued: StepState = { status: 'queued', key: 'k', epoch: 1, attempts: 0, since: 0 };
const video = (step: Partial<StepState> = {}) => videoRecord({ steps: { ocr: { ...queued, ...step } } });
const options = { owner: 'me', now: 100, leaseMs: 50, maxAttempts: 3 };

describe('claimStep', () => {
  it('takes a queued step, with a lease and one attempt', () => {
    const { claim, video: next } = claimStep(video(), job, options);
    expect(claim.kind).toBe('claimed');
    expect(next?.steps.ocr).toMatchObject({
      status: 'running',
      attempts: 1,
      lease: { owner: 'me', until: 150 },
    });
    expect(owns(next, job, 'me')).toBe(true);
    expect(owns(next, job, 'you')).toBe(false);
  });

  it('leaves a step to the worker that holds its lease, until the lease is over', () => {
    const held = video({ status: 'running', attempts: 1, lease: { owner: 'you', until: 120 } });
    expect(claimStep(held, job, options).claim).toEqual({ kind: 'busy', delayMs: 20 });
    expect(claimStep(held, job, { ...options, now: 121 }).claim.kind).toBe('claimed');
  });

  it('does nothing for a job that the record has left behind', () => {
    expect(claimStep(video({ epoch: 2 }), job, options).claim.kind).toBe('stale');
    expect(claimStep(video({ key: 'other' }), job, options).claim.kind).toBe('stale');
    expect(claimStep(undefined, job, options).claim.kind).toBe('stale');
  });

  it('makes nothing of a video that is deleted', () => {
    const gone = { ...video(), deleted: true };
    expect(claimStep(gone, job, options).claim.kind).toBe('stale');
    const forgotten = videoRecord({ deleted: true, steps: { forget: queued } });
    expect(claimStep(forgotten, { ...job, stage: 'forget' }, options).claim.kind).toBe('claimed');
  });

  it('tells a settled step apart, so that its event can be sent again', () => {
    expect(claimStep(video({ status: 'done' }), job, options).claim.kind).toBe('settled');
  });

  it('counts crashes as attempts and gives up', () => {
    const crashed = video({ status: 'running', attempts: 3, lease: { owner: 'dead', until: 0 } });
    expect(claimStep(crashed, job, options).claim.kind).toBe('exhausted');
  });

  it('waits for the back-off', () => {
    expect(claimStep(video({ notBefore: 130 }), job, options).claim).toEqual({ kind: 'busy', delayMs: 30 });
  });
});

describe('requeueStep', () => {
  it('gives the attempt back when it was no failure', () => {
    const running = video({ status: 'running', attempts: 2, lease: { owner: 'me', until: 1 } });
    const burned = requeueStep(running, job, { now: 5, delayMs: 10, burn: true });
    expect(burned.steps.ocr).toMatchObject({ status: 'queued', attempts: 2, notBefore: 15 });
    expect(burned.steps.ocr?.lease).toBeUndefined();
    expect(requeueStep(running, job, { now: 5, delayMs: 0, burn: false }).steps.ocr?.attempts).toBe(1);
  });
});

describe('releaseOverdue', () => {
  it('frees steps whose lease is over, and all of them when nobody else can hold one', () => {
    const running = video({ status: 'running', lease: { owner: 'x', until: 200 } });
    expect(releaseOverdue(running, 100, false).waiting).toEqual([]);
    expect(releaseOverdue(running, 201, false).waiting).toEqual([job]);
    expect(releaseOverdue(running, 100, true).video.steps.ocr).toMatchObject({
      status: 'queued',
      since: 100,
    });
  });

  it('leaves settled steps alone', () => {
    const done = settleStep(
      video({ status: 'running' }),
      job,
      { status: 'done', reused: false, durationMs: 1 },
      9,
    );
    expect(releaseOverdue(done, 10_000, true).waiting).toEqual([]);
  });
});

describe('backoffMs', () => {
  it('doubles, keeps at least half, and stops at ten minutes', () => {
    expect(backoffMs(1, 1_000, () => 0)).toBe(500);
    expect(backoffMs(1, 1_000, () => 1)).toBe(1_000);
    expect(backoffMs(3, 1_000, () => 1)).toBe(4_000);
    expect(backoffMs(50, 1_000, () => 1)).toBe(600_000);
  });
});

describe('outageDelayMs', () => {
  it('waits longer the longer the outage lasts, within limits', () => {
    expect(outageDelayMs(0, 2_000, () => 1)).toBe(2_000);
    expect(outageDelayMs(0, 2_000, () => 0)).toBe(1_000);
    expect(outageDelayMs(20_000, 2_000, () => 1)).toBe(10_000);
    expect(outageDelayMs(3_600_000, 2_000, () => 1)).toBe(15_000);
  });
});
