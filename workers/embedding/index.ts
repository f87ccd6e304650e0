/** Key frames as vectors in the space that texts share, with what is seen in them and whether it is explicit. */
import { z } from 'zod';
import { whole } from '../../shared/config-values.ts';
import { FramesExtracted, type KeyFrame, PicturesEmbedded } from '../../shared/contracts/artifacts.ts';
import { multimodalModels } from '../../shared/models/encoders.ts';
import type { EmbeddedPicture } from '../../shared/ports/encoders.ts';
import { defineStage, ok, type Services, type StageContext } from '../runtime/stage.ts';

export const embedding = defineStage(
  {
    name: 'embedding',
    version: 1,
    requires: { frames: FramesExtracted },
    output: PicturesEmbedded,
    config: z.object({
      batchSize: whole(1, 256).default(8).describe('Key frames encoded in one batch'),
    }),
    models: (_config, core) => multimodalModels(core.core.profile),
    concurrency: 2,
    timeoutMs: 900_000,
    retry: { attempts: 4, backoffMs: 2_000 },
  },
  async (services, config) => ({
    run: async ({ frames }, context) => {
      const pictures = await embedAll(frames.keyFrames, services, config.batchSize, context);
      const { space } = services.encoders.multimodal();
      const vectors = await services.artifacts.putBlob(
        joinVectors(pictures, space.dimensions),
        'application/octet-stream',
      );
      const explicit = pictures.map((picture) => picture.explicit).filter((value) => value !== null);
      context.note({ pictures: pictures.length });
      return ok({
        space,
        frames: frames.keyFrames.map((keyFrame, row) => ({
          keyFrame: keyFrame.index,
          shot: keyFrame.shot,
          timeSec: keyFrame.timeSec,
          labels: pictures[row]!.labels,
        })),
        vectors: { blob: vectors, rows: pictures.length, dimensions: space.dimensions },
        safety: explicit.length > 0 ? { explicit: Math.max(...explicit) } : null,
      });
    },
    warmUp: () => services.encoders.multimodal().warmUp(),
  }),
);

/** A few pictures at a time, so that a long video does not hold all of its key frames in memory. */
async function embedAll(
  keyFrames: KeyFrame[],
  { artifacts, encoders }: Services,
  batchSize: number,
  { signal }: StageContext,
): Promise<EmbeddedPicture[]> {
  const embedded: EmbeddedPicture[] = [];
  for (let start = 0; start < keyFrames.length; start += batchSize) {
    signal.throwIfAborted();
    const batch = keyFrames.slice(start, start + batchSize);
    const images = await Promise.all(batch.map(({ image }) => artifacts.getBlob(image)));
    embedded.push(...(await encoders.multimodal().encodePictures(images, { signal })));
  }
  return embedded;
}

/** Rows x dimensions float32, little endian. */
function joinVectors(pictures: EmbeddedPicture[], dimensions: number): Uint8Array {
  const bytes = Buffer.alloc(pictures.length * dimensions * 4);
  for (const [row, { vector }] of pictures.entries()) {
    for (let axis = 0; axis < dimensions; axis++)
      bytes.writeFloatLE(vector[axis]!, (row * dimensions + axis) * 4);
  }
  return bytes;
}
