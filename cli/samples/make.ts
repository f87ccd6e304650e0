/** Makes the sample clips: drawn with sharp, encoded with ffmpeg, all from what lies in this folder. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { findBinaries } from '../../shared/media/binaries.ts';
import { sha256File } from '../../shared/models/store.ts';
import type { Upload } from '../library.ts';
import { SAMPLE_CLIPS, type SampleClip, type SampleShot } from './clips.ts';

export { SAMPLE_QUESTIONS } from './clips.ts';

const WIDTH = 854;
const HEIGHT = 480;
const FPS = 25;
/** Tones of each shot, Hz: one after the other, or three at once. */
const SCALE = [262, 330, 392, 440, 523];

const execute = promisify(execFile);

export interface SampleOptions {
  tenant: string;
  onClip?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Makes those clips that are not in the folder yet.
 * @throws CinedexError DEPENDENCY_MISSING without ffmpeg, FFMPEG_FAILED with its last words
 */
export async function makeSamples(
  folder: string,
  binaries: { ffmpegPath: string; ffprobePath: string },
  { tenant, onClip, signal }: SampleOptions,
): Promise<Upload[]> {
  await mkdir(folder, { recursive: true });
  const { ffmpeg } = await findBinaries(binaries);
  const uploads: Upload[] = [];
  for (const [done, clip] of SAMPLE_CLIPS.entries()) {
    onClip?.(done, SAMPLE_CLIPS.length);
    const file = path.join(folder, clip.file);
    if (!existsSync(file)) await makeClip(ffmpeg.path, clip, file, signal);
    const { videoId, source, title, description, tags, language } = clip;
    const media = { uri: pathToFileURL(file).href, sha256: await sha256File(file) };
    uploads.push({ tenant, videoId, source, media, metadata: { title, description, tags, language } });
  }
  onClip?.(SAMPLE_CLIPS.length, SAMPLE_CLIPS.length);
  return uploads;
}

async function makeClip(ffmpeg: string, clip: SampleClip, file: string, signal?: AbortSignal): Promise<void> {
  const scratch = await mkdtemp(`${file}-`);
  try {
    const inputs: string[] = [];
    const graph: string[] = [];
    for (const [i, shot] of clip.shots.entries()) {
      await drawShot(shot, scratch, i);
      const still = (name: string) => [
        '-loop',
        '1',
        '-r',
        String(FPS),
        '-t',
        String(shot.seconds),
        '-i',
        path.join(scratch, name),
      ];
      inputs.push(...still(`${i}-back.png`), ...still(`${i}-mover.png`));
      // A 2018 build must understand it, too.
      const { y, speed } = shot.mover;
      graph.push(
        `[${2 * i}:v][${2 * i + 1}:v]overlay=x='20+t*${speed}':y=${y},setsar=1,format=yuv420p[v${i}]`,
      );
    }
    const shots = clip.shots.length;
    const seconds = clip.shots.reduce((sum, shot) => sum + shot.seconds, 0);
    graph.push(`${clip.shots.map((_, i) => `[v${i}]`).join('')}concat=n=${shots}[v]`);
    const sound = soundOf(clip, 2 * shots, seconds);
    const made = path.join(scratch, 'made.mp4');
    // No text of a user is in this command, and no media of a stranger: it needs no sandbox.
    await execute(
      ffmpeg,
      [
        ...['-hide_banner', '-nostdin', '-v', 'error', '-y', ...inputs, ...sound.inputs],
        ...['-filter_complex', [...graph, ...sound.graph].join(';'), '-map', '[v]'],
        ...(clip.sound ? ['-map', '[a]', '-c:a', 'aac', '-b:a', '96k'] : []),
        ...[
          '-t',
          String(seconds),
          '-c:v',
          'libx264',
          '-preset',
          'veryfast',
          '-crf',
          '23',
          '-movflags',
          '+faststart',
          made,
        ],
      ],
      { signal, maxBuffer: 1 << 20 },
    );
    await rename(made, file);
  } catch (cause) {
    signal?.throwIfAborted();
    const words =
      cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim().slice(-500) : String(cause);
    throw new CinedexError('FFMPEG_FAILED', `The sample ${clip.file} could not be made: ${words}`, { cause });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function drawShot(
  { sky, shapes, mover, caption, captionAt = 0.9 }: SampleShot,
  folder: string,
  index: number,
) {
  const back = `<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="${sky[0]}"/><stop offset="1" stop-color="${sky[1]}"/></linearGradient></defs>
    <rect width="${WIDTH}" height="${HEIGHT}" fill="url(#g)"/>${shapes}`;
  const picture = sharp(svg(WIDTH, HEIGHT, back)).flatten();
  if (caption) {
    const file = path.join(import.meta.dirname, 'captions', `${caption}.png`);
    const { width = 0, height = 0 } = await sharp(file).metadata();
    const top = Math.round(HEIGHT * captionAt - height / 2);
    picture.composite([{ input: file, left: Math.round((WIDTH - width) / 2), top }]);
  }
  await picture.png().toFile(path.join(folder, `${index}-back.png`));
  await writeFile(
    path.join(folder, `${index}-mover.png`),
    await sharp(svg(mover.width, mover.height, mover.svg))
      .png()
      .toBuffer(),
  );
}

function svg(width: number, height: number, content: string): Buffer {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${content}</svg>`,
  );
}

function soundOf(
  { sound, shots }: SampleClip,
  firstInput: number,
  seconds: number,
): { inputs: string[]; graph: string[] } {
  if (sound === null) return { inputs: [], graph: [] };
  if (sound === 'speech') {
    const file = path.join(import.meta.dirname, 'speech.ogg');
    return {
      inputs: ['-i', file],
      graph: [`[${firstInput}:a]aresample=48000,apad,atrim=duration=${seconds}[a]`],
    };
  }
  const tone = (hertz: number, length: number) => [
    '-f',
    'lavfi',
    '-t',
    String(length),
    '-i',
    `sine=frequency=${hertz}:sample_rate=48000`,
  ];
  const voices = sound === 'chords' ? [0, 1, 2] : [0];
  const inputs = shots.flatMap((shot, i) =>
    voices.flatMap((voice) => tone(SCALE[(i + voice) % SCALE.length]!, shot.seconds)),
  );
  const count = voices.length;
  const graph = shots.map((_, i) => {
    const own = voices.map((voice) => `[${firstInput + i * count + voice}:a]`).join('');
    return `${own}${count > 1 ? `amix=inputs=${count}` : 'anull'}[a${i}]`;
  });
  const parts = shots.map((_, i) => `[a${i}]`).join('');
  return { inputs, graph: [...graph, `${parts}concat=n=${shots.length}:v=0:a=1[a]`] };
}
