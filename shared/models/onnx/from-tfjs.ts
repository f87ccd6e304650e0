/**
 * Rewrites a TensorFlow.js graph model as an ONNX model. ONNX Runtime then runs it several times faster than the wasm
 * backend of tfjs. Whole numbers of any width become int64, because ONNX wants its shapes, axes and indices so.
 * An operator that is not known here is an error that names it, never a guess.
 */
import { CinedexError } from '../../contracts/errors.ts';
import { type AttributeValue, OnnxGraphWriter } from './graph-writer.ts';
import { NodeContext } from './node-context.ts';
import type { GraphNode, TfjsGraph, Weight } from './tfjs-graph.ts';

export interface ConvertOptions {
  /** Names of the nodes whose values are wanted; what they do not need is left out. */
  outputs: string[];
  /** Extents for inputs, by name; a text names one that varies. Default: what the model says, with -1 varying. */
  inputShapes?: Record<string, (number | string)[]>;
}

type Converter = (context: NodeContext) => void;

const NCHW = [0, 3, 1, 2];
const NHWC = [0, 2, 3, 1];

const plain =
  (operator: string, attributes: Record<string, AttributeValue> = {}): Converter =>
  (node) =>
    node.emit(operator, node.inputs(), attributes);

const reduce =
  (operator: string): Converter =>
  (node) =>
    node.emit(operator, [node.input(0), node.integers(node.constantIntegers(1))], {
      keepdims: node.bool('keep_dims') ? 1 : 0,
    });

const ACTIVATIONS: Record<string, (node: NodeContext, input: string) => string> = {
  Relu: (node, input) => node.helper('Relu', [input]),
  Relu6: (node, input) => relu6(node, input),
};

function relu6(node: NodeContext, input: string): string {
  const low = node.graph.constant(node.fresh(), Float32Array.of(0), []);
  const high = node.graph.constant(node.fresh(), Float32Array.of(6), []);
  return node.helper('Clip', [input, low, high]);
}

/** Adds the activations that `fused_ops` lists, then puts the value under the node's own name. */
function finishFused(node: NodeContext, value: string, permute?: number[]): void {
  let last = value;
  for (const fused of node.texts('fused_ops')) {
    if (fused === 'BiasAdd') continue;
    const activation = ACTIVATIONS[fused];
    if (!activation) throw node.problem(`has the fused operator ${fused}`);
    last = activation(node, last);
  }
  if (permute) node.emit('Transpose', [last], { perm: permute });
  else node.emit('Identity', [last]);
}

const convolution =
  (depthwise: boolean): Converter =>
  (node) => {
    if (node.text('data_format') === 'NCHW') throw node.problem('is in the layout NCHW');
    const kernel = node.constantWeight(1);
    const [height = 1, width = 1, channels = 1, outputs = 1] = kernel.shape;
    const weights = node.graph.constant(
      node.fresh(),
      depthwise ? depthwiseKernel(kernel) : outputFirstKernel(kernel),
      depthwise ? [channels * outputs, 1, height, width] : [outputs, channels, height, width],
    );
    const [, strideY = 1, strideX = 1] = node.ints('strides');
    const [, dilationY = 1, dilationX = 1] = node.ints('dilations');
    const inputs = [node.helper('Transpose', [node.input(0)], { perm: NCHW }), weights];
    if (node.texts('fused_ops').includes('BiasAdd')) inputs.push(node.input(2));
    const value = node.helper('Conv', inputs, {
      strides: [strideY, strideX],
      dilations: [dilationY, dilationX],
      group: depthwise ? channels : 1,
      auto_pad: node.text('padding') === 'SAME' ? 'SAME_UPPER' : 'VALID',
    });
    finishFused(node, value, NHWC);
  };

