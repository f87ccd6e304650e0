/** All face models together, in the thread that computes. */
import type { ModelStore } from '../../models/store.ts';
import { release } from '../../release.ts';
import type { DescriptorStrength } from '../descriptor.ts';
import { alignedChip, facePoints } from './alignment.ts';
import { startBackend } from './backend.ts';
import { DescriptorNet } from './descriptor-net.ts';
import { type DetectedFace, FaceDetector, WINDOW } from './detector.ts';
import { cutFace, FaceMesh } from './landmarks.ts';
import { decodedSize, decodePicture, type PixelBox, type RgbPicture } from './pixels.ts';
import { type HeadPose, headPose } from './pose.ts';
import { chipSharpness, viewQuality, viewStrength } from './quality.ts';

/**
 * `windows`: the whole picture and parts of it, for faces from about 30 pixels. `portrait`: also with room around it, for
 * pictures that a face fills.
 */
export type Thoroughness = 'windows' | 'portrait';

/** How thoroughly, or boxes (in pixels) around which to look. `whole`: one pass, for faces from about an eighth of its width. */
export type Where = 'whole' | Thoroughness | readonly PixelBox[];

export interface Detection {
  width: number;
  height: number;
  /** Boxes and key points in pixels of the picture as decoded: upright, at most {@link MAX_SIDE} on its longer side. */
  faces: DetectedFace[];
  /** Windows that the detector computed: the unit of cost. */
  runs: number;
}

export interface DescribedFace {
  box: PixelBox;
  score: number;
  /** Null where the mesh finds no face: a full profile, or no face at all. */
  pose: HeadPose | null;
  sharpness: number;
  quality: number;
  strength: DescriptorStrength;
  /** 128 values; null exactly where `strength` is `none`. */
  descriptor: Float32Array | null;
}

export interface AnalysedPicture {
  width: number;
  height: number;
  faces: DescribedFace[];
}

/** Larger pictures are shrunk to this. */
export const MAX_SIDE = 1280;
/** Decoded pictures that are kept, because a picture is described soon after faces were found in it. */
const KEPT_PICTURES = 12;
/** What the detector is less sure of is a face only if the mesh agrees. */
const SURE = 0.6;

export class FaceAnalyser {
  readonly #detector: FaceDetector;
  readonly #mesh: FaceMesh;
  readonly #net: DescriptorNet;
  readonly #kept = new Map<string, RgbPicture>();

  private constructor(detector: FaceDetector, mesh: FaceMesh, net: DescriptorNet) {
    this.#detector = detector;
    this.#mesh = mesh;
    this.#net = net;
  }

  /** @throws CinedexError MODEL_MISSING, MODEL_CORRUPT, DEPENDENCY_MISSING */
  static async load(models: ModelStore): Promise<FaceAnalyser> {
    await startBackend();
    return new FaceAnalyser(
      await FaceDetector.load(models),
      await FaceMesh.load(models),
      await DescriptorNet.load(models),
    );
  }

  /**
   * Finds faces, without describing them.
   * @param key names the picture's bytes, so that it is decoded once
   * @throws CinedexError MEDIA_CORRUPT
   */
  async detect(encoded: Uint8Array, key: string | null, where: Where): Promise<Detection> {
    const before = this.#detector.runs;
    const cost = () => this.#detector.runs - before;
    if (where === 'whole') return { ...(await this.#findInWhole(encoded, key)), runs: cost() };
    const picture = await this.#picture(encoded, key);
    const faces =
      typeof where === 'string'
        ? await this.#find(picture, where)
        : await this.#detector.near(picture, where);
    return { width: picture.width, height: picture.height, faces, runs: cost() };
  }

  /**
   * Describes faces that were found before.
   * @returns one entry a face, in order; null where the detector was unsure and the mesh sees no face
   */
  async describe(
    encoded: Uint8Array,
    key: string | null,
    faces: readonly DetectedFace[],
  ): Promise<(DescribedFace | null)[]> {
    const picture = await this.#picture(encoded, key);
    const described: (DescribedFace | null)[] = [];
    for (const face of faces) described.push(await this.#describe(picture, face));
    return described;
  }

  /** Finds and describes. @throws CinedexError MEDIA_CORRUPT */
  async analyse(encoded: Uint8Array, thoroughness: Thoroughness): Promise<AnalysedPicture> {
    const picture = await decodePicture(encoded, MAX_SIDE);
    const described: DescribedFace[] = [];
    for (const face of await this.#find(picture, thoroughness)) {
      const result = await this.#describe(picture, face);
      if (result) described.push(result);
    }
    release(picture.data);
    return { width: picture.width, height: picture.height, faces: described };
  }

  dispose(): void {
    this.#detector.dispose();
    this.#mesh.dispose();
    this.#net.dispose();
  }

  /** Decodes a small copy, which a JPEG gives quickly; the picture itself, if something in it asks for a closer look. */
  async #findInWhole(encoded: Uint8Array, key: string | null): Promise<Omit<Detection, 'runs'>> {
    const kept = key === null ? undefined : this.#kept.get(key);
    const { width, height } = kept ?? (await decodedSize(encoded, MAX_SIDE));
    const shrunk = kept ?? (await decodePicture(encoded, WINDOW));
    const faces = await this.#detector.whole(shrunk, Math.max(width, height), () =>
      this.#picture(encoded, key),
    );
    if (!kept) release(shrunk.data);
    return { width, height, faces };
  }

  async #find(picture: RgbPicture, thoroughness: Thoroughness): Promise<DetectedFace[]> {
    const faces = await this.#detector.withWindows(picture);
    if (faces.length > 0 || thoroughness === 'windows') return faces;
    return this.#detector.withMargin(picture);
  }

  async #describe(picture: RgbPicture, face: DetectedFace): Promise<DescribedFace | null> {
    const { box, score } = face;
    const cut = await cutFace(picture, face);
    const landmarks = await this.#mesh.landmarks(cut, face);
    if (!landmarks) {
      if (score < SURE) return null;
      const view = { widthPx: box.width, pose: null, sharpness: 0 };
      return { box, score, ...view, quality: viewQuality(view), strength: 'none', descriptor: null };
    }
    const pose = headPose(landmarks);
    const chip = alignedChip(cut, facePoints(landmarks));
    const view = { widthPx: box.width, pose, sharpness: chipSharpness(chip) };
    const strength = viewStrength(view);
    const descriptor = strength === 'none' ? null : (this.#net.describe([chip])[0] ?? null);
    return { box, score, pose, sharpness: view.sharpness, quality: viewQuality(view), strength, descriptor };
  }

  async #picture(encoded: Uint8Array, key: string | null): Promise<RgbPicture> {
    const kept = key === null ? undefined : this.#kept.get(key);
    if (kept) return kept;
    const picture = await decodePicture(encoded, MAX_SIDE);
    if (key !== null) {
      this.#kept.set(key, picture);
      for (const [oldest, { data }] of this.#kept) {
        if (this.#kept.size <= KEPT_PICTURES) break;
        this.#kept.delete(oldest);
        release(data);
      }
    }
    return picture;
  }
}

export type { DetectedFace, HeadPose, PixelBox };
