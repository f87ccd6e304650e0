import type { ModelStore } from '../../models/store.ts';
import { ThreadClient } from '../../threads/client.ts';
import type {
  AnalysedPicture,
  DescribedFace,
  DetectedFace,
  Detection,
  Thoroughness,
  Where,
} from './analyser.ts';
import { DESCRIPTOR_MODEL } from './descriptor-net.ts';
import { DETECTOR_MODEL } from './detector.ts';
import type { FaceThread, FaceThreadInit } from './faces.thread.ts';
import { MESH_MODEL } from './landmarks.ts';

/** Models that shape what the engine says. @public used by a stage, which may be removed */
export const FACE_MODELS = [DETECTOR_MODEL, MESH_MODEL, DESCRIPTOR_MODEL] as const;

export interface AnalyseOptions {
  /** @default 'portrait' */
  thoroughness?: Thoroughness;
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** Faces in pictures. Everything is computed in one worker thread, one call after the other. */
export interface FaceEngine {
  /**
   * Finds and describes the faces of one picture (JPEG, PNG, WebP or GIF; turned upright, shrunk to 1280 pixels).
   * @throws CinedexError MEDIA_CORRUPT when it is no picture; MODEL_MISSING; ABORTED; STAGE_TIMEOUT
   */
  analyse(picture: Uint8Array, options?: AnalyseOptions): Promise<AnalysedPicture>;
  /**
   * Finds faces only, in the picture or near given boxes (in pixels). `key` names the bytes, among all that the
   * engine ever sees: a picture that is described next is not decoded again.
   */
  detect(picture: Uint8Array, key: string | null, where: Where, signal?: AbortSignal): Promise<Detection>;
  /** Describes faces that `detect` found; null for one that the mesh does not confirm. */
  describe(
    picture: Uint8Array,
    key: string | null,
    faces: readonly DetectedFace[],
    signal?: AbortSignal,
  ): Promise<(DescribedFace | null)[]>;
  /** Loads the models. @throws CinedexError MODEL_MISSING */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}

/** A fresh thread after so many pictures: the memory of WebAssembly grows, but never shrinks. */
const CALLS_PER_THREAD = 20_000;

/** The engine of a process: make it once and share it. The thread starts with the first call. */
export function createFaceEngine(models: ModelStore): FaceEngine {
  const init: FaceThreadInit = { modelsFolder: models.folder };
  const thread = new ThreadClient<FaceThread>(new URL('./faces.thread.ts', import.meta.url), init, {
    maxCallsPerThread: CALLS_PER_THREAD,
  });
  return {
    analyse: (picture, { thoroughness = 'portrait', ...options } = {}) =>
      thread.call('analyse', [picture, thoroughness], options),
    detect: (picture, key, where, signal) => thread.call('detect', [picture, key, where], { signal }),
    describe: (picture, key, faces, signal) => thread.call('describe', [picture, key, faces], { signal }),
    warmUp: async () => {
      await thread.call('ready', []);
    },
    close: () => thread.close(),
  };
}
