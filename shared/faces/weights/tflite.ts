/**
 * Reads the part of a TensorFlow Lite file that a converter needs: tensors, constants and operators of the first
 * subgraph. The file is a FlatBuffer; field numbers are those of TensorFlow's `lite/schema/schema.fbs` (version 3).
 */
import { CinedexError } from '../../contracts/errors.ts';

export type TfliteTensorType = 'float32' | 'float16' | 'int32';

export interface TfliteTensor {
  name: string;
  shape: number[];
  type: TfliteTensorType | 'other';
  /** Little-endian constant data; empty for a tensor that is computed. */
  data: Uint8Array;
}

/** The scalars of an operator's option table, by field number of the schema. */
export interface TfliteOptions {
  int32(field: number, fallback: number): number;
  int8(field: number, fallback: number): number;
}

export interface TfliteOperator {
  /** Schema name in capitals, such as `CONV_2D`; `BUILTIN_<n>` for one this reader has no name for. */
  op: string;
  /** Indices of tensors; −1 for an optional input that is absent. */
  inputs: number[];
  outputs: number[];
  options: TfliteOptions;
}

export interface TfliteModel {
  tensors: TfliteTensor[];
  operators: TfliteOperator[];
  inputs: number[];
  outputs: number[];
}

const OPERATOR_NAMES: Record<number, string> = {
  0: 'ADD',
  2: 'CONCATENATION',
  3: 'CONV_2D',
  4: 'DEPTHWISE_CONV_2D',
  6: 'DEQUANTIZE',
  17: 'MAX_POOL_2D',
  19: 'RELU',
  22: 'RESHAPE',
  23: 'RESIZE_BILINEAR',
  32: 'CUSTOM',
  34: 'PAD',
  54: 'PRELU',
  145: 'DENSIFY',
};

const TENSOR_TYPES: Record<number, TfliteTensorType> = { 0: 'float32', 1: 'float16', 2: 'int32' };

const MODEL = { version: 0, operatorCodes: 1, subgraphs: 2, buffers: 4 } as const;
const SUBGRAPH = { tensors: 0, inputs: 1, outputs: 2, operators: 3 } as const;
const TENSOR = { shape: 0, type: 1, buffer: 2, name: 3 } as const;
const OPERATOR = { code: 0, inputs: 1, outputs: 2, options: 4 } as const;
const OPERATOR_CODE = { shortBuiltin: 0, builtin: 3 } as const;
const BUFFER = { data: 0 } as const;

/** A cursor over FlatBuffer tables: a table is an address, a field of it is found through its vtable. */
class FlatBuffer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  identifier(): string {
    return Buffer.from(this.#bytes.subarray(4, 8)).toString('latin1');
  }

  root(): number {
    return this.#follow(0);
  }

  int32(table: number, field: number, fallback: number): number {
    const at = this.#field(table, field);
    return at === undefined ? fallback : this.#view.getInt32(at, true);
  }

  int8(table: number, field: number, fallback: number): number {
    const at = this.#field(table, field);
    return at === undefined ? fallback : this.#view.getInt8(at);
  }

  table(table: number, field: number): number | undefined {
    const at = this.#field(table, field);
    return at === undefined ? undefined : this.#follow(at);
  }

  tables(table: number, field: number): number[] {
    return this.#vector(table, field, (at) => this.#follow(at));
  }

  int32s(table: number, field: number): number[] {
    return this.#vector(table, field, (at) => this.#view.getInt32(at, true));
  }

  bytes(table: number, field: number): Uint8Array {
    const at = this.#field(table, field);
    if (at === undefined) return new Uint8Array(0);
    const start = this.#follow(at);
    const length = this.#view.getUint32(start, true);
    if (start + 4 + length > this.#bytes.length) throw new RangeError('a vector ends behind the file');
    return this.#bytes.subarray(start + 4, start + 4 + length);
  }

  text(table: number, field: number): string {
    return Buffer.from(this.bytes(table, field)).toString('utf8');
  }

  #follow(at: number): number {
    return at + this.#view.getUint32(at, true);
  }

