import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReadiness } from './readiness.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('readiness', () => {
  it('waits for the process, then for all that it needs, and names what does not answer', async () => {
    let waiting: string | null = 'models are loading';
    let ledger: () => Promise<unknown> = () => Promise.reject(new Error('connection refused'));
    const index = vi.fn(() => Promise.resolve());
    const ready = createReadiness({ waitingFor: () => waiting, checks: { ledger: () => ledger(), index } });
    expect(await ready()).toEqual({ ok: false, reasons: ['models are loading'] });
    expect(index).not.toHaveBeenCalled();
    waiting = null;
    expect(await ready()).toEqual({ ok: false, reasons: ['ledger: connection refused'] });
    ledger = () => Promise.resolve();
    expect((await ready()).ok, 'the last answer still holds').toBe(false);
    vi.advanceTimersByTime(2_001);
    expect(await ready()).toEqual({ ok: true, reasons: [] });
    expect(index).toHaveBeenCalledTimes(2);
  });

  it('does not wait for ever', async () => {
    const ready = createReadiness({
      waitingFor: () => null,
      checks: { index: () => new Promise(() => undefined) },
      timeoutMs: 100,
    });
    const asked = ready();
    await vi.advanceTimersByTimeAsync(101);
    expect(await asked).toEqual({ ok: false, reasons: ['index: no answer within 100 ms'] });
  });
});
