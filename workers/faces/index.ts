/**
 * The faces stage: who is on the screen, where and when. It says which tracks are the same person within the video; who
 * that person is across videos is decided against the gallery when the document is made.
 */
import { setImmediate } from 'node:timers/promises';
import sharp from 'sharp';
import { z } from 'zod';
import { whole } from '../../shared/config-values.ts';
import { FacesRecognized, type FaceTrack, FramesExtracted } from '../../shared/contracts/artifacts.ts';
import type { BlobRef, VectorBlob } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { DESCRIPTOR_DIMENSIONS } from '../../shared/faces/descriptor.ts';
import { createFaceEngine, FACE_MODELS, type FaceEngine } from '../../shared/faces/engine/engine.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import { defineStage, ok, partial, type StageContext } from '../runtime/stage.ts';
import { type Cluster, clusterTracks } from './clusters.ts';
import { Allowance, type PictureRef, picturesByShot } from './plan.ts';
import { FaceRecogniser, type RecognisedTrack, type View } from './recognise.ts';

export const FacesConfig = z.object({
  windowsPerSec: z.coerce
    .number()
    .min(0.1)
    .max(100)
    .default(3)
    .describe('Detector windows (~15 ms each) that may be spent on a second of video'),
  viewsPerTrack: whole(1, 20).default(3).describe('Views of a face in a shot that are described'),
});
export type FacesConfig = z.infer<typeof FacesConfig>;

/** Windows that may be spent before the first second: about one thorough look. */
const START_ALLOWANCE = 20;
const THUMBNAIL_SIDE = 160;
/** The thumbnail shows the head, not only the face. */
const THUMBNAIL_MARGIN = 0.35;

export const faces = defineStage(
  {
    name: 'faces',
    version: 6,
    requires: { frames: FramesExtracted },
    output: FacesRecognized,
    config: FacesConfig,
    keyConfig: (config) => config,
    models: () => [...FACE_MODELS],
    concurrency: 1,
    timeoutMs: 1_800_000,
    retry: { attempts: 4, backoffMs: 2_000 },
  },
  async ({ artifacts, models }, config) => {
    const engine = createFaceEngine(models);
    return {
      run: ({ frames }, context) => recogniseVideo(engine, artifacts, frames, config, context),
      warmUp: () => engine.warmUp(),
      close: () => engine.close(),
    };
  },
);

/** Recognises the faces of a video from what the frames stage left. */
export async function recogniseVideo(
  engine: Pick<FaceEngine, 'detect' | 'describe'>,
  artifacts: ArtifactStore,
  frames: FramesExtracted,
  config: FacesConfig,
  { signal, note }: Pick<StageContext, 'signal' | 'note'>,
) {
  const load = (picture: PictureRef) => loadPicture(artifacts, frames, picture);
  const recogniser = new FaceRecogniser({
    engine,
    load,
    allowance: new Allowance(config.windowsPerSec, START_ALLOWANCE),
    viewsPerTrack: config.viewsPerTrack,
    signal,
  });
  const found: RecognisedTrack[] = [];
  const tracks: FaceTrack[] = [];
  for (const shot of picturesByShot(frames)) {
    if (signal.aborted) throw new CinedexError('ABORTED', 'Looking for faces was stopped.');
    for (const track of await recogniser.shot(shot)) {
      const id = found.push(track) - 1;
      tracks.push(
        toFaceTrack(id, track, await thumbnail(artifacts, await load(track.best.picture), track.best)),
      );
    }
  }
  // Grouping is arithmetic of milliseconds for hundreds of tracks; heartbeats pass before it.
  await setImmediate();
  const { clusters, descriptors } = await groupPeople(artifacts, found, tracks);
  note({ facesTracks: tracks.length, facesPeople: clusters.length, facesLooked: recogniser.looked });
  const output: FacesRecognized = { tracks, clusters, descriptors, looked: recogniser.looked };
  return recogniser.unreadable > 0
    ? partial(output, [`${recogniser.unreadable} unreadable pictures`])
    : ok(output);
}

function loadPicture(
  artifacts: ArtifactStore,
  frames: FramesExtracted,
  { source }: PictureRef,
): Promise<Buffer> {
  if (source.kind === 'sample') {
    return artifacts.getRange(frames.samples.blob, source.offset, source.length);
  }
  const keyFrame = frames.keyFrames.find(({ index }) => index === source.index);
  if (!keyFrame) throw new CinedexError('ARTIFACT_CORRUPT', `There is no key frame ${source.index}.`);
  return artifacts.getBlob(keyFrame.image);
}

/** WebP of the head, at most 160 pixels. */
async function thumbnail(artifacts: ArtifactStore, encoded: Uint8Array, { box }: View): Promise<BlobRef> {
  const image = sharp(encoded);
  const { width = 1, height = 1 } = await image.metadata();
  const clamp = (value: number, limit: number) => Math.max(0, Math.min(limit, Math.round(value)));
  const left = clamp((box.x - box.width * THUMBNAIL_MARGIN) * width, width - 2);
  const top = clamp((box.y - box.height * THUMBNAIL_MARGIN) * height, height - 2);
  const right = clamp((box.x + box.width * (1 + THUMBNAIL_MARGIN)) * width, width);
  const bottom = clamp((box.y + box.height * (1 + THUMBNAIL_MARGIN)) * height, height);
  const webp = await image
    .extract({ left, top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) })
    .resize(THUMBNAIL_SIDE, THUMBNAIL_SIDE, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 80 })
    .toBuffer();
  return artifacts.putBlob(webp, 'image/webp');
}

function toFaceTrack(id: number, { best, ...track }: RecognisedTrack, picture: BlobRef): FaceTrack {
  const { described } = best;
  return {
    id,
    shot: track.shot,
    startSec: track.startSec,
    endSec: track.endSec,
    boxes: track.boxes,
    best: {
      timeSec: best.timeSec,
      box: best.box,
      widthPx: described.box.width,
      pose: described.pose,
      quality: described.quality,
      thumbnail: picture,
    },
    descriptor: null,
    strength: track.strength,
  };
}

/**
 * Groups the described tracks and stores all descriptors, those of tracks first, then those of clusters. Sets the rows in
 * `tracks`.
 */
async function groupPeople(
  artifacts: ArtifactStore,
  found: readonly RecognisedTrack[],
  tracks: FaceTrack[],
): Promise<{ clusters: FacesRecognized['clusters']; descriptors: VectorBlob | null }> {
  const described = found.flatMap(({ descriptor, strength, startSec, endSec }, id) =>
    descriptor && strength !== 'none' ? [{ id, descriptor, strength, startSec, endSec }] : [],
  );
  if (described.length === 0) return { clusters: [], descriptors: null };
  for (const [row, { id }] of described.entries()) tracks[id]!.descriptor = row;
  const grouped: Cluster[] = clusterTracks(described);
  const rows = [...described, ...grouped].map(({ descriptor }) => descriptor);
  const values = new Float32Array(rows.length * DESCRIPTOR_DIMENSIONS);
  for (const [row, descriptor] of rows.entries()) values.set(descriptor, row * DESCRIPTOR_DIMENSIONS);
  const blob = await artifacts.putBlob(new Uint8Array(values.buffer), 'application/octet-stream');
  return {
    descriptors: { blob, rows: rows.length, dimensions: DESCRIPTOR_DIMENSIONS },
    clusters: grouped.map(({ tracks: members, strength, screenSec }, id) => ({
      id,
      tracks: members.map((member) => described[member]!.id),
      descriptor: described.length + id,
      strength,
      screenSec,
    })),
  };
}
