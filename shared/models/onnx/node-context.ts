import { CinedexError } from '../../contracts/errors.ts';
import type { AttributeValue, OnnxGraphWriter } from './graph-writer.ts';
import type { GraphNode, Weight } from './tfjs-graph.ts';

/** What a converter sees of one node. */
export class NodeContext {
  readonly node: GraphNode;
  readonly graph: OnnxGraphWriter;
  readonly #weights: Map<string, Weight>;
  readonly #written: Set<string>;
  readonly #references: string[];
  #made = 0;

  constructor(node: GraphNode, graph: OnnxGraphWriter, weights: Map<string, Weight>, written: Set<string>) {
    this.node = node;
    this.graph = graph;
    this.#weights = weights;
    this.#written = written;
    this.#references = node.input.filter((input) => !input.startsWith('^')).map(tensorName);
  }

  get count(): number {
    return this.#references.length;
  }

  /** Name of an input; a constant is written to the model when its name is first asked for. */
  input(index: number): string {
    const name = this.#references[index];
    if (name === undefined) throw this.problem(`has no input ${index}`);
    const weight = this.#weights.get(name);
    if (weight && !this.#written.has(name)) {
      this.#written.add(name);
      if (weight.kind === 'float') this.graph.constant(name, weight.values as Float32Array, weight.shape);
      else this.graph.integers(name, Array.from(weight.values), weight.shape);
    }
    return name;
  }

  /** All inputs, or those from `from` up to but not including `to`. */
  inputs(from = 0, to = this.count): string[] {
    return this.#references.slice(from, to).map((_, index) => this.input(from + index));
  }

  fresh(): string {
    return `${this.node.name}/_${this.#made++}`;
  }

  /** Emits the node's only (or first) value. */
  emit(operator: string, inputs: string[], attributes: Record<string, AttributeValue> = {}): void {
    this.graph.node(operator, inputs, this.node.name, attributes);
  }

  /** Emits a helper value and gives its name. */
  helper(operator: string, inputs: string[], attributes: Record<string, AttributeValue> = {}): string {
    return this.graph.node(operator, inputs, this.fresh(), attributes);
  }

  integers(values: number[]): string {
    return this.graph.integers(this.fresh(), values);
  }

  /** Value of an input that must be constant. */
  constantWeight(index: number): Weight {
    const weight = this.#weights.get(this.#references[index] ?? '');
    if (!weight) throw this.problem(`needs a constant input ${index}`);
    return weight;
  }

  constantIntegers(index: number): number[] {
    return Array.from(this.constantWeight(index).values);
  }

  int(name: string, fallback = 0): number {
    const value = this.node.attr[name] as { i?: string | number } | undefined;
    return value?.i === undefined ? fallback : Number(value.i);
  }

  bool(name: string): boolean {
    return (this.node.attr[name] as { b?: boolean } | undefined)?.b === true;
  }

  ints(name: string): number[] {
    const value = this.node.attr[name] as { list?: { i?: (string | number)[] } } | undefined;
    return (value?.list?.i ?? []).map(Number);
  }

  text(name: string): string {
    return decodeText((this.node.attr[name] as { s?: string | number[] } | undefined)?.s);
  }

  texts(name: string): string[] {
    const value = this.node.attr[name] as { list?: { s?: (string | number[])[] } } | undefined;
    return (value?.list?.s ?? []).map(decodeText);
  }

  problem(what: string): CinedexError {
    return new CinedexError(
      'MODEL_CORRUPT',
      `Cannot convert ${this.node.op} "${this.node.name}": it ${what}.`,
    );
  }
}

/** The JSON holds bytes either as base64 or as numbers, depending on the converter's age. */
function decodeText(value: string | number[] | undefined): string {
  if (value === undefined) return '';
  return Buffer.from(typeof value === 'string' ? Buffer.from(value, 'base64') : value).toString('utf8');
}

function tensorName(reference: string): string {
  return reference.replace(/:0$/, '');
}
