/**
 * Turns a float TensorFlow Lite model into the artifacts of a tfjs GraphModel, in memory. Only the operators that the
 * MediaPipe face models use are understood; any other is an error that names it.
 */
import type { io } from '@tensorflow/tfjs-core';
import { CinedexError } from '../../contracts/errors.ts';
import { constantValues, readTflite, type TfliteModel, type TfliteOperator } from './tflite.ts';

type Attribute = Record<string, unknown>;

export interface GraphNode {
  name: string;
  op: string;
  input?: string[];
  attr?: Record<string, Attribute>;
}

const FLOAT: Attribute = { type: 'DT_FLOAT' };
const INT: Attribute = { type: 'DT_INT32' };
const text = (value: string): Attribute => ({ s: Buffer.from(value).toString('base64') });
const list = (values: number[]): Attribute => ({ list: { i: values.map(String) } });
const NHWC = text('NHWC');

/** Field numbers of the options, from the schema. */
const CONV = { padding: 0, strideW: 1, strideH: 2, activation: 3, dilationW: 4, dilationH: 5 } as const;
const DEPTHWISE = {
  padding: 0,
  strideW: 1,
  strideH: 2,
  multiplier: 3,
  activation: 4,
  dilationW: 5,
  dilationH: 6,
} as const;
const POOL = { padding: 0, strideW: 1, strideH: 2, width: 3, height: 4, activation: 5 } as const;
const ACTIVATIONS: Record<number, string> = { 1: 'Relu', 3: 'Relu6' };

/** What a caller may add to the graph: named outputs as the code that runs the model expects them. */
export interface GraphEditor {
  /** Name of the node that computes the model's output of this shape. */
  output(matches: (shape: number[]) => boolean): string;
  add(node: GraphNode): void;
  constant(name: string, values: Float32Array | Int32Array, shape: number[]): string;
}

class GraphBuilder implements GraphEditor {
  readonly #model: TfliteModel;
  readonly #nodes: GraphNode[] = [];
  readonly #weights: io.WeightsManifestEntry[] = [];
  readonly #data: Uint8Array[] = [];
  /** Node that holds a tensor's value. */
  readonly #names = new Map<number, string>();
  /** Tensors that are another constant tensor, widened (DEQUANTIZE of float16 weights). */
  readonly #aliases = new Map<number, number>();

