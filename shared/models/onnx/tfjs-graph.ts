/** Reads TensorFlow.js graph models: the JSON topology and the weights that lie beside it. */
import { z } from 'zod';
import { CinedexError } from '../../contracts/errors.ts';

const WeightSpec = z.object({
  name: z.string(),
  shape: z.array(z.number().int().nonnegative()),
  dtype: z.enum(['float32', 'int32', 'bool']),
  quantization: z
    .object({
      dtype: z.enum(['uint8', 'uint16', 'float16']),
      min: z.number().optional(),
      scale: z.number().optional(),
    })
    .optional(),
});
type WeightSpec = z.infer<typeof WeightSpec>;

const GraphNode = z.object({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), z.unknown()).default({}),
});
export type GraphNode = z.infer<typeof GraphNode>;

const ModelJson = z.object({
  modelTopology: z.object({ node: z.array(GraphNode) }),
  weightsManifest: z.array(
    z.object({ paths: z.array(z.string()).default([]), weights: z.array(WeightSpec) }),
  ),
});

export interface Weight {
  shape: number[];
  /** Whole numbers and truth values are numbers too. */
  kind: 'float' | 'integer';
  values: Float32Array | Int32Array;
}

export interface TfjsGraph {
  nodes: GraphNode[];
  weights: Map<string, Weight>;
}

/**
 * @param json the parsed model.json
 * @param bytes all weight shards, joined in the manifest's order
 * @throws CinedexError MODEL_CORRUPT when it is no graph model or the weights are cut short
 */
export function readTfjsGraph(json: unknown, bytes: Uint8Array): TfjsGraph {
  const parsed = ModelJson.safeParse(json);
  if (!parsed.success) throw new CinedexError('MODEL_CORRUPT', 'This is not a TensorFlow.js graph model.');
  const weights = new Map<string, Weight>();
  let offset = 0;
  for (const spec of parsed.data.weightsManifest.flatMap((group) => group.weights)) {
    const length = spec.shape.reduce((product, extent) => product * extent, 1);
    const width = bytesPerValue(spec);
    if (offset + length * width > bytes.length) {
      throw new CinedexError('MODEL_CORRUPT', `The weights end before "${spec.name}".`);
    }
    // A copy, because typed arrays want aligned memory.
    const raw = Uint8Array.from(bytes.subarray(offset, offset + length * width)).buffer;
    weights.set(spec.name, {
      shape: spec.shape,
      kind: spec.dtype === 'float32' ? 'float' : 'integer',
      values: values(spec, raw),
    });
    offset += length * width;
  }
  return { nodes: parsed.data.modelTopology.node, weights };
}

function bytesPerValue({ dtype, quantization }: WeightSpec): number {
  if (quantization) return quantization.dtype === 'uint8' ? 1 : 2;
  return dtype === 'bool' ? 1 : 4;
}

function values({ dtype, quantization }: WeightSpec, raw: ArrayBuffer): Float32Array | Int32Array {
  if (quantization?.dtype === 'float16') return halvesToFloats(new Uint16Array(raw));
  if (quantization) {
    const { min = 0, scale = 1 } = quantization;
    const quantized = quantization.dtype === 'uint8' ? new Uint8Array(raw) : new Uint16Array(raw);
    const restored = new Float32Array(quantized.length);
    for (let index = 0; index < restored.length; index++) restored[index] = quantized[index]! * scale + min;
    return dtype === 'float32' ? restored : Int32Array.from(restored, Math.round);
  }
  if (dtype === 'bool') return Int32Array.from(new Uint8Array(raw));
  return dtype === 'int32' ? new Int32Array(raw) : new Float32Array(raw);
}

function halvesToFloats(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  for (let index = 0; index < floats.length; index++) floats[index] = halfToFloat(halves[index]!);
  return floats;
}

/** IEEE 754 binary16 bits to a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
