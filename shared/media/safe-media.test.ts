import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { drawnClip, ffmpeg, mediaFolder, numberedFrame } from '../../test/fixtures/media.ts';
import { loadConfig } from '../config.ts';
import { createSafeMedia, type RunRequest } from './safe-media.ts';

const folder = mediaFolder();
const never = new AbortController().signal;
const media = createSafeMedia(loadConfig({}).media);

/** An hour of video in a second: one second, repeated without encoding it again. */
async function endless(): Promise<string> {
  const file = path.join(folder, 'endless.mp4');
  const second = await drawnClip(path.join(folder, 'second.mp4'), 30, (i) => numberedFrame(i, 1280, 720), {
    width: 1280,
    height: 720,
    fps: 30,
  });
  await ffmpeg(['-stream_loop', '3600', '-i', second, '-c', 'copy', file]);
  return file;
}
const long = await endless();

const rawOutput = (consume: RunRequest['outputs'][number]['consume'], fd = 1) => ({
  fd,
  options: ['-map', '0:v:0', '-s', '64x36', '-pix_fmt', 'gray', '-f', 'rawvideo'],
  consume,
});
const readAll = async (chunks: AsyncIterable<Buffer>) => {
  for await (const _ of chunks);
};

/** Command lines of running processes that read this test's media. */
function running(): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return line.includes(`file:${folder}`) ? [line] : [];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}

test('several outputs are read side by side, each at its own pace', async () => {
  const file = path.join(folder, 'second.mp4');
  const sizes: Record<number, number> = {};
  const count = (fd: number, pauseMs: number) =>
    rawOutput(async (chunks) => {
      sizes[fd] = 0;
      for await (const chunk of chunks) {
        sizes[fd] += chunk.length;
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }, fd);
  const result = await media.run({
    path: file,
    signal: never,
    outputs: [count(1, 0), count(3, 2), count(4, 0)],
  });
  expect(sizes).toEqual({ 1: 30 * 64 * 36, 3: 30 * 64 * 36, 4: 30 * 64 * 36 });
  expect(result).toMatchObject({ damage: null, complaintCount: 0, outputBytes: 3 * 30 * 64 * 36 });
});

test('what filters say is heard line by line', async () => {
  const lines: string[] = [];
  await media.run({
    path: path.join(folder, 'second.mp4'),
    signal: never,
    logLevel: 'info',
    filter: '[0:v:0]showinfo[out]',
    outputs: [{ fd: 1, options: ['-map', '[out]', '-f', 'null'], consume: readAll }],
    onStderrLine: (line) => lines.push(line),
  });
  expect(lines.filter((line) => line.includes('pts_time:')).length).toBe(30);
});

test.each<[string, Partial<RunRequest>, string]>([
  ['a timeout', { timeoutMs: 400 }, 'MEDIA_TIMEOUT'],
  ['a limit on the output', { maxOutputBytes: 100_000 }, 'MEDIA_LIMIT'],
  ['an abort', { signal: AbortSignal.timeout(600) }, 'ABORTED'],
])('%s ends the child', async (_, bounds, code) => {
  const running_ = media.run({ path: long, signal: never, outputs: [rawOutput(readAll)], ...bounds });
  await expect(running_).rejects.toMatchObject({ code });
  if (process.platform === 'linux') await vi.waitFor(() => expect(running()).toEqual([]), { timeout: 5_000 });
});

test('a reader that fails ends the child and is heard', async () => {
  const failing = rawOutput(async (chunks) => {
    for await (const _ of chunks) throw new Error('the reader is full');
  });
  await expect(media.run({ path: long, signal: never, outputs: [failing] })).rejects.toThrow(
    'the reader is full',
  );
});

test.skipIf(process.platform !== 'linux')('no child outlives a parent that is killed', async () => {
  const script = `
    import { createSafeMedia } from ${JSON.stringify(path.join(import.meta.dirname, 'safe-media.ts'))};
    import { loadConfig } from ${JSON.stringify(path.join(import.meta.dirname, '../config.ts'))};
    const consume = async (chunks) => { for await (const _ of chunks) process.stdout.write('.'); };
    await createSafeMedia(loadConfig({}).media).run({ path: ${JSON.stringify(long)}, signal: new AbortController().signal,
      outputs: [{ fd: 1, options: ['-map', '0:v:0', '-s', '64x36', '-f', 'rawvideo'], consume }] });`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(parent.stdout, 'data');
  expect(running().length).toBeGreaterThan(0);
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect(running()).toEqual([]), { timeout: 10_000 });
});

test('a missing binary is named, and one that was configured is never replaced by another', async () => {
  const { media: config } = loadConfig({ CINEDEX_MEDIA_FFMPEG_PATH: '/nowhere/ffmpeg' });
  await expect(createSafeMedia(config).probe(long, never)).rejects.toMatchObject({
    code: 'DEPENDENCY_MISSING',
    message: expect.stringContaining('/nowhere/ffmpeg'),
  });
});
