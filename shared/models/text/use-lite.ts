/**
 * Universal Sentence Encoder Lite (Cer et al. 2018, arXiv:1803.11175): 512 dimensions, English. Its tfjs graph is
 * rewritten to ONNX when it is loaded.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { onnxFromTfjs } from '../onnx/from-tfjs.ts';
import { SESSION_OPTIONS } from '../onnx/session.ts';
import { readTfjsGraph } from '../onnx/tfjs-graph.ts';
import { SentencePiece } from './sentencepiece.ts';

export const USE_LITE_DIMENSIONS = 512;
const OUTPUT = 'module_apply_default/Encoder_en/hidden_layers/l2_normalize';
/** The graph reads no further. */
const MAX_PIECES = 128;
/** Pieces a run: attention costs memory with the square of the longest text. */
const PIECES_PER_RUN = 1_024;

export class UseLite {
  readonly #session: InferenceSession;
  readonly #tokenizer: SentencePiece;

  private constructor(session: InferenceSession, tokenizer: SentencePiece) {
    this.#session = session;
    this.#tokenizer = tokenizer;
  }

  /** @param files the contents of model.json, of its weight shards joined, and of vocab.json */
  static async load(files: { model: string; weights: Uint8Array; vocabulary: string }): Promise<UseLite> {
    const graph = readTfjsGraph(JSON.parse(files.model), files.weights);
    const session = await InferenceSession.create(
      onnxFromTfjs(graph, { outputs: [OUTPUT] }),
      SESSION_OPTIONS,
    );
    const vocabulary = JSON.parse(files.vocabulary) as [string, number][];
    return new UseLite(session, new SentencePiece(vocabulary, { reserved: 6, unknown: 0 }));
  }

  /** @returns one L2-normalised vector a text, in order; a zero vector for a text without any piece */
  async encode(texts: string[]): Promise<Float32Array[]> {
    const pieces = texts.map((text) => this.#tokenizer.encode(text).slice(0, MAX_PIECES));
    const vectors = texts.map(() => new Float32Array(USE_LITE_DIMENSIONS));
    // Texts of like length side by side, so that little is padding.
    const order = pieces.map((_, index) => index).filter((index) => pieces[index]!.length > 0);
    order.sort((a, b) => pieces[a]!.length - pieces[b]!.length);
    for (let start = 0; start < order.length; ) {
      let end = start + 1;
      while (end < order.length && (end + 1 - start) * pieces[order[end]!]!.length <= PIECES_PER_RUN)
        end += 1;
      const batch = order.slice(start, end);
      const rows = await this.#run(batch.map((index) => pieces[index]!));
      for (const [row, index] of batch.entries()) {
        vectors[index]!.set(rows.subarray(row * USE_LITE_DIMENSIONS, (row + 1) * USE_LITE_DIMENSIONS));
      }
      start = end;
    }
    return vectors;
  }

  async #run(batch: number[][]): Promise<Float32Array> {
    const values = BigInt64Array.from(batch.flat(), BigInt);
    const places = BigInt64Array.from(
      batch.flatMap((ids, row) => ids.flatMap((_, column) => [row, column])),
      BigInt,
    );
    const results = await this.#session.run({
      indices: new Tensor('int64', places, [values.length, 2]),
      values: new Tensor('int64', values, [values.length]),
    });
    return results[OUTPUT]!.data as Float32Array;
  }
}
