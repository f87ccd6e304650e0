/** Runs the pass, and makes the WebP pictures, all away from the main event loop. */
import { open } from 'node:fs/promises';
import sharp from 'sharp';
import type { VideoTrack } from '../../shared/media/probe.ts';
import { createSafeMedia, type MediaConfig } from '../../shared/media/safe-media.ts';
import type { MediaTools } from '../../shared/media/tools.ts';
import { serve } from '../../shared/threads/serve.ts';
import type { FramesConfig } from './config.ts';
import { choose, type KeyFrameChoice, type PassResult, runPass } from './pass.ts';

export interface FramesJob {
  path: string;
  /** What the probe says. */
  video: VideoTrack;
  durationSec: number | null;
  tools: MediaTools;
  samplesFile: string;
}

export type FramesJobResult =
  | { kind: 'noFrames'; pass: PassResult }
  | {
      kind: 'frames';
      pass: PassResult;
      durationSec: number;
      choice: KeyFrameChoice;
      /** WebP of each key frame, in their order. */
      thumbnails: Uint8Array[];
      poster: Uint8Array;
    };

export interface FramesThread {
  ready(): boolean;
  extract(job: FramesJob): Promise<FramesJobResult>;
}

const THUMBNAIL_WIDTH = 320;
const POSTER_WIDTH = 640;

serve<FramesThread>((init) => {
  const { media: mediaConfig, config } = init as { media: MediaConfig; config: FramesConfig };
  // Ended by ending the thread: the children die with it.
  const signal = new AbortController().signal;
  sharp.concurrency(1);
  sharp.cache(false);
  return {
    ready: () => true,
    async extract({ path, video, durationSec: promised, tools, samplesFile }) {
      const media = createSafeMedia(mediaConfig, undefined, tools);
      const known = promised === null ? null : Math.min(promised, mediaConfig.maxDurationSec);
      const pass = await runPass(media, { path, video, durationSec: known, config, samplesFile }, signal);
      if (pass.samples.length === 0) return { kind: 'noFrames', pass };
      const playedSec = pass.lastSec + (pass.frameSec || 1 / (video.fps || 25));
      const durationSec = pass.damage ? playedSec : Math.max(playedSec, known ?? 0);
      const choice = choose(pass, durationSec, config.longShotSec);
      await using file = await open(samplesFile, 'r');
      const read = async (place: number) => {
        const { offset, length } = pass.samples[place]!;
        return (await file.read(Buffer.alloc(length), 0, length, offset)).buffer;
      };
      const thumbnails: Uint8Array[] = [];
      for (const place of choice.keyFrames)
        thumbnails.push(await webp(await read(place), THUMBNAIL_WIDTH, 72));
      const best = posterOf(choice, pass);
      return {
        kind: 'frames',
        pass,
        durationSec,
        choice,
        thumbnails,
        poster: await webp(await read(best), POSTER_WIDTH, 80),
      };
    },
  };
});

function webp(jpeg: Buffer, width: number, quality: number): Promise<Uint8Array> {
  return sharp(jpeg).resize({ width, withoutEnlargement: true }).webp({ quality, effort: 2 }).toBuffer();
}

/** The key frame with most to see: contrast and detail. */
function posterOf({ keyFrames }: KeyFrameChoice, { samples }: PassResult): number {
  const worth = (place: number) => samples[place]!.deviation * Math.log1p(samples[place]!.sharpness);
  return keyFrames.reduce((best, place) => (worth(place) > worth(best) ? place : best));
}
