/**
 * What indexing costs: processor seconds of each stage as a multiple of decoding the same video alone, in one run: as it
 * is by default; with key frames only; and with one picture a second through everything, none of it gated.
 *
 * Usage: node bench/chain.ts [video …]    (720p material; without one a synthetic clip is made)
 * Speech recognition is not part of it (CINEDEX_AUDIO_TRANSCRIBER=none is set here).
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import sharp from 'sharp';
import { z } from 'zod';
import { loadConfig } from '../shared/config.ts';
import { FramesExtracted } from '../shared/contracts/artifacts.ts';
import { launch } from '../shared/media/launcher.ts';
import { createSafeMedia } from '../shared/media/safe-media.ts';
import { cpuSeconds } from '../shared/telemetry/cpu.ts';
import { createLogger } from '../shared/telemetry/logger.ts';
import { createApp } from '../workers/app.ts';
import { type AnyStage, defineStage, ok } from '../workers/runtime/stage.ts';
import { STAGES, stageSections } from '../workers/stages.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'cinedex-chain-'));
const logger = createLogger({ level: 'silent' });
const given = process.argv.slice(2).map((file) => path.resolve(file));
const videos = given.length > 0 ? given : [synthetic(path.join(scratch, 'synthetic.mp4'))];
const roots = [...new Set([...videos.map((file) => path.dirname(file)), scratch])].join(',');

const media = createSafeMedia(configFor('probe').media, logger);
const ffmpeg = (await media.tools()).binaries.ffmpeg.path;
/**
 * A worker runs for days: what its first minutes cost (loading, compiling) is spent on these before anything is measured.
 * After three rounds a stage gets no cheaper that could be told from noise.
 */
const warmUp = [1, 2, 3].flatMap((round) => videos.map((file, i) => excerpt(file, `warm-${round}-${i}.mkv`)));

/**
 * One picture a second through everything: each a key frame and a shot of its own, so that each is searched for faces in
 * all windows, every face in it is described, and it is embedded. With the gate of OCR off each is also looked at whole by
 * the text detector, and every line is read. Models and sizes are those of the default chain; sound and document too.
 */
const everySecond = defineStage(
  {
    ...{ name: 'frames', version: 1, output: FramesExtracted, config: z.object({}), concurrency: 1 },
    ...{ timeoutMs: 3_600_000, retry: { attempts: 1, backoffMs: 1 } },
  },
  async ({ artifacts, media: access }) => ({
    async run(_: unknown, { video, signal }) {
      const opened = await access.open(video.media, signal);
      const pictures: Buffer[] = [];
      let rest = Buffer.alloc(0);
      const filter = "[0:v:0]fps=1,scale='min(1280,iw)':-2[j]";
      await media.run({
        path: opened.path,
        filter,
        signal,
        outputs: [
          {
            fd: 1,
            options: ['-map', '[j]', '-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2pipe'],
            consume: async (chunks) => {
              for await (const chunk of chunks) {
                rest = Buffer.concat([rest, chunk]);
                for (
                  let end = rest.indexOf('\xff\xd9', 0, 'latin1');
                  end >= 0;
                  end = rest.indexOf('\xff\xd9', 0, 'latin1')
                ) {
                  pictures.push(rest.subarray(0, end + 2));
                  rest = rest.subarray(end + 2);
                }
              }
            },
          },
        ],
      });
      const probe = await media.probe(opened.path, signal);
      await opened.release();
      const { width, height } = await sharp(pictures[0]).metadata();
      const keyFrames = [];
      for (const [index, picture] of pictures.entries()) {
        const image = await artifacts.putBlob(picture, 'image/jpeg');
        const thumbnail = await artifacts.putBlob(
          await sharp(picture).resize(320).webp().toBuffer(),
          'image/webp',
        );
        const dhash = index.toString(16).padStart(16, '0');
        keyFrames.push({
          index,
          shot: index,
          timeSec: index,
          image,
          thumbnail,
          width,
          height,
          sharpness: 1,
          dhash,
        });
      }
      return ok({
        media: {
          container: probe.container,
          ...{ durationSec: pictures.length, width, height, rotation: 0, fps: 25, variableFrameRate: false },
          ...{ videoCodec: 'any', audio: null, bytes: opened.bytes },
        },
        shots: keyFrames.map(({ index }) => ({
          index,
          startSec: index,
          endSec: index + 1,
          transition: 'cut' as const,
        })),
        keyFrames,
        samples: { blob: keyFrames[0]!.image, fps: 1, items: [] },
        poster: keyFrames[0]!.thumbnail,
      });
    },
  }),
) as unknown as AnyStage;

