/** The one ffmpeg pass over a video: shots and candidate pictures, with memory that does not grow with its pictures. */
import { type FileHandle, open } from 'node:fs/promises';
import type { VideoTrack } from '../../shared/media/probe.ts';
import type { SafeMedia } from '../../shared/media/safe-media.ts';
import type { FramesConfig } from './config.ts';
import { filterGraph, storedSize } from './graph.ts';
import { readPackets } from './matroska.ts';
import { isStill, measure, smallGrey } from './picture.ts';
import { type Candidate, chooseKeyFrames, makeShots, shotAt } from './select.ts';
import { type Boundary, ShotDetector } from './shots.ts';

export interface Sample extends Candidate {
  /** Place of its JPEG in the samples file, the small grey picture behind it; shared by samples that show the same. */
  offset: number;
  length: number;
}

export interface PassResult {
  size: { width: number; height: number };
  boundaries: Boundary[];
  samples: Sample[];
  frames: number;
  firstSec: number;
  /** When the last frame begins, and how long a frame is shown (the median). */
  lastSec: number;
  frameSec: number;
  variableFrameRate: boolean;
  /** Last words when decoding ended badly; null when it ran to the end. */
  damage: { code: string; message: string } | null;
  complaints: number;
}

export interface PassRequest {
  path: string;
  video: VideoTrack;
  durationSec: number | null;
  config: FramesConfig;
  /** Where the JPEGs and their small grey pictures go, one after the other. */
  samplesFile: string;
}

const TRACK = { tiny: 1, grey: 2, picture: 3 } as const;

/** @throws CinedexError as SafeMedia.run does */
export async function runPass(
  media: SafeMedia,
  request: PassRequest,
  signal: AbortSignal,
): Promise<PassResult> {
  const { path, video, durationSec, config, samplesFile } = request;
  const { keepTimes, toneMapping } = (await media.tools()).binaries;
  const size = storedSize(video, config.maxWidth);
  const intervalSec = Math.max(1 / config.sampleRate, (durationSec ?? 0) / config.maxSamples);
  const clock = new FrameClock();
  const detector = new ShotDetector();
  await using file = await open(samplesFile, 'w');
  const writer = new SampleWriter(file);
  const greys: Buffer[] = [];
  const result = await media.run({
    path,
    signal,
    tolerateDamage: true,
    // Detection needs no upright pictures; candidates are turned after they have been scaled down.
    inputOptions: ['-noautorotate'],
    filter: filterGraph({ video, size, intervalSec, toneMapping }),
    outputs: [
      {
        fd: 1,
        options: [
          ...['-map', '[tiny]', '-map', '[grey]', '-map', '[picture]', ...keepTimes],
          ...[
            '-c:v:0',
            'rawvideo',
            '-c:v:1',
            'rawvideo',
            '-c:v:2',
            'mjpeg',
            '-q:v:2',
            String(config.jpegQuality),
          ],
          // A checksum of every picture costs time, and the pipe loses nothing.
          ...['-allow_raw_vfw', '1', '-write_crc32', '0', '-f', 'matroska'],
        ],
        async consume(chunks) {
          for await (const { track, timeSec, data } of readPackets(chunks)) {
            if (track === TRACK.tiny) {
              clock.tick(timeSec);
              detector.push(timeSec, new Uint8Array(data));
            } else if (track === TRACK.grey) greys.push(data);
            else if (track === TRACK.picture) await writer.add(timeSec, data, greys.shift()!);
          }
        },
      },
    ],
  });
  const boundaries = detector.finish();
  return {
    size,
    boundaries,
    samples: writer.samples,
    ...clock.summary(),
    damage: result.damage && { code: result.damage.code, message: result.damage.message },
    complaints: result.complaintCount,
  };
}

/** Appends pictures to the file; one that shows the same as the last stored one only refers to it. */
class SampleWriter {
  readonly samples: Sample[] = [];
  readonly #file: FileHandle;
  #end = 0;
  #stored: Buffer | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async add(timeSec: number, jpeg: Buffer, grey: Buffer): Promise<void> {
    const last = this.samples.at(-1);
    if (last && this.#stored && isStill(this.#stored, grey)) {
      this.samples.push({ ...last, timeSec });
      return;
    }
    const both = Buffer.concat([jpeg, smallGrey(grey)]);
    await this.#file.write(both, 0, both.length, this.#end);
    this.samples.push({ timeSec, offset: this.#end, length: jpeg.length, ...measure(grey) });
    this.#end += both.length;
    this.#stored = grey;
  }
}

/** Counts frames and the times between them, in a histogram of milliseconds. */
class FrameClock {
  #frames = 0;
  #first = 0;
  #last = 0;
  readonly #gaps = new Map<number, number>();

  tick(timeSec: number): void {
    if (this.#frames === 0) this.#first = timeSec;
    else {
      const gap = Math.round((timeSec - this.#last) * 1_000);
      this.#gaps.set(gap, (this.#gaps.get(gap) ?? 0) + 1);
    }
    this.#frames += 1;
    this.#last = Math.max(this.#last, timeSec);
  }

  summary(): Pick<PassResult, 'frames' | 'firstSec' | 'lastSec' | 'frameSec' | 'variableFrameRate'> {
    const gaps = [...this.#gaps].sort(([a], [b]) => a - b);
    const total = this.#frames - 1;
    let seen = 0;
    const median = gaps.find(([, count]) => {
      seen += count;
      return seen * 2 >= total;
    })?.[0];
    const typical = median ?? 0;
    // Clocks in whole milliseconds wobble by one or two.
    const odd = gaps.reduce(
      (sum, [gap, count]) => sum + (Math.abs(gap - typical) > 2 + typical * 0.2 ? count : 0),
      0,
    );
    return {
      frames: this.#frames,
      firstSec: this.#first,
      lastSec: this.#last,
      frameSec: typical / 1_000,
      variableFrameRate: total > 0 && odd / total > 0.03,
    };
  }
}

export interface KeyFrameChoice {
  shots: ReturnType<typeof makeShots>;
  /** Places in `samples`. */
  keyFrames: number[];
  /** Shot of each sample. */
  sampleShots: number[];
}

/** From the pass to shots and key frames. Pure. */
export function choose(pass: PassResult, durationSec: number, longShotSec: number): KeyFrameChoice {
  const shots = makeShots(pass.boundaries, pass.samples, durationSec);
  return {
    shots,
    keyFrames: chooseKeyFrames(shots, pass.samples, longShotSec),
    sampleShots: pass.samples.map(({ timeSec }) => shotAt(shots, timeSec)),
  };
}