  #field(table: number, field: number): number | undefined {
    const vtable = table - this.#view.getInt32(table, true);
    const entry = 4 + 2 * field;
    if (entry >= this.#view.getUint16(vtable, true)) return undefined;
    const offset = this.#view.getUint16(vtable + entry, true);
    return offset === 0 ? undefined : table + offset;
  }

  #vector(table: number, field: number, read: (at: number) => number): number[] {
    const at = this.#field(table, field);
    if (at === undefined) return [];
    const start = this.#follow(at);
    const length = this.#view.getUint32(start, true);
    if (start + 4 + 4 * length > this.#bytes.length) throw new RangeError('a vector ends behind the file');
    return Array.from({ length }, (_, index) => read(start + 4 + 4 * index));
  }
}

/**
 * @param bytes a whole .tflite file
 * @throws CinedexError MODEL_CORRUPT when it is not one, or is cut short
 */
export function readTflite(bytes: Uint8Array): TfliteModel {
  try {
    const file = new FlatBuffer(bytes);
    if (file.identifier() !== 'TFL3') throw new RangeError('the identifier TFL3 is missing');
    return readModel(file);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CinedexError(
      'MODEL_CORRUPT',
      `This is not a readable TensorFlow Lite file: ${error.message}.`,
      {
        cause: error,
      },
    );
  }
}

function readModel(file: FlatBuffer): TfliteModel {
  const model = file.root();
  const names = file.tables(model, MODEL.operatorCodes).map((code) => {
    // Codes below 127 may stand in the old one-byte field alone.
    const builtin = Math.max(
      file.int8(code, OPERATOR_CODE.shortBuiltin, 0),
      file.int32(code, OPERATOR_CODE.builtin, 0),
    );
    return OPERATOR_NAMES[builtin] ?? `BUILTIN_${builtin}`;
  });
  const buffers = file.tables(model, MODEL.buffers).map((buffer) => file.bytes(buffer, BUFFER.data));
  const [subgraph] = file.tables(model, MODEL.subgraphs);
  if (subgraph === undefined) throw new RangeError('there is no subgraph');
  return {
    tensors: file.tables(subgraph, SUBGRAPH.tensors).map((tensor) => ({
      name: file.text(tensor, TENSOR.name),
      shape: file.int32s(tensor, TENSOR.shape),
      type: TENSOR_TYPES[file.int8(tensor, TENSOR.type, 0)] ?? 'other',
      data: buffers[file.int32(tensor, TENSOR.buffer, 0)] ?? new Uint8Array(0),
    })),
    operators: file.tables(subgraph, SUBGRAPH.operators).map((operator) => {
      const options = file.table(operator, OPERATOR.options);
      return {
        op: names[file.int32(operator, OPERATOR.code, 0)] ?? 'BUILTIN_unknown',
        inputs: file.int32s(operator, OPERATOR.inputs),
        outputs: file.int32s(operator, OPERATOR.outputs),
        options: {
          int32: (field, fallback) =>
            options === undefined ? fallback : file.int32(options, field, fallback),
          int8: (field, fallback) => (options === undefined ? fallback : file.int8(options, field, fallback)),
        },
      };
    }),
    inputs: file.int32s(subgraph, SUBGRAPH.inputs),
    outputs: file.int32s(subgraph, SUBGRAPH.outputs),
  };
}

/** The constant values of a tensor, widened to what tfjs computes with. */
export function constantValues(tensor: TfliteTensor): Float32Array | Int32Array {
  // A copy, because the data lies at any address of the file.
  const bytes = Uint8Array.from(tensor.data);
  if (tensor.type === 'float32') return new Float32Array(bytes.buffer);
  if (tensor.type === 'int32') return new Int32Array(bytes.buffer);
  if (tensor.type === 'float16') return Float32Array.from(new Uint16Array(bytes.buffer), halfToFloat);
  throw new CinedexError('MODEL_CORRUPT', `Tensor "${tensor.name}" has a type that is not supported.`);
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