function configFor(name: string, overrides: Record<string, Record<string, unknown>> = {}) {
  return loadConfig({}, stageSections(), {
    core: { dataDir: path.join(scratch, name), logLevel: 'silent' },
    media: { roots },
    audio: { transcriber: 'none' },
    ...overrides,
  });
}

/** A minute of moving pictures with cuts, captions that change, and sound. */
function synthetic(file: string, seconds = 60): string {
  const scene = (i: number) => `testsrc2=s=1280x720:r=25:d=${seconds / 6},hue=h=${i * 60}`;
  const inputs = Array.from({ length: 6 }, (_, i) => ['-f', 'lavfi', '-i', scene(i)]).flat();
  const joined = `${Array.from({ length: 6 }, (_, i) => `[${i}:v]`).join('')}concat=n=6:v=1:a=0[v]`;
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
  const codec = [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-crf',
    '23',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ];
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-y',
    ...inputs,
    ...sound,
    '-filter_complex',
    joined,
    '-map',
    '[v]',
    '-map',
    '6:a',
    ...codec,
    file,
  ]);
  return file;
}

/** The first minute of a video as another file of another hash, so that none of its results are re-used. */
function excerpt(video: string, name: string): string {
  const file = path.join(scratch, name);
  const copied = ['-t', '60', '-map', '0:v:0', '-map', '0:a:0?', '-c', 'copy', '-metadata', `title=${name}`];
  execFileSync(ffmpeg, ['-v', 'error', '-nostdin', '-y', '-i', video, ...copied, file]);
  return file;
}

/** Started as the chain starts it: by a small process, so that the size that this one has grown to costs nothing. */
async function decodeAlone(): Promise<{ cpu: number; mediaSec: number }> {
  const { launcher } = await media.tools();
  if (!launcher) throw new Error('There is nothing here that starts ffmpeg cheaply; run this on Linux.');
  let mediaSec = 0;
  const before = cpuSeconds();
  for (const file of videos) {
    const quiet = ['-v', 'error', '-nostdin', '-nostats'];
    const decode = ['-i', file, '-map', '0:v:0', '-f', 'null', '-progress', 'pipe:1', '-'];
    const child = await launch(launcher, { command: ffmpeg, args: [...quiet, ...decode], env: {}, fds: [1] });
    if (!child) throw new Error('ffmpeg was not started.');
    const [told, { code }] = await Promise.all([text(child.pipe(1)), child.closed]);
    if (code !== 0) throw new Error(`ffmpeg ended with code ${code} at ${file}.`);
    mediaSec += Number(/out_time_us=(\d+)\n(?![\s\S]*out_time_us)/.exec(told)?.[1] ?? 0) / 1e6;
  }
  return { cpu: cpuSeconds() - before, mediaSec };
}

interface Way {
  stages: readonly AnyStage[];
  overrides?: Record<string, Record<string, unknown>>;
}

/**
 * Processor seconds of one stage over all videos, in a library in which those before it are done. One video after another,
 * as decoding alone is measured: two at once on two cores slow each other. The upload event counts once, with the first
 * stage, as it comes once; each of the others is driven as it is when the one before it has settled.
 */
