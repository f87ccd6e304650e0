/** Which generation of the index this process writes to, made by the models it runs with. */
import { AUDIO_SPACE } from '../../shared/audio/embedding-space.ts';
import { collectionSchemas, generationName, type IndexModels } from '../../shared/index/schema.ts';
import type { Services } from '../runtime/stage.ts';

const FACE_MODEL = 'face-descriptor-dlib';

export function indexModels({ encoders, models }: Pick<Services, 'encoders' | 'models'>): IndexModels {
  const text = encoders.text();
  const { space } = encoders.multimodal();
  return {
    text: { id: text.id, dimensions: text.dimensions },
    multimodal: { id: space.id, dimensions: space.dimensions },
    face: { id: models.version(FACE_MODEL), dimensions: models.manifest(FACE_MODEL).dimensions ?? 128 },
    audio: AUDIO_SPACE,
  };
}

/**
 * Makes the generation where it is missing. The first one becomes the one that searches see; a later one is built beside
 * it and is switched to once it is whole, which is not a stage's business.
 */
export async function openGeneration(services: Services): Promise<string> {
  const { index, logger } = services;
  const models = indexModels(services);
  const generation = generationName(models);
  await index.ensureGeneration(generation, collectionSchemas(models));
  const active = await index.active();
  if (active === null) await index.activate(generation);
  else if (active !== generation) {
    logger.warn({ active, generation }, 'videos are indexed in a generation that searches do not see yet');
  }
  return generation;
}
