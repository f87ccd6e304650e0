/** The encoders of a process: one copy of each model, shared by the stages and the search. */
import type { CoreConfig } from '../config.ts';
import type { Encoders, MultimodalEncoder, TextEncoder } from '../ports/encoders.ts';
import { BundledMultimodalEncoder, OBJECT_MODEL, SAFETY_MODEL } from './bundled-multimodal.ts';
import { BUNDLED_TEXT_MODELS, BundledTextEncoder } from './bundled-text.ts';
import {
  PULLED_MULTIMODAL,
  PULLED_TEXT,
  PulledMultimodalEncoder,
  PulledTextEncoder,
} from './pulled-encoders.ts';
import type { ModelStore, Profile } from './store.ts';

/** Ids of the models behind the text encoder of a profile. */
export function textModels(profile: Profile): string[] {
  return profile === 'bundled' ? [...BUNDLED_TEXT_MODELS] : [PULLED_TEXT[profile].id];
}

/** Ids of the models that shape picture vectors, labels and the safety signal of a profile. */
export function multimodalModels(profile: Profile): string[] {
  const seeing = [OBJECT_MODEL, SAFETY_MODEL];
  return profile === 'bundled'
    ? [...seeing, ...BUNDLED_TEXT_MODELS]
    : [PULLED_MULTIMODAL[profile].id, ...seeing];
}

/**
 * Encoders are made at first use and load their weights at first call or at `warmUp`.
 * @throws CinedexError MODEL_MISSING from an encoder whose weights have not been pulled
 */
export function createEncoders(
  { core: { profile } }: Pick<CoreConfig, 'core'>,
  models: ModelStore,
): Encoders {
  let textEncoder: TextEncoder | undefined;
  let multimodalEncoder: MultimodalEncoder | undefined;
  const text = () => {
    textEncoder ??=
      profile === 'bundled' ? new BundledTextEncoder(models) : new PulledTextEncoder(models, profile);
    return textEncoder;
  };
  return {
    text,
    multimodal: () => {
      multimodalEncoder ??=
        profile === 'bundled'
          ? new BundledMultimodalEncoder(models, text())
          : new PulledMultimodalEncoder(models, profile);
      return multimodalEncoder;
    },
    close: async () => {
      await Promise.all([textEncoder?.close(), multimodalEncoder?.close()]);
    },
  };
}
