/**
 * What the frames stage costs as a multiple of decoding alone, in CPU seconds of this process and its children, both in
 * one run; and how well it finds shots on clips whose cuts are known.
 *
 *     node workers/frames/bench/frames.ts [--out bench/results/frames.json]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../../shared/config.ts';
import type { FramesExtracted } from '../../../shared/contracts/artifacts.ts';
import { createSafeMedia } from '../../../shared/media/safe-media.ts';
import { cpuSeconds } from '../../../shared/telemetry/cpu.ts';
import { ffmpeg } from '../../../test/fixtures/media.ts';
import { sharedData } from '../../../test/fixtures/shared-data.ts';
import { framesHarness } from '../harness.fixture.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-bench-'));
const media = createSafeMedia(loadConfig({}).media);
const harness = await framesHarness();
const signal = new AbortController().signal;

async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = cpuSeconds();
  await work();
  return cpuSeconds() - before;
}

async function decodeOnly(file: string): Promise<void> {
  const probe = await media.probe(file, signal);
  await media.run({
    path: file,
    signal,
    outputs: [
      {
        fd: 1,
        options: ['-map', `0:${probe.video!.index}`, '-f', 'null'],
        consume: async (chunks) => {
          for await (const _ of chunks);
        },
      },
    ],
  });
}

async function compare(name: string, file: string) {
  const rounds = [];
  for (let round = 0; round < 2; round += 1) {
    rounds.push({ decode: await cost(() => decodeOnly(file)), stage: await cost(() => harness.run(file)) });
  }
  const decode = Math.min(...rounds.map((round) => round.decode));
  const stage = Math.min(...rounds.map((round) => round.stage));
  const row = { name, decodeCpuSec: round(decode), stageCpuSec: round(stage), ratio: round(stage / decode) };
  console.log(`${name}: decoding ${row.decodeCpuSec} s, stage ${row.stageCpuSec} s, ${row.ratio}x`);
  return row;
}

const round = (value: number) => Math.round(value * 100) / 100;

// ---------------------------------------------------------------- cost

const costs = [];
const synthetic = path.join(folder, 'synthetic-720p.mp4');
const lively = 'testsrc2=size=1280x720:rate=25,noise=alls=6:allf=t';
await ffmpeg([
  '-f',
  'lavfi',
  '-t',
  '15',
  '-i',
  lively,
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-pix_fmt',
  'yuv420p',
  synthetic,
]);
// The first run starts the thread; it is not what is measured.
await harness.run(synthetic);
costs.push(await compare('synthetic 720p, 15 s', synthetic));
const data = sharedData();
for (const name of data
  ? [
      'autoeditor_example.mp4',
      'big_buck_bunny_0_30.webm',
      'man-on-green-screen.mp4',
      'cockatoo.mp4',
      'art-critic.mp4',
    ]
  : []) {
  costs.push(await compare(name, path.join(data!, 'videos', name)));
}

// ---------------------------------------------------------------- shots

/** Stretches of different real clips, or patterns, joined by cuts or by dissolves of 0.8 s: the boundaries are known. */
async function shotsFound(kind: 'cuts' | 'dissolves', sources: string[][], seconds: number) {
  const file = path.join(folder, `${kind}.mp4`);
  const fade = 0.8;
  const inputs = sources.flatMap((source) => ['-t', String(seconds), ...source]);
  const shaped = sources.map(
    (_, i) =>
      `[${i}:v]fps=25,scale=640:360,setsar=1,format=yuv420p,trim=duration=${seconds},settb=1/25[v${i}]`,
  );
  const truth: number[] = [];
  const joins: string[] = [];
  let last = 'v0';
  for (let i = 1; i < sources.length; i += 1) {
    const out = `j${i}`;
    if (kind === 'cuts') {
      truth.push(i * seconds);
    } else {
      const offset = i * (seconds - fade);
      joins.push(`[${last}][v${i}]xfade=transition=fade:duration=${fade}:offset=${offset}[${out}]`);
      truth.push(offset + fade / 2);
      last = out;
    }
  }
  if (kind === 'cuts') {
    last = 'out';
    joins.push(`${sources.map((_, i) => `[v${i}]`).join('')}concat=n=${sources.length}[out]`);
  }
  const graph = [...shaped, ...joins].join(';');
  await ffmpeg([
    ...inputs,
    '-filter_complex',
    graph,
    '-map',
    `[${last}]`,
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    file,
  ]);
  const outcome = await harness.run(file);
  if (outcome.kind !== 'ok') throw new Error(JSON.stringify(outcome));
  const output = outcome.output as FramesExtracted;
  const found = output.shots.slice(1).map((shot) => shot.startSec);
  const within = kind === 'cuts' ? 0.05 : fade / 2 + 0.2;
  const hits = truth.filter((due) => found.some((at) => Math.abs(at - due) <= within)).length;
  const covered = output.shots.filter((shot) =>
    output.keyFrames.some((frame) => frame.shot === shot.index),
  ).length;
  const row = {
    kind,
    boundaries: truth.length,
    found: hits,
    extra: found.length - hits,
    precision: round(hits / Math.max(1, found.length)),
    recall: round(hits / truth.length),
    shots: output.shots.length,
    shotsWithKeyFrame: covered,
  };
  console.log(row);
  return row;
}

const STEADY = [
  '01_dog.mp4',
  '04_coffee.mp4',
  'chaplin.mp4',
  'mdn_crystal.mp4',
  'mp_hand.mp4',
  'art-critic.mp4',
  'man-on-green-screen.mp4',
  'world.mp4',
  'autoeditor_example.mp4',
  'bottle-detection.mp4',
  'mdn_pig.mp4',
  'mdn_rabbit.webm',
];
const patterns = [
  'testsrc2',
  'smptebars',
  'mandelbrot',
  'rgbtestsrc',
  'testsrc',
  'yuvtestsrc',
  'pal75bars',
].map((source) => [...['-f', 'lavfi', '-i', `${source}=size=640x360:rate=25`]]);
const sources = data ? STEADY.map((name) => ['-i', path.join(data, 'videos', name)]) : patterns;
const shots = [await shotsFound('cuts', sources, 4), await shotsFound('dissolves', sources, 4)];

await harness.close();
rmSync(folder, { recursive: true, force: true });
const at = process.argv.indexOf('--out');
const target =
  at > 0 ? process.argv[at + 1]! : path.join(import.meta.dirname, '../../../bench/results/frames.json');
const { ffmpeg: binary } = (await media.tools()).binaries;
const result = {
  command: 'node workers/frames/bench/frames.ts',
  ffmpeg: binary.version,
  node: process.version,
  realMedia: data !== null,
  costs,
  shots,
};
writeFileSync(target, `${JSON.stringify(result, null, 2)}\n`);
