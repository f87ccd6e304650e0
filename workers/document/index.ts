/** document: joins what the other stages found into points of the index. */
import { z } from 'zod';
import { whole } from '../../shared/config-values.ts';
import {
  AudioAnalyzed,
  DocumentIndexed,
  FacesRecognized,
  FramesExtracted,
  PicturesEmbedded,
  TextRecognized,
} from '../../shared/contracts/artifacts.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import { textModels } from '../../shared/models/encoders.ts';
import { defineStage } from '../runtime/stage.ts';
import { createDocument, DOCUMENT_VERSION } from './handler.ts';

export const document = defineStage(
  {
    name: 'document',
    version: DOCUMENT_VERSION,
    // None is required: a video whose speech failed is found by its pictures. (Without frames it is not indexed, but what
    // an earlier upload left in the index has to be taken out.)
    joins: {
      frames: FramesExtracted,
      ocr: TextRecognized,
      faces: FacesRecognized,
      audio: AudioAnalyzed,
      embedding: PicturesEmbedded,
    },
    output: DocumentIndexed,
    config: z.object({
      keywords: whole(0, 200).default(20).describe('Key words and phrases kept of a video'),
    }),
    models: (_config, core) => textModels(core.core.profile),
    keyConfig: (config) => config,
    // The revision too: when a title changes and changes back, the older artifact is there, but the points are not.
    keyInputs: ({ revision, source, metadata, interactions, galleryRevision }) => ({
      ...{ revision, source, metadata, galleryRevision },
      interactions: interactions ?? null,
    }),
    announce: ({ generation, revision, points, missing }, { tenant, videoId }) => [
      {
        topic: TOPICS.indexed,
        event: { type: 'video.indexed.v1', data: { tenant, videoId, revision, generation, points, missing } },
      },
    ],
    concurrency: 2,
    timeoutMs: 300_000,
    retry: { attempts: 4, backoffMs: 2_000 },
  },
  createDocument,
);
