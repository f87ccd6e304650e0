/** What questions by example are understood with. Nothing is loaded before somebody asks one. */

import type { AnalysisThread } from '../../shared/audio/analysis/analysis.thread.ts';
import { startAnalysis } from '../../shared/audio/analysis/listen.ts';
import { decodeFingerprint } from '../../shared/audio/fingerprint.ts';
import type { CoreConfig } from '../../shared/config.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { createFaceEngine, type FaceEngine } from '../../shared/faces/engine/engine.ts';
import type { ModelStore } from '../../shared/models/store.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import { ThreadClient } from '../../shared/threads/client.ts';
import { openPicture } from './pictures.ts';
import type { RecordingsThread } from './recordings.thread.ts';
import { longEnough, type PieceOf } from './recordings.ts';
import { clipMedia, type HeardClip, hearClip } from './sounds.ts';

export interface ExampleTools {
  /**
   * Descriptors of the faces in a picture, the largest face first; faces that are too small or turned away have none.
   * @throws CinedexError as {@link openPicture}; MODEL_MISSING; ABORTED
   */
  describeFaces(picture: Uint8Array, signal?: AbortSignal): Promise<Float32Array[]>;
  /** @throws CinedexError as {@link hearClip}; MODEL_MISSING */
  describeSound(clip: Uint8Array, signal?: AbortSignal): Promise<HeardClip>;
  /**
   * Of which recordings a clip is a piece.
   * @param recordings at most so many fingerprints as may be compared while somebody waits: a hundred take about a second
   * @returns one entry a recording, in order; null where the clip is no piece of it, or its fingerprint is gone
   */
  findPieces(
    clip: Uint32Array,
    recordings: readonly BlobRef[],
    signal?: AbortSignal,
  ): Promise<(PieceOf | null)[]>;
  /** Ends what was started. */
  close(): Promise<void>;
}

export interface ExampleServices {
  config: Pick<CoreConfig, 'media'>;
  models: ModelStore;
  artifacts: Pick<ArtifactStore, 'getBlob'>;
  logger?: Logger;
}

const NEVER = new AbortController().signal;
/** Fingerprints read side by side. */
const BLOBS_AT_ONCE = 8;

/** Make it once a process. */
export function createExampleTools({ config, models, artifacts, logger }: ExampleServices): ExampleTools {
  const media = clipMedia(config, logger);
  let faces: FaceEngine | undefined;
  let analysis: ThreadClient<AnalysisThread> | undefined;
  let comparing: ThreadClient<RecordingsThread> | undefined;
  // The analysis hears one recording at a time.
  let hearing: Promise<unknown> = Promise.resolve();

  async function fingerprint(blob: BlobRef): Promise<Uint32Array> {
    try {
      return decodeFingerprint(await artifacts.getBlob(blob));
    } catch (error) {
      // The video may be on its way out; then nobody looks for it.
      if (error instanceof CinedexError && error.code === 'ARTIFACT_MISSING') return new Uint32Array();
      throw error;
    }
  }

  return {
    async describeFaces(picture, signal) {
      const opened = await openPicture(picture);
      faces ??= createFaceEngine(models);
      const found = await faces.analyse(opened, { thoroughness: 'portrait', signal });
      return found.faces
        .sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
        .flatMap(({ descriptor }) => (descriptor ? [descriptor] : []));
    },
    async describeSound(clip, signal = NEVER) {
      const turn = hearing.then(() => {
        signal.throwIfAborted();
        analysis ??= startAnalysis(models);
        return hearClip(clip, media, analysis, signal);
      });
      hearing = turn.catch(() => undefined); // The caller gets the error; the next clip must not.
      return turn;
    },
    async findPieces(clip, recordings, signal) {
      if (!longEnough(clip)) return recordings.map(() => null);
      comparing ??= new ThreadClient<RecordingsThread>(new URL('./recordings.thread.ts', import.meta.url));
      const pieces: (PieceOf | null)[] = [];
      for (let from = 0; from < recordings.length; from += BLOBS_AT_ONCE) {
        const words = await Promise.all(recordings.slice(from, from + BLOBS_AT_ONCE).map(fingerprint));
        pieces.push(...(await comparing.call('piecesOf', [clip, words], { signal })));
      }
      return pieces;
    },
    async close() {
      await Promise.all([faces?.close(), analysis?.close(), comparing?.close()]);
    },
  };
}
