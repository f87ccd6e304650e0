import { describe, expect, it } from 'vitest';
import { RedisClock } from './redis-clock.ts';
import type { RedisClient } from './redis-connection.ts';

const SERVER_MS = 1_700_000_000_000;

/** A server whose answer takes `tripMs`, a machine whose wall clock is `aheadMs` ahead, and what was warned of. */
function scene(aheadMs: number, tripMs = 0) {
  const state = { monotonic: 500, stepMs: 0, fails: false };
  const warnings: object[] = [];
  const server = () => SERVER_MS + state.monotonic - 500;
  const client = {
    time: async () => {
      if (state.fails) throw new Error('away');
      state.monotonic += tripMs / 2;
      const at = server();
      state.monotonic += tripMs / 2;
      return [String(Math.floor(at / 1_000)), String((at % 1_000) * 1_000)];
    },
  } as unknown as RedisClient;
  const clock = new RedisClock(client, {
    refreshMs: 1_000_000,
    log: { warn: (fields) => void warnings.push(fields) },
    wallClock: () => server() + aheadMs + state.stepMs,
    monotonic: () => state.monotonic,
  });
  return { clock, state, warnings, server };
}

describe('RedisClock', () => {
  it('gives the time of the server on a machine that is minutes off, and warns once', async () => {
    const { clock, warnings, server } = scene(300_000);
    expect(clock.now()).toBe(server() + 300_000);
    await clock.known();
    expect(clock.now()).toBe(server());
    await clock.refresh();
    expect(warnings).toEqual([{ aheadMs: 300_000 }]);
    clock.stop();
  });

  it('does not feel a step of the machine’s clock', async () => {
    const { clock, state, server } = scene(0);
    await clock.known();
    state.stepMs = -3_600_000;
    state.monotonic += 40;
    expect(clock.now()).toBe(server());
    clock.stop();
  });

  it('is off by no more than half a round trip', async () => {
    const { clock, server, warnings } = scene(0, 80);
    await clock.known();
    expect(Math.abs(clock.now() - server())).toBeLessThanOrEqual(40);
    expect(warnings).toEqual([]);
    clock.stop();
  });

  it('asks again after a failure', async () => {
    const { clock, state, server } = scene(-300_000);
    state.fails = true;
    await expect(clock.known()).rejects.toThrow('away');
    state.fails = false;
    await clock.known();
    expect(clock.now()).toBe(server());
    clock.stop();
  });
});