async function costOf(place: number, name: string, { stages, overrides }: Way): Promise<number> {
  const app = await createApp(configFor(name, overrides), { stages: stages.slice(0, place + 1), logger });
  await app.start();
  const stage = stages[place]!.name;
  // Of its own: what one way has asked of a file is not known already in the next.
  const folder = path.join(scratch, `${name}-videos`);
  const copies = videos.map((file) => path.join(folder, path.basename(file)));
  mkdirSync(folder, { recursive: true });
  if (place === 0) copies.forEach((copy, i) => void copyFileSync(videos[i]!, copy));
  const index = async (files: readonly string[]) => {
    for (const file of files) {
      const ref = { tenant: 'default', videoId: path.basename(file) };
      const data = {
        ...{ ...ref, source: 'ugc' as const },
        ...{ media: { uri: `file://${file}` }, metadata: { title: path.basename(file) } },
      };
      if (place === 0) await app.publish([{ type: 'video.uploaded.v1' as const, data }]);
      else await app.drive(ref);
      const [video] = await app.settled({ refs: [ref] });
      const { status, error } = video!.steps[stage] ?? {};
      if (!['done', 'partial', 'skipped'].includes(status ?? ''))
        throw new Error(`${ref.videoId}: ${stage} is ${status}: ${error?.message}`);
    }
  };
  await index(warmUp);
  const before = cpuSeconds();
  await index(copies);
  const cpu = cpuSeconds() - before;
  await app.stop();
  return cpu;
}

const sum = (values: Record<string, number>) =>
  Object.values(values).reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => values.reduce((total, value) => total + value, 0) / values.length;
const round = (value: number) => Math.round(value * 100) / 100;

const withoutFrames = STAGES.filter(({ name }) => name !== 'frames');
const WAYS: Record<string, Way> = {
  chain: { stages: STAGES },
  keyFramesOnly: {
    stages: STAGES,
    overrides: { ocr: { sampling: 'keyframes' }, faces: { windowsPerSec: 0.1 } },
  },
  // As often as the next one looks, and gated: what the gates alone save.
  sampledOnceASecond: { stages: STAGES, overrides: { frames: { sampleRate: 1 } } },
  onePictureASecond: {
    stages: [everySecond, ...withoutFrames],
    overrides: { ocr: { sampling: 'keyframes', gate: 'no' } },
  },
};

// Stage by stage in all ways, in one order and then in the other, each stage between two decodings, in whose mean it is
// counted: what else the machine does, and how warm this process has become, then bears on all of them alike.
const decodings = [await decodeAlone()];
const measured = new Map<string, Record<string, number>[]>();
for (const [turn, ways] of [Object.keys(WAYS), Object.keys(WAYS).toReversed()].entries()) {
  for (const way of ways) measured.set(way, [...(measured.get(way) ?? []), {}]);
  for (const [place, { name: stage }] of STAGES.entries()) {
    const costs: Record<string, number> = {};
    for (const way of ways) costs[way] = await costOf(place, `${way}-${turn}`, WAYS[way]!);
    decodings.push(await decodeAlone());
    const decodeCpu = mean(decodings.slice(-2).map(({ cpu }) => cpu));
    for (const way of ways) measured.get(way)![turn]![stage] = costs[way]! / decodeCpu;
  }
}
const totals = (way: string) => measured.get(way)!.map(sum);
const timesDecoding = (way: string) => {
  const stages = Object.keys(measured.get(way)![0]!);
  const ofStage = (stage: string) => round(mean(measured.get(way)!.map((cost) => cost[stage]!)));
  return {
    timesDecoding: Object.fromEntries(stages.map((stage) => [stage, ofStage(stage)])),
    total: round(mean(totals(way))),
    eachTime: totals(way).map(round),
  };
};
const over = (way: string) => ({
  mean: round(mean(totals('onePictureASecond')) / mean(totals(way))),
  eachTime: totals(way).map((total, time) => round(totals('onePictureASecond')[time]! / total)),
});
const result = {
  command: `node bench/chain.ts ${given.map((file) => path.basename(file)).join(' ')}`.trim(),
  videos: videos.map((file) => path.basename(file)),
  mediaSeconds: round(decodings[0]!.mediaSec),
  decodeCpuSeconds: decodings.map(({ cpu }) => round(cpu)),
  ...Object.fromEntries(Object.keys(WAYS).map((way) => [way, timesDecoding(way)])),
  onePictureASecondOver: {
    chain: over('chain'),
    sampledOnceASecond: over('sampledOnceASecond'),
    keyFramesOnly: over('keyFramesOnly'),
  },
};
rmSync(scratch, { recursive: true, force: true });
writeFileSync(new URL('./results/chain.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result, null, 2));
