/** The generation of the index that a process with these models writes to. */
import { AUDIO_SPACE } from '../audio/embedding-space.ts';
import type { ModelStore } from '../models/store.ts';
import type { Encoders } from '../ports/encoders.ts';
import { generationName, type IndexModels } from './schema.ts';

const FACE_MODEL = 'face-descriptor-dlib';

export interface ModelsInUse {
  encoders: Encoders;
  models: Pick<ModelStore, 'version' | 'manifest'>;
}

export function indexModels({ encoders, models }: ModelsInUse): IndexModels {
  const text = encoders.text();
  const { space } = encoders.multimodal();
  return {
    text: { id: text.id, dimensions: text.dimensions },
    multimodal: { id: space.id, dimensions: space.dimensions },
    face: { id: models.version(FACE_MODEL), dimensions: models.manifest(FACE_MODEL).dimensions ?? 128 },
    audio: AUDIO_SPACE,
  };
}

export function presentGeneration(inUse: ModelsInUse): string {
  return generationName(indexModels(inUse));
}
