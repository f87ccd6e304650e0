/** Which transcriber a configuration means on this machine. */
import { createMoonshine, MOONSHINE_MODELS, type MoonshineId } from '../../shared/audio/moonshine.ts';
import type { Transcriber } from '../../shared/audio/transcriber.ts';
import type { ModelStore } from '../../shared/models/store.ts';

export const TRANSCRIBER_CHOICES = ['auto', 'none', 'moonshine-tiny', 'moonshine-base'] as const;
type TranscriberChoice = (typeof TRANSCRIBER_CHOICES)[number];

/**
 * Id of the model to use, or null for none. `auto` takes the best that has been pulled and is content without; a model
 * asked for by name is used whether or not it is there, so that its absence is an error at start.
 */
export function chooseTranscriber(
  choice: TranscriberChoice,
  models: Pick<ModelStore, 'has'>,
): MoonshineId | null {
  if (choice === 'none') return null;
  if (choice !== 'auto') return choice;
  return MOONSHINE_MODELS.findLast((id) => models.has(id)) ?? null;
}

/** @throws CinedexError MODEL_MISSING or MODEL_CORRUPT */
export function createTranscriber(id: MoonshineId, models: ModelStore): Transcriber {
  return createMoonshine(models, id);
}
