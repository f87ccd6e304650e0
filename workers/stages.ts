/** The stages of the pipeline. A line here and a folder beside it: that is all a stage is. */
import type { z } from 'zod';
import { audio } from './audio/index.ts';
import { document } from './document/index.ts';
import { embedding } from './embedding/index.ts';
import { faces } from './faces/index.ts';
import { frames } from './frames/index.ts';
import { ocr } from './ocr/index.ts';
import type { AnyStage } from './runtime/stage.ts';

export const STAGES: readonly AnyStage[] = [
  // One a line.
  frames,
  ocr,
  faces,
  audio,
  embedding,
  document,
];

/** Configuration sections of stages, by stage name, as `loadConfig` wants them. */
export function stageSections(stages: readonly AnyStage[] = STAGES): Record<string, z.ZodObject> {
  return Object.fromEntries(stages.map((stage) => [stage.name, stage.config]));
}
