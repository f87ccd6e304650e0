import { describe, expect, it } from 'vitest';
import { HealthNotes, type HealthState, liveness, type QueueState } from './liveness.ts';

const STALL = 60_000;
const NOW = 10_000_000;
const queue = (changes: Partial<QueueState> = {}): QueueState => ({
  ...{ name: 'ocr', concurrency: 2, running: 0, timeoutMs: 120_000 },
  ...{ waitingSince: null, observedAt: NOW, movedAt: 0 },
  ...changes,
});
const state = (changes: Partial<HealthState> = {}): HealthState => ({
  ...{ heartbeatAt: NOW, queues: [queue()], stopping: false, stallMs: STALL },
  ...changes,
});

describe('liveness', () => {
  it.each<[string, HealthState]>([
    ['an idle process, however long it has been idle', state()],
    ['one whose loop was away for less than the limit', state({ heartbeatAt: NOW - STALL })],
    [
      'one whose queue has waited for less than the limit',
      state({ queues: [queue({ waitingSince: NOW - STALL })] }),
    ],
    [
      'one that waits long but keeps finishing',
      state({ queues: [queue({ waitingSince: NOW - 50 * STALL, movedAt: NOW - 1_000 })] }),
    ],
    [
      'one whose slots are all taken by jobs within their time',
      state({ queues: [queue({ waitingSince: 0, running: 2, movedAt: NOW - 150_000 })] }),
    ],
    [
      'one that cannot look at its queue: the store is gone, and a restart would not bring it back',
      state({ queues: [queue({ waitingSince: 0, observedAt: NOW - STALL - 1 })] }),
    ],
    ['one that drains', state({ stopping: true, queues: [queue({ waitingSince: 0 })] })],
    ['one that takes no queue at all', state({ queues: [] })],
  ])('is true of %s', (_, health) => {
    expect(liveness(health, NOW)).toEqual({ alive: true, reasons: [] });
  });

  it.each<[string, HealthState, RegExp]>([
    ['a stalled event loop', state({ heartbeatAt: NOW - STALL - 1_000 }), /event loop stood still for 61 s/],
    [
      'a queue with work and free slots that does not move',
      state({ queues: [queue({ waitingSince: NOW - STALL - 1_000, running: 1 })] }),
      /jobs of ocr have waited for 61 s/,
    ],
    [
      'slots that are taken for longer than any job may take',
      state({ queues: [queue({ waitingSince: 0, running: 2, movedAt: NOW - 120_000 - STALL - 1 })] }),
      /jobs of ocr/,
    ],
    ['a draining process whose loop stands still', state({ stopping: true, heartbeatAt: 0 }), /event loop/],
  ])('is false of %s', (_, health, reason) => {
    const { alive, reasons } = liveness(health, NOW);
    expect(alive).toBe(false);
    expect(reasons.join()).toMatch(reason);
  });
});

describe('HealthNotes', () => {
  it('keeps the time since which a queue has had work, and when a job last moved', () => {
    let now = 1_000;
    const notes = new HealthNotes(STALL, () => now);
    notes.takes('ocr', 1, 5_000);
    const look = () => liveness(notes.state(), now).alive;
    now += 10 * STALL;
    notes.beat();
    notes.observed('ocr', 3);
    expect(look(), 'work came after a long idle time').toBe(true);
    now += STALL + 1;
    notes.beat();
    notes.observed('ocr', 3);
    expect(look(), 'nobody took it').toBe(false);
    notes.moved('ocr', 1);
    expect(look(), 'one was started').toBe(true);
    now += STALL + 1;
    notes.beat();
    notes.observed('ocr', 2);
    expect(look(), 'it runs within its time').toBe(true);
    now += 5_000;
    notes.beat();
    notes.observed('ocr', 2);
    expect(look(), 'it runs beyond its time').toBe(false);
    notes.moved('ocr', -1);
    notes.observed('ocr', 0);
    now += STALL;
    notes.beat();
    expect(look(), 'all was done').toBe(true);
  });
});