  constructor(model: TfliteModel) {
    this.#model = model;
    for (const [order, index] of model.inputs.entries()) {
      const name = order === 0 ? 'input' : `input${order}`;
      // Any number of pictures at once, whatever the file was exported for.
      const size = this.#tensor(index).shape.map((extent, axis) => ({
        size: axis === 0 ? '-1' : String(extent),
      }));
      this.add({ name, op: 'Placeholder', attr: { dtype: FLOAT, shape: { shape: { dim: size } } } });
      this.#names.set(index, name);
    }
    for (const [order, operator] of model.operators.entries()) this.#convert(operator, `n${order}`);
  }

  output(matches: (shape: number[]) => boolean): string {
    const index = this.#model.outputs.find((candidate) => matches(this.#tensor(candidate).shape));
    const name = index === undefined ? undefined : this.#names.get(index);
    if (name === undefined) throw new CinedexError('MODEL_CORRUPT', 'The model has no output of that shape.');
    return name;
  }

  add(node: GraphNode): void {
    this.#nodes.push(node);
  }

  constant(name: string, values: Float32Array | Int32Array, shape: number[]): string {
    const whole = values instanceof Int32Array;
    this.add({ name, op: 'Const', attr: { dtype: whole ? INT : FLOAT } });
    this.#weights.push({ name, shape, dtype: whole ? 'int32' : 'float32' });
    this.#data.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return name;
  }

  artifacts(): io.ModelArtifacts {
    const weights = Buffer.concat(this.#data);
    return {
      modelTopology: { node: this.#nodes, versions: { producer: 1 } },
      weightSpecs: this.#weights,
      weightData: weights.buffer.slice(
        weights.byteOffset,
        weights.byteOffset + weights.length,
      ) as ArrayBuffer,
      format: 'graph-model',
    };
  }

  #tensor(index: number) {
    const tensor = this.#model.tensors[index];
    if (!tensor)
      throw new CinedexError('MODEL_CORRUPT', `The model refers to tensor ${index}, which it lacks.`);
    return tensor;
  }

  #constantValues(index: number): Float32Array | Int32Array {
    return constantValues(this.#tensor(this.#aliases.get(index) ?? index));
  }

  /** Name of the node with this tensor's value; constants get their node when they are first used. */
  #reference(index: number): string {
    const known = this.#names.get(index);
    if (known !== undefined) return known;
    const source = this.#tensor(this.#aliases.get(index) ?? index);
    if (source.data.length === 0) {
      throw new CinedexError('MODEL_CORRUPT', `Tensor "${source.name}" is used before it is computed.`);
    }
    const name = this.constant(`c${index}`, this.#constantValues(index), this.#tensor(index).shape);
    this.#names.set(index, name);
    return name;
  }

  #convert(operator: TfliteOperator, name: string): void {
    const { inputs, options, op } = operator;
    const target = operator.outputs[0] ?? -1;
    const T = FLOAT;
    const node = (kind: string, input: string[], attr: Record<string, Attribute> = {}) =>
      this.add({ name, op: kind, input, attr: { T, ...attr } });
    const references = () => inputs.map((index) => this.#reference(index));
    let last = name;
    switch (op) {
      case 'DEQUANTIZE':
        this.#aliases.set(target, inputs[0] ?? -1);
        return;
      case 'CONV_2D':
      case 'DEPTHWISE_CONV_2D':
        last = this.#convolution(operator, name);
        break;
      case 'MAX_POOL_2D':
        node('MaxPool', [this.#reference(inputs[0] ?? -1)], {
          padding: paddingAttribute(options.int8(POOL.padding, 0)),
          strides: list([1, options.int32(POOL.strideH, 1), options.int32(POOL.strideW, 1), 1]),
          ksize: list([1, options.int32(POOL.height, 1), options.int32(POOL.width, 1), 1]),
          data_format: NHWC,
        });
        last = this.#activation(name, options.int8(POOL.activation, 0));
        break;
      case 'ADD':
        node('AddV2', references());
        last = this.#activation(name, options.int8(0, 0));
        break;
      case 'RELU':
        node('Relu', references());
        break;
      case 'PRELU':
        node('Prelu', references());
        break;
      case 'PAD':
        node('Pad', references(), { Tpaddings: INT });
        break;
      case 'RESHAPE': {
        const { shape } = this.#tensor(target);
        const extents = this.constant(`${name}_shape`, Int32Array.from([-1, ...shape.slice(1)]), [
          shape.length,
        ]);
        node('Reshape', [this.#reference(inputs[0] ?? -1), extents], { Tshape: INT });
        break;
      }
      case 'CONCATENATION': {
        const axis = this.constant(`${name}_axis`, Int32Array.of(options.int32(0, 0)), []);
        node('ConcatV2', [...references(), axis], { N: { i: String(inputs.length) } });
        break;
      }
      case 'RESIZE_BILINEAR':
        node('ResizeBilinear', references(), {
          align_corners: { b: options.int8(2, 0) !== 0 },
          half_pixel_centers: { b: options.int8(3, 0) !== 0 },
        });
        break;
      default:
        throw new CinedexError('MODEL_CORRUPT', `The TensorFlow Lite operator ${op} is not supported.`);
    }
    this.#names.set(target, last);
  }

  #convolution({ op, inputs, options }: TfliteOperator, name: string): string {
    const [source = -1, kernel = -1, bias = -1] = inputs;
    const depthwise = op === 'DEPTHWISE_CONV_2D';
    const fields = depthwise ? DEPTHWISE : CONV;
    if (depthwise && options.int32(DEPTHWISE.multiplier, 1) > 1) {
      throw new CinedexError('MODEL_CORRUPT', 'Depthwise convolutions with a multiplier are not supported.');
    }
    const { shape } = this.#tensor(kernel);
    const values = this.#constantValues(kernel) as Float32Array;
    const [outputs = 1, height = 1, width = 1, channels = 1] = shape;
    const weights = depthwise
      ? this.constant(`${name}_weights`, values, [height, width, channels, 1])
      : this.constant(`${name}_weights`, outputChannelsLast(values, shape), [
          height,
          width,
          channels,
          outputs,
        ]);
    const activation = options.int8(fields.activation, 0);
    // Bias and activation are computed within the convolution: a separate pass over its output would cost a third more.
    const fused = [...(bias >= 0 ? ['BiasAdd'] : []), ...(activation ? [activationName(activation)] : [])];
    const fusable = bias >= 0;
    const plainOp = depthwise ? 'DepthwiseConv2dNative' : 'Conv2D';
    const fusedOp = depthwise ? 'FusedDepthwiseConv2dNative' : '_FusedConv2D';
    this.add({
      name,
      op: fusable ? fusedOp : plainOp,
      input: [this.#reference(source), weights, ...(fusable ? [this.#reference(bias)] : [])],
      attr: {
        T: FLOAT,
        padding: paddingAttribute(options.int8(fields.padding, 0)),
        strides: list([1, options.int32(fields.strideH, 1), options.int32(fields.strideW, 1), 1]),
        dilations: list([1, options.int32(fields.dilationH, 1), options.int32(fields.dilationW, 1), 1]),
        data_format: NHWC,
        ...(fusable && {
          num_args: { i: '1' },
          fused_ops: { list: { s: fused.map((word) => text(word).s) } },
        }),
      },
    });
    return fusable ? name : this.#activation(name, activation);
  }

  #activation(name: string, code: number): string {
    if (code === 0) return name;
    this.add({ name: `${name}_activation`, op: activationName(code), input: [name], attr: { T: FLOAT } });
    return `${name}_activation`;
  }
}

function activationName(code: number): string {
  const op = ACTIVATIONS[code];
  if (!op) throw new CinedexError('MODEL_CORRUPT', `The fused activation ${code} is not supported.`);
  return op;
}

function paddingAttribute(code: number): Attribute {
  return text(code === 0 ? 'SAME' : 'VALID');
}

/** Reorders a kernel from [out, height, width, in] (TensorFlow Lite) to [height, width, in, out] (tfjs). */
export function outputChannelsLast(values: Float32Array, shape: number[]): Float32Array {
  const [outputs = 1, height = 1, width = 1, channels = 1] = shape;
  const inner = height * width * channels;
  const reordered = new Float32Array(values.length);
  for (let output = 0; output < outputs; output++) {
    for (let index = 0; index < inner; index++) {
      reordered[index * outputs + output] = values[output * inner + index]!;
    }
  }
  return reordered;
}

/**
 * @param bytes a whole .tflite file with float32 or float16 weights
 * @param finish adds named outputs
 * @throws CinedexError MODEL_CORRUPT for an unreadable file or an operator that is not supported
 */
export function tfliteToGraphModel(
  bytes: Uint8Array,
  finish: (graph: GraphEditor) => void = () => undefined,
): io.ModelArtifacts {
  const graph = new GraphBuilder(readTflite(bytes));
  finish(graph);
  return graph.artifacts();
}

/**
 * The full- or short-range detector. Outputs: `scores` [n, anchors, 1]; `boxes` [n, anchors, 16], the box and six key
 * points; and both as `@tensorflow-models/face-detection` expects them, `Identity` [n, anchors, 17], which tfjs is slow to
 * join and computes only when asked.
 */
export function detectorArtifacts(bytes: Uint8Array): io.ModelArtifacts {
  return tfliteToGraphModel(bytes, (graph) => {
    const boxes = graph.output((shape) => shape[2] === 16);
    const scores = graph.output((shape) => shape[2] === 1);
    graph.add({ name: 'scores', op: 'Identity', input: [scores], attr: { T: FLOAT } });
    graph.add({ name: 'boxes', op: 'Identity', input: [boxes], attr: { T: FLOAT } });
    const axis = graph.constant('score_axis', Int32Array.of(2), []);
    graph.add({
      name: 'Identity',
      op: 'ConcatV2',
      input: [scores, boxes, axis],
      attr: { T: FLOAT, N: { i: '2' } },
    });
  });
}

/**
 * The face mesh as `@tensorflow-models/face-landmarks-detection` expects it: `output_mesh` [1, 1, 1, 1404] in pixels of
 * the 192 × 192 input, and `output_faceflag`, the probability that there is a face.
 */
export function meshArtifacts(bytes: Uint8Array): io.ModelArtifacts {
  return tfliteToGraphModel(bytes, (graph) => {
    const mesh = graph.output((shape) => shape[3] === 1404);
    const presence = graph.output((shape) => shape[3] === 1);
    graph.add({ name: 'output_mesh', op: 'Identity', input: [mesh], attr: { T: FLOAT } });
    graph.add({ name: 'output_faceflag', op: 'Sigmoid', input: [presence], attr: { T: FLOAT } });
  });
}