/** [height, width, in, out] to [out, in, height, width]. */
function outputFirstKernel({ shape, values }: Weight): Float32Array {
  const [height = 1, width = 1, channels = 1, outputs = 1] = shape;
  const moved = new Float32Array(values.length);
  const area = height * width;
  for (let place = 0; place < area; place++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let output = 0; output < outputs; output++) {
        moved[(output * channels + channel) * area + place] =
          values[(place * channels + channel) * outputs + output]!;
      }
    }
  }
  return moved;
}

/** [height, width, channels, multiplier] to [channels * multiplier, 1, height, width]. */
function depthwiseKernel({ shape, values }: Weight): Float32Array {
  const [height = 1, width = 1, channels = 1, multiplier = 1] = shape;
  const moved = new Float32Array(values.length);
  const area = height * width;
  const filters = channels * multiplier;
  for (let place = 0; place < area; place++) {
    for (let filter = 0; filter < filters; filter++) {
      moved[filter * area + place] = values[place * filters + filter]!;
    }
  }
  return moved;
}

const pooling =
  (operator: string): Converter =>
  (node) => {
    const [, height = 1, width = 1] = node.ints('ksize');
    const [, strideY = 1, strideX = 1] = node.ints('strides');
    const pooled = node.helper(operator, [node.helper('Transpose', [node.input(0)], { perm: NCHW })], {
      kernel_shape: [height, width],
      strides: [strideY, strideX],
      auto_pad: node.text('padding') === 'SAME' ? 'SAME_UPPER' : 'VALID',
    });
    node.emit('Transpose', [pooled], { perm: NHWC });
  };

const stridedSlice: Converter = (node) => {
  const [begin, end, strides] = [1, 2, 3].map((index) => node.constantIntegers(index)) as [
    number[],
    number[],
    number[],
  ];
  if (node.int('ellipsis_mask') !== 0 || node.int('new_axis_mask') !== 0) {
    throw node.problem('inserts axes');
  }
  const masked = (name: string, axis: number) => (node.int(name) & (1 << axis)) !== 0;
  const shrunk = begin.map((_, axis) => axis).filter((axis) => masked('shrink_axis_mask', axis));
  const starts = begin.map((value, axis) => (masked('begin_mask', axis) ? 0 : value));
  const ends = end.map((value, axis) => {
    if (masked('shrink_axis_mask', axis)) return begin[axis] === -1 ? FAR : begin[axis]! + 1;
    return masked('end_mask', axis) ? FAR : value;
  });
  if (strides.some((stride) => stride < 1)) throw node.problem('runs backwards');
  const sliced = [
    node.input(0),
    node.integers(starts),
    node.integers(ends),
    node.integers(begin.map((_, axis) => axis)),
    node.integers(strides),
  ];
  if (shrunk.length === 0) node.emit('Slice', sliced);
  else node.emit('Squeeze', [node.helper('Slice', sliced), node.integers(shrunk)]);
};
const FAR = 2 ** 31 - 1;

const DATA_TYPES: Record<string, number> = {
  '1': 1,
  DT_FLOAT: 1,
  '3': 7,
  DT_INT32: 7,
  '9': 7,
  DT_INT64: 7,
  '10': 9,
  DT_BOOL: 9,
};

