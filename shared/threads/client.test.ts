import { afterEach, describe, expect, it, vi } from 'vitest';
import { ThreadClient } from './client.ts';
import type { EchoThread } from './echo.fixture.ts';

const clients: ThreadClient<EchoThread>[] = [];
function client(init: object = {}, options: { maxCallsPerThread?: number } = {}): ThreadClient<EchoThread> {
  const made = new ThreadClient<EchoThread>(new URL('./echo.fixture.ts', import.meta.url), init, {
    endWithinMs: 500,
    ...options,
  });
  clients.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.close()));
});

describe('ThreadClient', () => {
  it('calls a method in the thread and keeps codes of errors', async () => {
    const thread = client({ prefix: '>' });
    expect(await thread.call('echo', ['a'])).toBe('>a');
    await expect(thread.call('fail', ['MEDIA_CORRUPT'])).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' });
  });

  it('ends a call that never answers, and goes on with a fresh thread', async () => {
    const thread = client();
    const first = await thread.call('threadNumber', []);
    const stuck = thread.call('spin', [], { timeoutMs: 100 });
    const waiting = thread.call('echo', ['next']);
    await expect(stuck).rejects.toMatchObject({ code: 'STAGE_TIMEOUT' });
    expect(await waiting).toBe('next');
    expect(await thread.call('threadNumber', [])).not.toBe(first);
  });

  it('aborts the running call and leaves those that wait alone', async () => {
    const thread = client();
    const controller = new AbortController();
    const running = thread.call('spin', [], { signal: controller.signal });
    const waiting = thread.call('echo', ['b']);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await waiting).toBe('b');
  });

  it('lets a thread finish the run it is in before it ends', async () => {
    const thread = client();
    const progress = new Int32Array(new SharedArrayBuffer(8));
    const controller = new AbortController();
    const running = thread.call('busy', [progress, 200], { signal: controller.signal });
    await vi.waitFor(() => expect(Atomics.load(progress, 0)).toBe(1));
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    await thread.close();
    expect(Atomics.load(progress, 1)).toBe(1);
  });

  it('reports a thread that dies and recovers', async () => {
    const thread = client();
    await expect(thread.call('die', [])).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
    expect(await thread.call('echo', ['c'])).toBe('c');
  });

  it('renews the thread after so many calls', async () => {
    const thread = client({}, { maxCallsPerThread: 2 });
    const numbers = [];
    for (let i = 0; i < 4; i++) numbers.push(await thread.call('threadNumber', []));
    expect(numbers[0]).toBe(numbers[1]);
    expect(numbers[2]).not.toBe(numbers[1]);
  });

  it('fails every call when the thread cannot be set up', async () => {
    const thread = client({ broken: true });
    await expect(thread.call('echo', ['d'])).rejects.toThrow('no model');
  });
});
