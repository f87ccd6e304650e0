import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ModelStore } from '../../models/store.ts';
import { detectorArtifacts, type GraphNode, meshArtifacts, outputChannelsLast } from './graph-model.ts';
import { unpackAsset } from './packed-assets.ts';
import { halfToFloat, readTflite } from './tflite.ts';

const models = new ModelStore('/nonexistent');
const detector = readFileSync(models.file('face-detector-full-range', 'face_detection_full_range.tflite'));
const meshFile = (name: string) => models.file('face-mesh', `face_mesh_solution_packed_assets${name}`);
const mesh = unpackAsset(
  readFileSync(meshFile('_loader.js'), 'utf8'),
  readFileSync(meshFile('.data')),
  '/face_landmark.tflite',
);

describe('readTflite', () => {
  test('reads the detector’s known shapes', () => {
    const model = readTflite(detector);
    expect(model.inputs.map((index) => model.tensors[index]!.shape)).toEqual([[1, 192, 192, 3]]);
    expect(model.outputs.map((index) => model.tensors[index]!.shape)).toEqual([
      [1, 2304, 16],
      [1, 2304, 1],
    ]);
  });

  test('reads the mesh’s known shapes', () => {
    const model = readTflite(mesh);
    expect(model.inputs.map((index) => model.tensors[index]!.shape)).toEqual([[1, 192, 192, 3]]);
    expect(model.outputs.map((index) => model.tensors[index]!.shape)).toContainEqual([1, 1, 1, 1404]);
  });

  test.each([
    ['nothing', new Uint8Array(0)],
    ['noise', Uint8Array.from({ length: 400 }, (_, index) => (index * 37) & 255)],
    ['a file cut short', detector.subarray(0, 5_000)],
  ])('refuses %s', (_, bytes) => {
    expect(() => readTflite(bytes)).toThrow(expect.objectContaining({ code: 'MODEL_CORRUPT' }));
  });

  test.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x0001, 2 ** -24],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0x8000, -0],
  ])('half-precision bits %i are %f', (bits, value) => {
    expect(halfToFloat(bits)).toBe(value);
  });
});

describe('graph models', () => {
  test('a kernel is reordered with its output channels last', () => {
    // Two outputs of a 1 × 2 kernel with one input channel.
    expect([...outputChannelsLast(Float32Array.of(1, 2, 10, 20), [2, 1, 2, 1])]).toEqual([1, 10, 2, 20]);
  });

  test('have the outputs that the model packages ask for, and every node’s inputs', () => {
    for (const [artifacts, outputs] of [
      [detectorArtifacts(detector), ['Identity']],
      [meshArtifacts(mesh), ['output_mesh', 'output_faceflag']],
    ] as const) {
      const { node } = artifacts.modelTopology as { node: GraphNode[] };
      const names = new Set(node.map(({ name }) => name));
      expect(names.size).toBe(node.length);
      for (const output of outputs) expect(names).toContain(output);
      for (const { input = [] } of node) for (const name of input) expect(names).toContain(name);
      const bytes = artifacts.weightSpecs!.reduce(
        (sum, { shape }) => sum + 4 * shape.reduce((product, extent) => product * extent, 1),
        0,
      );
      expect((artifacts.weightData as ArrayBuffer).byteLength).toBe(bytes);
    }
  });

  test('an asset that is not in the pack is named', () => {
    expect(() => unpackAsset('loadPackage({"files": []});', new Uint8Array(4), '/x.tflite')).toThrow(
      /x\.tflite/,
    );
  });
});
