/**
 * The descriptor network: dlib's 29-layer ResNet (King, "High quality face recognition with deep metric learning",
 * 2017), a 128-d embedding in which the same person lies closer than 0.6 (Euclidean).
 *
 * Only the weights come from `@vladmandic/face-api`; the layers are computed here. Its own bundle would bring a second
 * detector, a canvas layer and unfused scale layers: folding each scale into its convolution saves a third of the time.
 */
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { CinedexError } from '../../contracts/errors.ts';
import type { ModelStore } from '../../models/store.ts';
import { CHIP } from './alignment.ts';
import type { RgbPicture } from './pixels.ts';

export const DESCRIPTOR_MODEL = 'face-descriptor-dlib';

const MEAN_RGB = [122.782, 117.001, 104.298] as const;

interface QuantisedWeight {
  name: string;
  shape: number[];
  quantization?: { dtype: string; scale: number; min: number };
}

interface Layer {
  kernel: tf.Tensor4D;
  bias: tf.Tensor1D;
}

interface Block {
  first: Layer;
  second: Layer;
  down: boolean;
}

const BLOCKS = [
  'conv32_1',
  'conv32_2',
  'conv32_3',
  'conv64_down',
  'conv64_1',
  'conv64_2',
  'conv64_3',
  'conv128_down',
  'conv128_1',
  'conv128_2',
  'conv256_down',
  'conv256_1',
  'conv256_2',
  'conv256_down_out',
] as const;

export class DescriptorNet {
  readonly #stem: Layer;
  readonly #blocks: Block[];
  readonly #projection: tf.Tensor2D;

  private constructor(stem: Layer, blocks: Block[], projection: tf.Tensor2D) {
    this.#stem = stem;
    this.#blocks = blocks;
    this.#projection = projection;
  }

  /** @throws CinedexError MODEL_MISSING, MODEL_CORRUPT */
  static async load(models: ModelStore): Promise<DescriptorNet> {
    const [manifest, bytes] = await Promise.all([
      readFile(models.file(DESCRIPTOR_MODEL, 'face_recognition_model-weights_manifest.json'), 'utf8'),
      readFile(models.file(DESCRIPTOR_MODEL, 'face_recognition_model.bin')),
    ]);
    const [{ weights } = { weights: [] }] = JSON.parse(manifest) as { weights: QuantisedWeight[] }[];
    const values = dequantise(weights, bytes);
    const projection = find(values, 'fc');
    return new DescriptorNet(
      foldedLayer(values, 'conv32_down'),
      BLOCKS.map((name) => ({
        first: foldedLayer(values, `${name}/conv1`),
        second: foldedLayer(values, `${name}/conv2`),
        down: name.includes('down'),
      })),
      tf.tensor2d(projection.values, projection.shape as [number, number]),
    );
  }

