/** The face mesh: 468 landmarks of one face, by `@tensorflow-models/face-landmarks-detection` on tfjs. */
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {
  createDetector,
  type FaceLandmarksDetector,
  SupportedModels,
} from '@tensorflow-models/face-landmarks-detection';
import type { ModelStore } from '../../models/store.ts';
import { meshArtifacts } from '../weights/graph-model.ts';
import { unpackAsset } from '../weights/packed-assets.ts';
import type { DetectedFace, Point } from './detector.ts';
import { cropPicture, type RgbPicture, resizePicture } from './pixels.ts';

export const MESH_MODEL = 'face-mesh';

/** A landmark in pixels of the picture; `z` has the same unit, smaller is nearer to the camera. */
export interface Landmark extends Point {
  z: number;
}

/** A face cut out of a picture, upright as in the picture, at a scale that suits the models. */
export interface FaceCut {
  pixels: RgbPicture;
  /** Pixels of the cut per pixel of the picture. */
  scale: number;
  /** Where the cut begins in the picture. */
  left: number;
  top: number;
}

/** A region turned by any angle, half as large again as the box, must lie within the cut: √2 × 1.5 / 2 and a little. */
const CUT_REACH = 1.15;
/** Width of the face's box in the cut beyond which nothing is gained. */
const CUT_FACE_WIDTH = 180;

/** One face for the landmark model, in fractions of the cut: the form in which the package's own detector answers. */
interface ProvidedDetection {
  locationData: {
    relativeBoundingBox: {
      xMin: number;
      yMin: number;
      xMax: number;
      yMax: number;
      width: number;
      height: number;
    };
    relativeKeypoints: Point[];
  };
}

/** Stands in for the package's own detector, the short-range one, which is blind to small faces. */
class ProvidedFaces {
  faces: ProvidedDetection[] = [];

  async detectFaces(): Promise<ProvidedDetection[]> {
    return this.faces;
  }

  reset(): void {
    this.faces = [];
  }

  dispose(): void {
    this.faces = [];
  }
}

/** Cuts a face out with room for turning it. Shrinks large faces, so that sampling it coarsely cannot alias. */
export async function cutFace(picture: RgbPicture, { box }: DetectedFace): Promise<FaceCut> {
  const side = Math.max(box.width, box.height);
  const reach = Math.ceil(side * CUT_REACH);
  const left = Math.round(box.x + box.width / 2) - reach;
  const top = Math.round(box.y + box.height / 2) - reach;
  const whole = cropPicture(picture, left, top, 2 * reach, 2 * reach);
  const scale = Math.min(1, CUT_FACE_WIDTH / side);
  const target = Math.round(2 * reach * scale);
  return { pixels: await resizePicture(whole, target, target), scale: target / (2 * reach), left, top };
}

export class FaceMesh {
  readonly #mesh: FaceLandmarksDetector;
  readonly #provided: ProvidedFaces;

  private constructor(mesh: FaceLandmarksDetector, provided: ProvidedFaces) {
    this.#mesh = mesh;
    this.#provided = provided;
  }

  /** @throws CinedexError MODEL_MISSING, MODEL_CORRUPT */
  static async load(models: ModelStore): Promise<FaceMesh> {
    const [loader, pack] = await Promise.all([
      readFile(models.file(MESH_MODEL, 'face_mesh_solution_packed_assets_loader.js'), 'utf8'),
      readFile(models.file(MESH_MODEL, 'face_mesh_solution_packed_assets.data')),
    ]);
    const mesh = await createDetector(SupportedModels.MediaPipeFaceMesh, {
      runtime: 'tfjs',
      maxFaces: 1,
      refineLandmarks: false,
      landmarkModelUrl: {
        load: async () => meshArtifacts(unpackAsset(loader, pack, '/face_landmark.tflite')),
      },
      // The package wants a detector of its own; it is replaced before its first use, so an empty graph will do.
      detectorModelUrl: { load: async () => EMPTY_GRAPH },
    });
    const provided = new ProvidedFaces();
    Reflect.set(mesh, 'detector', provided);
    return new FaceMesh(mesh, provided);
  }

  /** Landmarks of the face in the cut, in pixels of the picture; null where the model sees none (a full profile). */
  async landmarks(cut: FaceCut, face: DetectedFace): Promise<Landmark[] | null> {
    const { pixels, scale, left, top } = cut;
    const toCut = ({ x, y }: Point): Point => ({
      x: ((x - left) * scale) / pixels.width,
      y: ((y - top) * scale) / pixels.height,
    });
    const { box, keyPoints } = face;
    const start = toCut(box);
    const end = toCut({ x: box.x + box.width, y: box.y + box.height });
    const tensor = tf.tensor3d(pixels.data, [pixels.height, pixels.width, 3], 'int32');
    try {
      // Without the reset the region of the picture before would be looked at as well.
      this.#mesh.reset();
      this.#provided.faces = [
        {
          locationData: {
            relativeBoundingBox: {
              xMin: start.x,
              yMin: start.y,
              xMax: end.x,
              yMax: end.y,
              width: end.x - start.x,
              height: end.y - start.y,
            },
            relativeKeypoints: keyPoints.slice(0, 2).map(toCut),
          },
        },
      ];
      const [found] = await this.#mesh.estimateFaces(tensor, { staticImageMode: true });
      if (!found) return null;
      return found.keypoints.map(({ x, y, z }) => ({
        x: x / scale + left,
        y: y / scale + top,
        z: (z ?? 0) / scale,
      }));
    } finally {
      tensor.dispose();
    }
  }

  dispose(): void {
    this.#mesh.dispose();
  }
}

const EMPTY_GRAPH = {
  modelTopology: {
    node: [{ name: 'input', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' } } }],
    versions: { producer: 1 },
  },
  weightSpecs: [],
  weightData: new ArrayBuffer(0),
  format: 'graph-model',
};
