import { z } from 'zod';
import { whole } from '../../shared/config-values.ts';

export const FramesConfig = z.object({
  sampleRate: z.coerce
    .number()
    .min(0.2)
    .max(10)
    .default(2)
    .describe('Pictures a second kept for captions and faces'),
  maxSamples: whole(10, 10 ** 6)
    .default(10_800)
    .describe('Most such pictures of one video; a longer one is sampled more thinly'),
  maxWidth: whole(64, 1_280).default(1_280).describe('Longest side of a stored picture, pixels'),
  jpegQuality: whole(2, 15).default(3).describe('ffmpeg’s JPEG scale of stored pictures; lower is better'),
  longShotSec: whole(2, 600).default(10).describe('Seconds of a long shot for each of its key frames'),
});
export type FramesConfig = z.infer<typeof FramesConfig>;
