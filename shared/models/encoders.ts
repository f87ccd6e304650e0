/** The encoders of a process: one copy of each model, shared by the stages and the search. */
import type { CoreConfig } from '../config.ts';
import type { Encoders, MultimodalEncoder, TextEncoder } from '../ports/encoders.ts';
import { BundledMultimodalEncoder, OBJECT_MODEL, SAFETY_MODEL } from './bundled-multimodal.ts';
import { BUNDLED_TEXT_MODELS, BundledTextEncoder } from './bundled-text.ts';
import type { ModelStore, Profile } from './store.ts';

/** Ids of the models behind the text encoder of a profile. */
export function textModels(_profile: Profile): string[] {
  return [...BUNDLED_TEXT_MODELS];
}

/** Ids of the models that shape picture vectors, labels and the safety signal of a profile. */
export function multimodalModels(profile: Profile): string[] {
  return [OBJECT_MODEL, SAFETY_MODEL, ...textModels(profile)];
}

/**
 * Encoders are made at first use and load their weights at first call or at `warmUp`.
 * @throws CinedexError MODEL_MISSING from an encoder whose weights have not been pulled
 */
export function createEncoders(_config: Pick<CoreConfig, 'core'>, models: ModelStore): Encoders {
  let textEncoder: TextEncoder | undefined;
  let multimodalEncoder: MultimodalEncoder | undefined;
  const text = () => {
    textEncoder ??= new BundledTextEncoder(models);
    return textEncoder;
  };
  return {
    text,
    multimodal: () => {
      multimodalEncoder ??= new BundledMultimodalEncoder(models, text());
      return multimodalEncoder;
    },
    close: async () => {
      await Promise.all([textEncoder?.close(), multimodalEncoder?.close()]);
    },
  };
}
