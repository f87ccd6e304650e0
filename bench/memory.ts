/**
 * Whether memory stays flat: many short videos through the whole pipeline in one process, resident memory after every
 * tenth, and its slope over the second half (the first half fills caches). Between collections the heaps of nine threads
 * grow and shrink by hundreds of megabytes as the collector pleases, so what is left after a full collection in each of
 * them, every fiftieth video, has a slope of its own.
 * Usage: node bench/memory.ts [videos]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../shared/config.ts';
import { createLogger } from '../shared/telemetry/logger.ts';
import { createApp } from '../workers/app.ts';
import { STAGES, stageSections } from '../workers/stages.ts';
import { collectEverywhere } from './heaps.ts';

const videos = Number(process.argv[2] ?? 200);
const CLIPS = 10;
const EVERY = 10;
const COLLECT_EVERY = 50;

const scratch = mkdtempSync(path.join(os.tmpdir(), 'cinedex-memory-'));
const clips = Array.from({ length: CLIPS }, (_, i) => {
  const file = path.join(scratch, `${i}.mp4`);
  const video = `testsrc2=s=640x360:r=25:d=3,hue=h=${i * 36}`;
  const sound = `sine=frequency=${220 + 40 * i}:duration=3`;
  const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    video,
    '-f',
    'lavfi',
    '-i',
    sound,
    ...codec,
    file,
  ]);
  return file;
});
const config = loadConfig({}, stageSections(), {
  core: { dataDir: path.join(scratch, 'data'), logLevel: 'silent' },
  media: { roots: scratch },
  audio: { transcriber: 'none' },
});
const app = await createApp(config, { stages: STAGES, logger: createLogger({ level: 'silent' }) });
await app.start();

const resident = () => Math.round(process.memoryUsage().rss / 1e6);
const residentMb: number[] = [];
const collectedMb: number[] = [];
for (let done = 0; done < videos; done += EVERY) {
  const batch = Array.from({ length: EVERY }, (_, i) => `v${done + i}`);
  await app.publish(
    batch.map((videoId, i) => ({
      type: 'video.uploaded.v1' as const,
      data: {
        ...{ tenant: 'default', videoId, source: 'ugc' as const, metadata: { title: `Clip ${videoId}` } },
        media: { uri: `file://${clips[(done + i) % CLIPS]}` },
      },
    })),
  );
  const settled = await app.settled({ refs: batch.map((videoId) => ({ tenant: 'default', videoId })) });
  const bad = settled.filter(({ steps }) => Object.values(steps).some(({ status }) => status === 'failed'));
  if (bad.length > 0) throw new Error(`${bad[0]!.videoId} failed: ${JSON.stringify(bad[0]!.steps)}`);
  residentMb.push(resident());
  if ((done + EVERY) % COLLECT_EVERY === 0) {
    await collectEverywhere();
    collectedMb.push(resident());
  }
  console.error(`${done + EVERY} videos, ${residentMb.at(-1)} MB, collected ${collectedMb.at(-1) ?? '-'} MB`);
}
await app.stop();
rmSync(scratch, { recursive: true, force: true });

/** Least squares over the second half, MB a video. */
function slope(values: number[], every: number): number {
  const half = values.slice(Math.floor(values.length / 2));
  const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const x = half.map((_, i) => i * every);
  const [mx, my] = [mean(x), mean(half)];
  const rise = half.reduce((sum, value, i) => sum + (x[i]! - mx) * (value - my), 0);
  const perVideo = rise / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  return Math.round(perVideo * 1_000) / 1_000;
}

const result = {
  command: `node bench/memory.ts ${videos}`,
  allocator: {
    MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? null,
    MALLOC_TRIM_THRESHOLD_: process.env.MALLOC_TRIM_THRESHOLD_ ?? null,
  },
  videos,
  residentMbAfterEvery10: residentMb,
  slopeMbPerVideoSecondHalf: slope(residentMb, EVERY),
  residentMbCollectedEvery50: collectedMb,
  collectedSlopeMbPerVideoSecondHalf: slope(collectedMb, COLLECT_EVERY),
};
writeFileSync(new URL('./results/memory.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result, null, 2));
