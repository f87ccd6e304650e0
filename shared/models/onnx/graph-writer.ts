/**
 * Writes ONNX files: the few messages of onnx.proto3 that a float model needs, in protobuf's wire format. ONNX Runtime
 * is by far the fastest engine at hand, so weights that come in other formats are rewritten to it in memory.
 * Source of the field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** Grows a protobuf message field by field. */
class Message {
  readonly #parts: Uint8Array[] = [];

  varint(field: number, value: number | bigint): this {
    return this.#push(key(field, VARINT), varintBytes(BigInt(value)));
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.#push(key(field, FIXED32), bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#push(key(field, BYTES), varintBytes(BigInt(value.length)), value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #push(...parts: Uint8Array[]): this {
    this.#parts.push(...parts);
    return this;
  }
}

function key(field: number, wireType: number): Uint8Array {
  return varintBytes(BigInt((field << 3) | wireType));
}

function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export type ElementType = 'float32' | 'int64' | 'bool';
const ELEMENT_CODES: Record<ElementType, number> = { float32: 1, int64: 7, bool: 9 };

export type TensorData = Float32Array | BigInt64Array;

/** An attribute: a whole number, whole numbers, a text, or `{ float }` (JavaScript cannot tell 1.0 from 1). */
export type AttributeValue =
  | number
  | number[]
  | string
  | { float: number }
  | { tensor: TensorData; shape: number[] };

const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

export class OnnxGraphWriter {
  readonly #nodes: Message[] = [];
  readonly #initializers: Message[] = [];
  readonly #inputs: Message[] = [];
  readonly #outputs: Message[] = [];
  readonly #opset: number;

  constructor(opset = 18) {
    this.#opset = opset;
  }

  /** @param shape a text names an extent that is only known when the model runs */
  input(name: string, type: ElementType, shape: (number | string)[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: ElementType = 'float32', shape?: (number | string)[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** A constant. @returns its name */
  constant(name: string, data: TensorData, shape: number[]): string {
    this.#initializers.push(tensor(name, data, shape));
    return name;
  }

  /** Whole numbers, as shapes and axes need them. @returns its name */
  integers(name: string, values: number[], shape = [values.length]): string {
    return this.constant(name, BigInt64Array.from(values, BigInt), shape);
  }

  /** @returns the first output */
  node(
    operator: string,
    inputs: string[],
    outputs: string[] | string,
    attributes: Record<string, AttributeValue> = {},
  ): string {
    const names = typeof outputs === 'string' ? [outputs] : outputs;
    const message = new Message();
    for (const input of inputs) message.text(1, input);
    for (const output of names) message.text(2, output);
    message.text(3, names[0]!).text(4, operator);
    for (const [name, value] of Object.entries(attributes)) message.message(5, attribute(name, value));
    this.#nodes.push(message);
    return names[0]!;
  }

  /** The whole model file. */
  finish(): Buffer {
    const graph = new Message();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, 'graph');
    for (const initializer of this.#initializers) graph.message(5, initializer);
    for (const input of this.#inputs) graph.message(11, input);
    for (const output of this.#outputs) graph.message(12, output);
    return new Message()
      .varint(1, 8)
      .text(2, 'cinedex')
      .message(7, graph)
      .message(8, new Message().text(1, '').varint(2, this.#opset))
      .finish();
  }
}

function valueInfo(name: string, type: ElementType, shape?: (number | string)[]): Message {
  const tensorType = new Message().varint(1, ELEMENT_CODES[type]);
  if (shape) {
    const extents = new Message();
    for (const extent of shape) {
      const dimension = new Message();
      extents.message(
        1,
        typeof extent === 'number' ? dimension.varint(1, extent) : dimension.text(2, extent),
      );
    }
    tensorType.message(2, extents);
  }
  return new Message().text(1, name).message(2, new Message().message(1, tensorType));
}

function tensor(name: string, data: TensorData, shape: number[]): Message {
  const message = new Message();
  for (const extent of shape) message.varint(1, extent);
  return message
    .varint(2, ELEMENT_CODES[data instanceof Float32Array ? 'float32' : 'int64'])
    .text(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function attribute(name: string, value: AttributeValue): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.varint(3, value).varint(20, ATTRIBUTE_TYPES.int);
  if (typeof value === 'string') return message.text(4, value).varint(20, ATTRIBUTE_TYPES.string);
  if (Array.isArray(value)) {
    for (const entry of value) message.varint(8, entry);
    return message.varint(20, ATTRIBUTE_TYPES.ints);
  }
  if ('float' in value) return message.float(2, value.float).varint(20, ATTRIBUTE_TYPES.float);
  return message.message(5, tensor(name, value.tensor, value.shape)).varint(20, ATTRIBUTE_TYPES.tensor);
}
