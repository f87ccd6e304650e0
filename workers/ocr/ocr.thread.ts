/** All of the stage's computing: decoding pictures, following lines, running the nets. */
import { CinedexError } from '../../shared/contracts/errors.ts';
import { serve } from '../../shared/threads/serve.ts';
import { type Pyramid, pyramidOf } from './engine/crop.ts';
import { type EngineFiles, openEngine } from './engine/engine.ts';
import { decodePicture } from './engine/picture.ts';
import type { EngineName } from './engine/types.ts';
import type { OcrConfig } from './index.ts';
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

export type Following = Pick<OcrConfig, 'minConfidence' | 'gate' | 'calmSec'>;

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
    begin(session: string, { minConfidence, gate, calmSec }: Following): void {
      for (const oldest of sessions.keys()) {
        if (sessions.size < MAX_SESSIONS) break;
        sessions.delete(oldest);
      }
      sessions.set(
        session,
        new TextTracker(gate ? eye : withoutGate(eye), {
          minConfidence: minConfidence * recogniser.confidenceScale,
          calmSec: gate ? calmSec : 0,
        }),
      );
    },
    async see(session: string, bytes: Uint8Array, sighting: Sighting): Promise<void> {
      const tracker = sessions.get(session);
      // The thread that began the session died, and with it what was followed.
      if (!tracker)
        throw new CinedexError('WORKER_CRASHED', 'The thread was renewed in the middle of a video.');
      await tracker.see(sighting, async () => pyramidOf(await decodePicture(bytes)));
    },
    async finish(session: string): Promise<FollowedText> {
      const tracker = sessions.get(session);
      if (!tracker)
        throw new CinedexError('WORKER_CRASHED', 'The thread was renewed in the middle of a video.');
      sessions.delete(session);
      const lines = await tracker.finish();
      const { looked, detected, recognised } = tracker;
      return { lines, looked, detected, recognised };
    },
    drop(session: string): void {
      sessions.delete(session);
    },
  };
}
export type OcrThread = Awaited<ReturnType<typeof create>>;

serve(create);
