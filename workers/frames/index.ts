/** The frames stage: shots, key frames, and evenly spaced pictures of a video. */
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { FramesExtracted, type MediaInfo } from '../../shared/contracts/artifacts.ts';
import { type ErrorCode, toCinedexError } from '../../shared/contracts/errors.ts';
import type { ProbeResult } from '../../shared/media/probe.ts';
import { createSafeMedia } from '../../shared/media/safe-media.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { OpenedMedia } from '../../shared/ports/media-access.ts';
import { ThreadClient } from '../../shared/threads/client.ts';
import { defineStage, type Outcome, ok, partial, reject, type StageContext } from '../runtime/stage.ts';
import { FramesConfig } from './config.ts';
import type { FramesJob, FramesJobResult, FramesThread } from './frames.thread.ts';

const CONCURRENCY = 2;
const JPEG = 'image/jpeg';
const WEBP = 'image/webp';

type Extracted = Extract<FramesJobResult, { kind: 'frames' }>;

export const frames = defineStage(
  {
    name: 'frames',
    version: 2,
    output: FramesExtracted,
    config: FramesConfig,
    keyConfig: (config) => config,
    concurrency: CONCURRENCY,
    timeoutMs: 3_600_000,
    retry: { attempts: 4, backoffMs: 2_000 },
  },
  async (services, config) => {
    const media = createSafeMedia(services.core.media, services.logger);
    const threads = Array.from(
      { length: CONCURRENCY },
      () =>
        new ThreadClient<FramesThread>(new URL('./frames.thread.ts', import.meta.url), {
          media: services.core.media,
          config,
        }),
    );
    const idle = [...threads];
    const workFolder = path.join(services.core.core.dataDir, 'tmp', 'frames');
    await rm(workFolder, { recursive: true, force: true });

    async function extract(
      source: string,
      folder: string,
      context: StageContext,
    ): Promise<Outcome<FramesExtracted>> {
      const { signal } = context;
      const probe = await media.probe(source, signal);
      const { video, durationSec } = probe;
      if (!video) return reject('MEDIA_NO_VIDEO', 'The file has no video track.');
      const tools = await media.tools();
      const samplesFile = path.join(folder, 'samples.mjpeg');
      const thread = idle.pop() ?? threads[0]!;
      let result: FramesJobResult;
      try {
        const job: FramesJob = { path: source, video, durationSec, tools, samplesFile };
        result = await thread.call('extract', [job], { signal });
      } finally {
        if (!idle.includes(thread)) idle.push(thread);
      }
      if (result.kind === 'noFrames') {
        const why = result.pass.damage?.message ?? 'Not one picture could be decoded.';
        return reject((result.pass.damage?.code as ErrorCode | undefined) ?? 'MEDIA_CORRUPT', why);
      }
      context.note({
        mediaSec: result.durationSec,
        frames: result.pass.frames,
        shots: result.choice.shots.length,
        keyFrames: result.choice.keyFrames.length,
        samples: result.pass.samples.length,
        decodeComplaints: result.pass.complaints,
      });
      const output = await store(services.artifacts, probe, result, samplesFile, config);
      const missing = missingPart(probe, result);
      return missing ? partial(output, [missing]) : ok(output);
    }

    return {
      async warmUp() {
        const { ffmpeg, ffprobe } = (await media.tools()).binaries;
        services.logger.info({ ffmpeg, ffprobe }, 'ffmpeg found');
        await Promise.all(threads.map((thread) => thread.call('ready', [])));
      },
      async run(_input, context) {
        let opened: OpenedMedia | undefined;
        try {
          opened = await services.media.open(context.video.media, context.signal);
          await mkdir(workFolder, { recursive: true });
          const folder = await mkdtemp(path.join(workFolder, 'job-'));
          try {
            return await extract(opened.path, folder, context);
          } finally {
            await rm(folder, { recursive: true, force: true });
          }
        } catch (error) {
          const failure = toCinedexError(error);
          // What is wrong with the media itself stays wrong.
          const isAboutMedia = failure.code.startsWith('MEDIA_') || failure.code === 'URI_NOT_ALLOWED';
          if (isAboutMedia && !failure.retryable) return reject(failure.code, failure.message);
          throw failure;
        } finally {
          await opened?.release();
        }
      },
      async close() {
        await Promise.all(threads.map((thread) => thread.close()));
      },
    };
  },
);

async function store(
  artifacts: ArtifactStore,
  probe: ProbeResult,
  result: Extracted,
  samplesFile: string,
  config: FramesConfig,
): Promise<FramesExtracted> {
  const { pass, choice, thumbnails } = result;
  await using file = await open(samplesFile, 'r');
  const keyFrames: FramesExtracted['keyFrames'] = [];
  for (const [index, place] of choice.keyFrames.entries()) {
    const { timeSec, offset, length, sharpness, dhash } = pass.samples[place]!;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
    keyFrames.push({
      index,
      shot: choice.sampleShots[place]!,
      timeSec,
      image: await artifacts.putBlob(buffer, JPEG),
      thumbnail: await artifacts.putBlob(thumbnails[index]!, WEBP),
      ...pass.size,
      sharpness,
      dhash,
    });
  }
  return {
    media: mediaInfo(probe, result),
    shots: choice.shots.map(({ index, startSec, endSec, transition }) => ({
      index,
      startSec,
      endSec,
      transition,
    })),
    keyFrames,
    samples: {
      blob: await artifacts.putFile(samplesFile, JPEG),
      fps: config.sampleRate,
      items: pass.samples.map(({ timeSec, offset, length }, i) => ({
        timeSec,
        shot: choice.sampleShots[i]!,
        offset,
        length,
      })),
    },
    poster: await artifacts.putBlob(result.poster, WEBP),
  };
}

function mediaInfo(probe: ProbeResult, { pass, durationSec }: Extracted): MediaInfo {
  const video = probe.video!;
  const measured = pass.frames > 1 ? (pass.frames - 1) / Math.max(0.001, pass.lastSec - pass.firstSec) : 0;
  return {
    container: probe.container,
    durationSec,
    width: video.width,
    height: video.height,
    rotation: video.rotation,
    // A header's rate is exact where it is true; where it is not, the times tell.
    fps: Math.abs(measured - video.fps) < 0.05 * measured || measured === 0 ? video.fps || 25 : measured,
    variableFrameRate: pass.variableFrameRate,
    videoCodec: video.codec,
    audio: probe.audio && {
      codec: probe.audio.codec,
      sampleRate: probe.audio.sampleRate,
      channels: probe.audio.channels,
    },
    bytes: probe.bytes,
  };
}

/** What of the video could not be read, if anything. */
function missingPart(probe: ProbeResult, { pass }: Extracted): string | null {
  const promised = probe.video!.durationSec ?? (probe.audio ? null : probe.durationSec);
  const isShort = promised !== null && pass.lastSec + pass.frameSec < promised - Math.max(1, promised * 0.05);
  if (!pass.damage && !(isShort && pass.complaints > 0)) return null;
  return `pictures after ${pass.lastSec.toFixed(1)} s`;
}
