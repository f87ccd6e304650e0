import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pacer } from './pace.ts';

let now = 0;

beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => vi.restoreAllMocks());

/** How long the pacer really holds its caller up, milliseconds. A busy machine only makes it longer. */
async function held(pacer: Pacer): Promise<number> {
  const from = process.hrtime.bigint();
  await pacer.pause();
  return Number(process.hrtime.bigint() - from) / 1e6;
}

describe('the pacer', () => {
  it('rests after a slice though nothing live runs in its process, and begins a new slice then', async () => {
    const pacer = new Pacer(() => false);
    now = 5;
    // A timer may be early by the part of a millisecond that it was set late.
    expect(await held(pacer)).toBeGreaterThanOrEqual(7);
    now = 8;
    expect(pacer.pause()).not.toBe(pacer.pause());
    now = 9;
    expect(await held(pacer)).toBeGreaterThanOrEqual(7);
  });

  it('rests longer beside live work, and between two steps of it', async () => {
    let live = true;
    const pacer = new Pacer(() => live);
    now = 5;
    expect(await held(pacer)).toBeGreaterThanOrEqual(19);
    live = false;
    now = 1_000;
    expect(await held(pacer)).toBeGreaterThanOrEqual(19);
  });

  it('holds up all that share it together', async () => {
    const pacer = new Pacer(() => false);
    now = 5;
    const first = pacer.pause();
    expect(pacer.pause()).toBe(first);
    await first;
  });
});
