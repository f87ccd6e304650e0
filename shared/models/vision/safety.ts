/** Whether a picture is sexually explicit: NSFWJS's MobileNetV2 with five classes (https://github.com/infinitered/nsfwjs, MIT). */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { onnxFromTfjs } from '../onnx/from-tfjs.ts';
import { SESSION_OPTIONS } from '../onnx/session.ts';
import { readTfjsGraph } from '../onnx/tfjs-graph.ts';

export const SAFETY_SIZE = 224;
const OUTPUT = 'Identity';
/** In the order of the model's output. */
const CLASSES = ['drawing', 'hentai', 'neutral', 'porn', 'sexy'] as const;

export class SafetyClassifier {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  static async load(files: { model: unknown; weights: Uint8Array }): Promise<SafetyClassifier> {
    const model = onnxFromTfjs(readTfjsGraph(files.model, files.weights), { outputs: [OUTPUT] });
    return new SafetyClassifier(await InferenceSession.create(model, SESSION_OPTIONS));
  }

  /**
   * @param rgb 224 x 224 x 3 bytes, the whole picture stretched to a square
   * @returns probability that the picture is pornographic, photographed or drawn, 0..1
   */
  async classify(rgb: Uint8Array): Promise<number> {
    const scaled = new Float32Array(rgb);
    for (let index = 0; index < scaled.length; index++) scaled[index]! /= 255;
    const input = new Tensor('float32', scaled, [1, SAFETY_SIZE, SAFETY_SIZE, 3]);
    const results = await this.#session.run({ input });
    const probabilities = results[OUTPUT]!.data as Float32Array;
    const of = (name: (typeof CLASSES)[number]) => probabilities[CLASSES.indexOf(name)] ?? 0;
    return Math.min(1, of('porn') + of('hentai'));
  }
}
