/** All of the stage's computing: decoding pictures, following lines, running the nets. */
import { CinedexError } from '../../shared/contracts/errors.ts';
import { serve } from '../../shared/threads/serve.ts';
import { type Pyramid, pyramidOf } from './engine/crop.ts';
import { type EngineFiles, openEngine } from './engine/engine.ts';
import { decodePicture } from './engine/picture.ts';
import type { EngineName } from './engine/types.ts';
import type { Signature } from './tracking/signature.ts';
import type { Survey } from './tracking/survey.ts';
import { type Eye, type Sighting, TextTracker, type TrackedLine } from './tracking/tracker.ts';
import { visionEye } from './tracking/vision.ts';

export interface OcrThreadInit {
  engine: EngineName;
  files: EngineFiles;
  detectionSize: number;
}

export interface FollowedText {
  lines: TrackedLine[];
  looked: number;
  detected: number;
  recognised: number;
}

/** A session follows one video. Sessions that nobody finishes any more (their step was aborted) are dropped. */
const MAX_SESSIONS = 16;

/** Detects and reads on every picture: what following lines saves is measured against it. */
function withoutGate<P, S, L>(eye: Eye<P, S, L>): Eye<P, S, L> {
  return { ...eye, inspect: () => ({ kind: 'whole' }), stillThere: () => false };
}

async function create(init: unknown) {
  const { engine, files, detectionSize } = init as OcrThreadInit;
  const missing = (what: string) => new CinedexError('MODEL_MISSING', `The files of "${what}" are missing.`);
  const { detector, recogniser } = await openEngine(engine, files, detectionSize, missing);
  const eye = visionEye(detector, recogniser);
  const sessions = new Map<string, TextTracker<Pyramid, Signature, Survey>>();
  return {
    ready: (): EngineName => recogniser.engine,
    begin(session: string, minConfidence: number, gate: boolean): void {
      for (const oldest of sessions.keys()) {
        if (sessions.size < MAX_SESSIONS) break;
        sessions.delete(oldest);
      }
      sessions.set(
        session,
        new TextTracker(gate ? eye : withoutGate(eye), {
          minConfidence: minConfidence * recogniser.confidenceScale,
        }),
      );
    },
    async see(session: string, bytes: Uint8Array, sighting: Sighting): Promise<void> {
      const tracker = sessions.get(session);
      // The thread that began the session died, and with it what was followed.
      if (!tracker)
        throw new CinedexError('WORKER_CRASHED', 'The thread was renewed in the middle of a video.');
      await tracker.see(pyramidOf(await decodePicture(bytes)), sighting);
    },
    finish(session: string): FollowedText {
      const tracker = sessions.get(session);
      if (!tracker)
        throw new CinedexError('WORKER_CRASHED', 'The thread was renewed in the middle of a video.');
      sessions.delete(session);
      const { looked, detected, recognised } = tracker;
      return { lines: tracker.finish(), looked, detected, recognised };
    },
    drop(session: string): void {
      sessions.delete(session);
    },
  };
}
export type OcrThread = Awaited<ReturnType<typeof create>>;

serve(create);