const CONVERTERS: Record<string, Converter> = {
  Identity: plain('Identity'),
  Add: plain('Add'),
  AddV2: plain('Add'),
  BiasAdd: plain('Add'),
  Sub: plain('Sub'),
  Mul: plain('Mul'),
  RealDiv: plain('Div'),
  // Only indices are divided so, and those are not negative.
  FloorDiv: plain('Div'),
  FloorMod: plain('Mod'),
  Maximum: plain('Max'),
  Relu: plain('Relu'),
  Sigmoid: plain('Sigmoid'),
  Tanh: plain('Tanh'),
  Sin: plain('Sin'),
  Cos: plain('Cos'),
  Less: plain('Less'),
  Greater: plain('Greater'),
  Equal: plain('Equal'),
  LogicalNot: plain('Not'),
  Shape: plain('Shape'),
  Softmax: plain('Softmax', { axis: -1 }),
  Range: plain('Range'),
  GatherNd: plain('GatherND'),
  Reshape: plain('Reshape'),
  Max: reduce('ReduceMax'),
  Mean: reduce('ReduceMean'),
  Sum: reduce('ReduceSum'),
  Prod: reduce('ReduceProd'),
  Relu6: (node) => node.emit('Identity', [relu6(node, node.input(0))]),
  Square: (node) => node.emit('Mul', [node.input(0), node.input(0)]),
  Rsqrt: (node) => node.emit('Reciprocal', [node.helper('Sqrt', [node.input(0)])]),
  Where: (node) => node.emit('Transpose', [node.helper('NonZero', [node.input(0)])], { perm: [1, 0] }),
  Cast: (node) => {
    const target = (node.node.attr.DstT as { type?: string | number } | undefined)?.type;
    const code = DATA_TYPES[String(target)];
    if (!code) throw node.problem(`casts to the type ${target}`);
    node.emit('Cast', [node.input(0)], { to: code });
  },
  GatherV2: (node) => node.emit('Gather', node.inputs(0, 2), { axis: node.constantIntegers(2)[0]! }),
  ExpandDims: (node) => node.emit('Unsqueeze', [node.input(0), node.integers(node.constantIntegers(1))]),
  Squeeze: (node) => node.emit('Squeeze', [node.input(0), node.integers(node.ints('squeeze_dims'))]),
  Transpose: (node) => node.emit('Transpose', [node.input(0)], { perm: node.constantIntegers(1) }),
  ConcatV2: (node) =>
    node.emit('Concat', node.inputs(0, node.count - 1), { axis: node.constantIntegers(node.count - 1)[0]! }),
  Pack: (node) => {
    const axis = node.int('axis');
    const parts = node.inputs().map((input) => node.helper('Unsqueeze', [input, node.integers([axis])]));
    node.emit('Concat', parts, { axis });
  },
  SplitV: (node) => {
    const sizes = node.constantIntegers(1);
    const outputs = sizes.map((_, index) => (index === 0 ? node.node.name : `${node.node.name}:${index}`));
    node.graph.node('Split', [node.input(0), node.integers(sizes)], outputs, {
      axis: node.constantIntegers(2)[0]!,
    });
  },
  Slice: (node) => {
    const begin = node.constantIntegers(1);
    const ends = node.constantIntegers(2).map((size, axis) => (size === -1 ? FAR : begin[axis]! + size));
    node.emit('Slice', [node.input(0), node.integers(begin), node.integers(ends)]);
  },
  StridedSlice: stridedSlice,
  SparseToDense: (node) => {
    const [indices, shape, values, fallback] = node.inputs() as [string, string, string, string];
    node.emit('ScatterND', [node.helper('Expand', [fallback, shape]), indices, values]);
  },
  ScatterNd: (node) => {
    const [indices, updates, shape] = node.inputs() as [string, string, string];
    const zeros = node.helper('ConstantOfShape', [shape], {
      value: { tensor: Float32Array.of(0), shape: [1] },
    });
    node.emit('ScatterND', [zeros, indices, updates]);
  },
  MatMul: (node) => {
    if (node.bool('transpose_a') || node.bool('transpose_b')) throw node.problem('transposes its inputs');
    node.emit('MatMul', node.inputs());
  },
  _FusedMatMul: (node) => {
    if (node.bool('transpose_a') || node.bool('transpose_b')) throw node.problem('transposes its inputs');
    const product = node.helper('MatMul', node.inputs(0, 2));
    const biased = node.texts('fused_ops').includes('BiasAdd')
      ? node.helper('Add', [product, node.input(2)])
      : product;
    finishFused(node, biased);
  },
  BatchMatMul: (node) => {
    // Attention is the only user: four axes.
    const side = (index: number, adjoint: string) =>
      node.bool(adjoint)
        ? node.helper('Transpose', [node.input(index)], { perm: [0, 1, 3, 2] })
        : node.input(index);
    node.emit('MatMul', [side(0, 'adj_x'), side(1, 'adj_y')]);
  },
  TopKV2: (node) => {
    const count = node.integers(node.constantIntegers(1));
    node.graph.node('TopK', [node.input(0), count], [node.node.name, `${node.node.name}:1`], { axis: -1 });
  },
  ResizeBilinear: (node) => {
    const [height = 1, width = 1] = node.constantIntegers(1);
    if (node.bool('align_corners')) throw node.problem('aligns corners');
    // Its input is known only by its sizes relative to the output, so the batch and channels come from the input.
    const source = node.helper('Transpose', [node.input(0)], { perm: NCHW });
    const kept = node.helper('Slice', [
      node.helper('Shape', [source]),
      node.integers([0]),
      node.integers([2]),
    ]);
    const sizes = node.helper('Concat', [kept, node.integers([height, width])], { axis: 0 });
    const resized = node.helper('Resize', [source, '', '', sizes], {
      mode: 'linear',
      coordinate_transformation_mode: node.bool('half_pixel_centers') ? 'half_pixel' : 'asymmetric',
    });
    node.emit('Transpose', [resized], { perm: NHWC });
  },
  Conv2D: convolution(false),
  _FusedConv2D: convolution(false),
  DepthwiseConv2dNative: convolution(true),
  FusedDepthwiseConv2dNative: convolution(true),
  MaxPool: pooling('MaxPool'),
  AvgPool: pooling('AveragePool'),
};

