import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { cpuSeconds } from '../telemetry/cpu.ts';
import { findLauncher, launch } from './launcher.ts';
import { startConfined } from './sandbox.ts';

const LIMITS = { memoryBytes: 2 ** 40, cpuSec: 60, fileBytes: 1 << 20 };

/** What a child does that is Node itself. */
const node = (script: string) => ({ command: process.execPath, args: ['-e', script], env: {} });

async function bytesOf(stream: AsyncIterable<Buffer>, pauseMs = 0): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return bytes;
}

describe.skipIf(process.platform !== 'linux')('the launcher', async () => {
  const address = (await findLauncher())!;
  const start = async (wanted: Parameters<typeof launch>[1]) => (await launch(address, wanted))!;

  test('hands each output to whoever reads it, at any pace, and tells how the child ended', async () => {
    const script = `
      const fs = require('node:fs');
      for (let i = 0; i < 40; i++) { fs.writeSync(3, Buffer.alloc(25_000)); fs.writeSync(1, Buffer.alloc(1_000)); }
      fs.writeSync(2, 'words');
      process.exitCode = 7;`;
    const child = await start({ ...node(script), fds: [1, 2, 3] });
    const sizes = Promise.all([bytesOf(child.pipe(1)), bytesOf(child.pipe(2)), bytesOf(child.pipe(3), 5)]);
    expect(await sizes).toEqual([40_000, 5, 1_000_000]);
    expect(await child.closed).toEqual({ code: 7, signal: null });
  });

  test('keeps children that are started side by side apart', async () => {
    const sizes = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const child = await start({
          ...node(`process.stdout.write(Buffer.alloc(${1_000 * i}))`),
          fds: [1, 2],
        });
        const [bytes] = await Promise.all([bytesOf(child.pipe(1)), bytesOf(child.pipe(2)), child.closed]);
        return bytes;
      }),
    );
    expect(sizes).toEqual(Array.from({ length: 12 }, (_, i) => 1_000 * i));
  });

  test('ends a child with all that it started, before and after it runs', async () => {
    const script = `
      require('node:child_process').spawn('sleep', ['1000'], { stdio: ['ignore', 1, 2] });
      process.stdout.write('running');
      setInterval(() => {}, 1000);`;
    const child = await start({ ...node(script), fds: [1, 2] });
    await once(child.pipe(1), 'data');
    child.kill();
    child.kill();
    expect(await child.closed).toEqual({ code: null, signal: 'SIGKILL' });
    // Ends only when nobody is left who could write to it.
    await bytesOf(child.pipe(1));

    const early = await start({ ...node(script), fds: [1, 2] });
    early.kill();
    expect(await early.closed).toEqual({ code: null, signal: 'SIGKILL' });
    await Promise.all([bytesOf(early.pipe(1)), bytesOf(early.pipe(2))]);
  });

  test('tells that a program is not there', async () => {
    const child = await start({ command: '/nowhere/program', args: [], env: {}, fds: [1, 2] });
    await expect(child.closed).rejects.toThrow(/ENOENT/);
  });

  test('is not needed: when it is gone the process starts children itself, and says so', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    const nobody = path.join(mkdtempSync(path.join(os.tmpdir(), 'cinedex-nobody-')), 'socket');
    const child = await startConfined(
      process.execPath,
      ['-e', 'process.stdout.write("here")'],
      [1],
      { confinement: null, launcher: nobody },
      LIMITS,
    );
    expect(await bytesOf(child.pipe(1))).toBe(4);
    expect(await child.closed).toEqual({ code: 0, signal: null });
    expect(warned.mock.calls).toEqual([[expect.stringMatching(/launcher.*ENOENT/)]]);
  });

  test('that ends while a child runs fails that child', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-dying-'));
    const dying = net.createServer((socket) => {
      socket.on('data', () => socket.destroy());
    });
    await new Promise<void>((resolve) => dying.listen(path.join(folder, 'socket'), resolve));
    const child = (await launch(path.join(folder, 'socket'), { ...node(''), fds: [] }))!;
    await expect(child.closed).rejects.toThrow();
    dying.close();
  });

  test('does not hide what its children cost', async () => {
    const before = cpuSeconds();
    const child = await start({
      ...node('const end = Date.now() + 400; while (Date.now() < end);'),
      fds: [1, 2],
    });
    await child.closed;
    const { user, system } = process.cpuUsage();
    expect(cpuSeconds() - before).toBeGreaterThan(0.3);
    expect(cpuSeconds()).toBeGreaterThan((user + system) / 1e6 + 0.3);
  });
});
