/** Which transcriber a configuration means on this machine. */
import { createMoonshine, MOONSHINE_MODELS, type MoonshineId } from '../../shared/audio/moonshine.ts';
import type { Transcriber } from '../../shared/audio/transcriber.ts';
import { createWhisper, WHISPER_MODEL } from '../../shared/audio/whisper.ts';
import type { ModelStore, Profile } from '../../shared/models/store.ts';

export const TRANSCRIBER_CHOICES = ['auto', 'none', 'moonshine-tiny', 'moonshine-base', 'whisper'] as const;
type TranscriberChoice = (typeof TRANSCRIBER_CHOICES)[number];
export type TranscriberId = MoonshineId | typeof WHISPER_MODEL;

/**
 * Id of the model to use, or null for none. `auto` takes the best that has been pulled and is content without: Whisper
 * where the profile is one of pulled models, since it writes Chinese too, else Moonshine. A model asked for by name is
 * used whether or not it is there, so that its absence is an error at start.
 */
export function chooseTranscriber(
  choice: TranscriberChoice,
  models: Pick<ModelStore, 'has'>,
  profile: Profile,
): TranscriberId | null {
  if (choice === 'none') return null;
  if (choice === 'whisper') return WHISPER_MODEL;
  if (choice !== 'auto') return choice;
  if (suggestedTranscriber(profile) === WHISPER_MODEL && models.has(WHISPER_MODEL)) return WHISPER_MODEL;
  return MOONSHINE_MODELS.findLast((id) => models.has(id)) ?? null;
}

/** What to pull where a profile has no transcriber yet. */
export function suggestedTranscriber(profile: Profile): TranscriberId {
  return profile === 'bundled' ? 'moonshine-tiny' : WHISPER_MODEL;
}

/** @throws CinedexError MODEL_MISSING or MODEL_CORRUPT */
export function createTranscriber(id: TranscriberId, models: ModelStore): Transcriber {
  return id === WHISPER_MODEL ? createWhisper(models) : createMoonshine(models, id);
}