/**
 * @returns an ONNX model (opset 18). Inputs and outputs keep their names; integer inputs are int64.
 * @throws CinedexError MODEL_CORRUPT naming an operator or a form of one that is not supported
 */
export function onnxFromTfjs(model: TfjsGraph, options: ConvertOptions): Buffer {
  const graph = new OnnxGraphWriter();
  const written = new Set<string>();
  for (const node of neededNodes(model.nodes, options.outputs)) {
    if (node.op === 'Const') continue;
    if (node.op === 'Placeholder') {
      const float =
        DATA_TYPES[String((node.attr.dtype as { type?: string | number } | undefined)?.type)] === 1;
      graph.input(
        node.name,
        float ? 'float32' : 'int64',
        options.inputShapes?.[node.name] ?? declaredShape(node),
      );
      continue;
    }
    const convert = CONVERTERS[node.op];
    if (!convert)
      throw new CinedexError('MODEL_CORRUPT', `The TensorFlow operator ${node.op} is not supported.`);
    convert(new NodeContext(node, graph, model.weights, written));
  }
  for (const output of options.outputs) graph.output(output);
  return graph.finish();
}

function declaredShape(node: GraphNode): (number | string)[] {
  const shape = node.attr.shape as { shape?: { dim?: { size?: string | number }[] } } | undefined;
  return (shape?.shape?.dim ?? []).map((dimension, axis) => {
    const size = Number(dimension.size ?? -1);
    return size < 0 ? `${node.name}_${axis}` : size;
  });
}

/** The nodes that the outputs need, inputs before their users (ONNX demands that order). */
function neededNodes(nodes: GraphNode[], outputs: string[]): GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const done = new Set<string>();
  const ordered: GraphNode[] = [];
  const open = outputs.map((name) => ({ name, expanded: false })).reverse();
  while (open.length > 0) {
    const { name, expanded } = open.pop()!;
    if (done.has(name)) continue;
    const node = byName.get(name);
    if (!node) throw new CinedexError('MODEL_CORRUPT', `The graph has no node "${name}".`);
    if (expanded) {
      done.add(name);
      ordered.push(node);
      continue;
    }
    open.push({ name, expanded: true });
    for (const input of node.input) {
      open.push({ name: input.replace(/^\^/, '').replace(/:\d+$/, ''), expanded: false });
    }
  }
  return ordered;
}
