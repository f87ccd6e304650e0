import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { onnxFromTfjs } from './from-tfjs.ts';
import { SESSION_OPTIONS } from './session.ts';
import { halfToFloat, readTfjsGraph } from './tfjs-graph.ts';

const text = (value: string) => ({ s: Buffer.from(value).toString('base64') });
const list = (values: number[]) => ({ list: { i: values.map(String) } });
const NHWC = text('NHWC');

interface Constant {
  name: string;
  shape: number[];
  values: number[];
  whole?: boolean;
}

/** A graph model as its JSON file and weight bytes. */
function model(
  nodes: { name: string; op: string; input?: string[]; attr?: object }[],
  constants: Constant[],
) {
  const bytes = Buffer.concat(
    constants.map(({ values, whole }) =>
      Buffer.from((whole ? Int32Array.from(values) : Float32Array.from(values)).buffer),
    ),
  );
  const json = {
    modelTopology: { node: [...nodes, ...constants.map(({ name }) => ({ name, op: 'Const' }))] },
    weightsManifest: [
      {
        weights: constants.map(({ name, shape, whole }) => ({
          name,
          shape,
          dtype: whole ? 'int32' : 'float32',
        })),
      },
    ],
  };
  return readTfjsGraph(json, bytes);
}

const placeholder = (shape: number[]) => ({
  name: 'x',
  op: 'Placeholder',
  attr: {
    dtype: { type: 'DT_FLOAT' },
    shape: { shape: { dim: shape.map((size) => ({ size: String(size) })) } },
  },
});

async function run(graph: ReturnType<typeof model>, output: string, input: number[], shape: number[]) {
  const session = await InferenceSession.create(onnxFromTfjs(graph, { outputs: [output] }), SESSION_OPTIONS);
  const results = await session.run({ x: new Tensor('float32', Float32Array.from(input), shape) });
  return { values: Array.from(results[output]!.data as Float32Array), shape: [...results[output]!.dims] };
}

describe('a convolution', () => {
  const attr = {
    data_format: NHWC,
    padding: text('SAME'),
    strides: list([1, 1, 1, 1]),
    dilations: list([1, 1, 1, 1]),
  };

  it('keeps the layout and the order of the kernel', async () => {
    // 1 x 1 kernel from two channels to three: y = [a, b, a + 10 b].
    const graph = model(
      [placeholder([1, 1, 2, 2]), { name: 'y', op: 'Conv2D', input: ['x', 'k'], attr }],
      [{ name: 'k', shape: [1, 1, 2, 3], values: [1, 0, 1, 0, 1, 10] }],
    );
    const { values, shape } = await run(graph, 'y', [1, 2, 3, 4], [1, 1, 2, 2]);
    expect(shape).toEqual([1, 1, 2, 3]);
    expect(values).toEqual([1, 2, 21, 3, 4, 43]);
  });

  it('works by channel, with bias and activation fused', async () => {
    const fused = { ...attr, fused_ops: { list: { s: ['BiasAdd', 'Relu6'].map((op) => text(op).s) } } };
    const graph = model(
      [
        placeholder([1, 1, 2, 2]),
        { name: 'y', op: 'FusedDepthwiseConv2dNative', input: ['x', 'k', 'b'], attr: fused },
      ],
      [
        { name: 'k', shape: [1, 1, 2, 1], values: [2, -1] },
        { name: 'b', shape: [2], values: [0.5, 1] },
      ],
    );
    const { values } = await run(graph, 'y', [1, 2, 30, 0.25], [1, 1, 2, 2]);
    expect(values).toEqual([2.5, 0, 6, 0.75]);
  });
});

it('slices, drops the axis that is shrunk, and reduces', async () => {
  const graph = model(
    [
      placeholder([2, 3]),
      {
        name: 'last',
        op: 'StridedSlice',
        input: ['x', 'begin', 'end', 'step'],
        attr: { begin_mask: { i: '1' }, end_mask: { i: '1' }, shrink_axis_mask: { i: '2' } },
      },
      { name: 'y', op: 'Sum', input: ['last', 'axis'], attr: { keep_dims: { b: true } } },
    ],
    [
      { name: 'begin', shape: [2], values: [0, -1], whole: true },
      { name: 'end', shape: [2], values: [0, 0], whole: true },
      { name: 'step', shape: [2], values: [1, 1], whole: true },
      { name: 'axis', shape: [1], values: [0], whole: true },
    ],
  );
  expect(await run(graph, 'y', [1, 2, 3, 4, 5, 6], [2, 3])).toEqual({ values: [9], shape: [1] });
});

it('names an operator that it does not know', () => {
  const graph = model([placeholder([1]), { name: 'y', op: 'Erfinv', input: ['x'] }], []);
  expect(() => onnxFromTfjs(graph, { outputs: ['y'] })).toThrow(/Erfinv/);
  expect(() => onnxFromTfjs(graph, { outputs: ['z'] })).toThrow(/"z"/);
});

it('leaves out what the outputs do not need', () => {
  const graph = model(
    [placeholder([1]), { name: 'y', op: 'Relu', input: ['x'] }, { name: 'z', op: 'Erfinv' }],
    [],
  );
  expect(onnxFromTfjs(graph, { outputs: ['y'] }).length).toBeLessThan(200);
});

describe('weights', () => {
  const weight = { name: 'w', shape: [2], dtype: 'float32' };
  const read = (spec: object, bytes: Uint8Array) =>
    readTfjsGraph({ modelTopology: { node: [] }, weightsManifest: [{ weights: [spec] }] }, bytes).weights.get(
      'w',
    );

  it('are restored from 8 bits and from half precision', () => {
    const quantized = { ...weight, quantization: { dtype: 'uint8', min: -1, scale: 0.5 } };
    expect(read(quantized, Uint8Array.of(0, 4))?.values).toEqual(Float32Array.of(-1, 1));
    const halves = Buffer.from(Uint16Array.of(0x3c00, 0xc000).buffer);
    expect(read({ ...weight, quantization: { dtype: 'float16' } }, halves)?.values).toEqual(
      Float32Array.of(1, -2),
    );
    expect(halfToFloat(0x0001)).toBe(2 ** -24);
  });

  it('that end too early are refused', () => {
    expect(() => read(weight, new Uint8Array(7))).toThrow(expect.objectContaining({ code: 'MODEL_CORRUPT' }));
    expect(() => readTfjsGraph({}, new Uint8Array(0))).toThrow(
      expect.objectContaining({ code: 'MODEL_CORRUPT' }),
    );
  });
});
