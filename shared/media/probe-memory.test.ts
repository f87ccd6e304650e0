import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { ProbeResult } from './probe.ts';
import { fileIdentity, ProbeMemory } from './probe-memory.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-probe-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const answer: ProbeResult = {
  ...{ container: 'mov', durationSec: 1, bytes: 1, video: null, audio: null, complaints: [] },
};

test('those who ask at once and later share one answer; a failure is asked again', async () => {
  const memory = new ProbeMemory();
  const { signal } = new AbortController();
  let asked = 0;
  const fail = async () => {
    asked += 1;
    throw new Error('unreadable');
  };
  const ask = async () => {
    asked += 1;
    return answer;
  };
  await expect(memory.recall('a', fail, signal)).rejects.toThrow('unreadable');
  await Promise.all([memory.recall('a', ask, signal), memory.recall('a', ask, signal)]);
  expect(await memory.recall('a', ask, signal)).toBe(answer);
  expect(asked).toBe(2);
  await memory.recall('b', ask, signal);
  expect(asked).toBe(3);
});

test('an abort ends one waiting; when nobody waits any more the asking ends and is forgotten', async () => {
  const memory = new ProbeMemory();
  const [first, second] = [new AbortController(), new AbortController()];
  let asking: AbortSignal | undefined;
  const ask = (signal: AbortSignal) => {
    asking = signal;
    return new Promise<ProbeResult>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  };
  const waits = [memory.recall('a', ask, first.signal), memory.recall('a', ask, second.signal)];
  first.abort();
  await expect(waits[0]).rejects.toMatchObject({ code: 'ABORTED' });
  expect(asking!.aborted).toBe(false);
  second.abort();
  await expect(waits[1]).rejects.toMatchObject({ code: 'ABORTED' });
  expect(asking!.aborted).toBe(true);
  expect(await memory.recall('a', async () => answer, new AbortController().signal)).toBe(answer);
});

test('a file that changed is another one', async () => {
  const file = path.join(folder, 'media');
  writeFileSync(file, 'one');
  const before = await fileIdentity(file);
  expect(await fileIdentity(file)).toBe(before);
  appendFileSync(file, 'two');
  expect(await fileIdentity(file)).not.toBe(before);
});