  /**
   * @param chips aligned faces, 150 × 150 RGB
   * @returns one descriptor of 128 values a chip: the mean of the chip's and of its mirror image's, which steadies it
   */
  describe(chips: readonly RgbPicture[]): Float32Array[] {
    if (chips.length === 0) return [];
    const plane = CHIP * CHIP * 3;
    const input = new Float32Array(2 * chips.length * plane);
    for (const [index, { data }] of chips.entries()) {
      for (let row = 0; row < CHIP; row++) {
        for (let column = 0; column < CHIP; column++) {
          for (let channel = 0; channel < 3; channel++) {
            const value = (data[(row * CHIP + column) * 3 + channel]! - MEAN_RGB[channel]!) / 256;
            input[2 * index * plane + (row * CHIP + column) * 3 + channel] = value;
            input[(2 * index + 1) * plane + (row * CHIP + CHIP - 1 - column) * 3 + channel] = value;
          }
        }
      }
    }
    const output = tf.tidy(() => this.#forward(tf.tensor4d(input, [2 * chips.length, CHIP, CHIP, 3])));
    const rows = output.dataSync<'float32'>();
    output.dispose();
    const size = rows.length / (2 * chips.length);
    return chips.map((_, index) => {
      const plain = rows.subarray(2 * index * size, (2 * index + 1) * size);
      const mirrored = rows.subarray((2 * index + 1) * size, (2 * index + 2) * size);
      return plain.map((value, at) => (value + mirrored[at]!) / 2);
    });
  }

  dispose(): void {
    tf.dispose([
      this.#projection,
      ...[this.#stem, ...this.#blocks.flatMap(({ first, second }) => [first, second])].flatMap(
        ({ kernel, bias }) => [kernel, bias],
      ),
    ]);
  }

  #forward(input: tf.Tensor4D): tf.Tensor2D {
    let x = tf.maxPool(convolve(input, this.#stem, 2, 'relu'), 3, 2, 'valid');
    for (const block of this.#blocks) {
      x = block.down ? downBlock(x, block) : plainBlock(x, block);
    }
    return tf.matMul(tf.mean(x, [1, 2]) as tf.Tensor2D, this.#projection);
  }
}

function convolve(
  x: tf.Tensor4D,
  { kernel, bias }: Layer,
  strides: number,
  activation: 'relu' | 'linear',
): tf.Tensor4D {
  return tf.fused.conv2d({
    x,
    filter: kernel,
    bias,
    strides,
    pad: strides === 2 ? 'valid' : 'same',
    activation,
  });
}

function plainBlock(x: tf.Tensor4D, { first, second }: Block): tf.Tensor4D {
  return tf.relu(tf.add(convolve(convolve(x, first, 1, 'relu'), second, 1, 'linear'), x));
}

/** Halves the picture and doubles the channels; the shortcut is an average pool, filled up with zeros. */
function downBlock(x: tf.Tensor4D, { first, second }: Block): tf.Tensor4D {
  const main = convolve(convolve(x, first, 2, 'relu'), second, 1, 'linear');
  const shortcut = tf.avgPool(x, 2, 2, 'valid');
  return tf.relu(tf.add(padTo(main, shortcut), padTo(shortcut, main)));
}

/** Zeros below, right and in further channels, as far as `other` reaches beyond `x`. */
function padTo(x: tf.Tensor4D, other: tf.Tensor4D): tf.Tensor4D {
  const missing = [1, 2, 3].map((axis) => Math.max(0, other.shape[axis]! - x.shape[axis]!)) as [
    number,
    number,
    number,
  ];
  if (missing.every((extent) => extent === 0)) return x;
  return tf.pad4d(x, [
    [0, 0],
    [0, missing[0]],
    [0, missing[1]],
    [0, missing[2]],
  ]);
}

type WeightValues = Map<string, { shape: number[]; values: Float32Array }>;

function dequantise(weights: QuantisedWeight[], bytes: Uint8Array): WeightValues {
  const values: WeightValues = new Map();
  let offset = 0;
  for (const { name, shape, quantization } of weights) {
    const length = shape.reduce((product, extent) => product * extent, 1);
    const size = quantization ? length : 4 * length;
    if ((quantization && quantization.dtype !== 'uint8') || offset + size > bytes.length) {
      throw new CinedexError('MODEL_CORRUPT', `Weight "${name}" of the face descriptor cannot be read.`);
    }
    const data = Uint8Array.from(bytes.subarray(offset, offset + size));
    offset += size;
    values.set(name, {
      shape,
      // Some layers were left unquantised.
      values: quantization
        ? Float32Array.from(data, (level) => level * quantization.scale + quantization.min)
        : new Float32Array(data.buffer),
    });
  }
  return values;
}

function find(values: WeightValues, name: string): { shape: number[]; values: Float32Array } {
  const found = values.get(name);
  if (!found) throw new CinedexError('MODEL_CORRUPT', `The face descriptor lacks the weight "${name}".`);
  return found;
}

/** Convolution and the scale layer behind it as one convolution: w·s, and b·s + t for the bias. */
function foldedLayer(values: WeightValues, name: string): Layer {
  const kernel = find(values, `${name}/conv/filters`);
  const bias = find(values, `${name}/conv/bias`).values;
  const scale = find(values, `${name}/scale/weights`).values;
  const shift = find(values, `${name}/scale/biases`).values;
  const outputs = scale.length;
  return {
    kernel: tf.tensor4d(
      kernel.values.map((value, index) => value * scale[index % outputs]!),
      kernel.shape as [number, number, number, number],
    ),
    bias: tf.tensor1d(bias.map((value, index) => value * scale[index]! + shift[index]!)),
  };
}
