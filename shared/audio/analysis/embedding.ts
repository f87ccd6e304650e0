/**
 * A vector for a span of sound: what it sounds like, not what is said in it. Spans of the same recording, the same voice
 * or the same piece lie close; it is no classifier. 104 dimensions, none of which depends on the level:
 *
 *   0 …  19  mean of the mel cepstra 1 … 20 (timbre)
 *  20 …  39  their deviation
 *  40 …  59  deviation of their change from frame to frame
 *  60 …  71  mean share of each pitch class, C … B
 *  72 …  83  deviation of those
 *  84 …  95  mean and deviation of the spectral flatness in six bands from 50 Hz to 8 kHz
 *  96 … 101  deviation of: onset strength, zero crossings, centroid, roll-off, level; mean of the centroid
 * 102 … 103  mean tonal stability and mean share of new notes
 *
 * Each value is centred and scaled by constants measured once on mixed speech, music and noise (`node workers/audio/bench/audio.ts
 * scale` measures them), limited to ±3, and the
 * whole is L2-normalised, so a dot product is a cosine.
 */
import scale from './embedding-scale.json' with { type: 'json' };
import { type Block, CEPSTRA, FLATNESS_BANDS, LONG_VALUES, SHORT_VALUES } from './features.ts';

const LIMIT = 3;

/** Statistics before scaling, or null where no frame was heard. */
export function rawEmbedding(blocks: readonly Block[]): Float32Array | null {
  const short = statistics(
    blocks,
    (block) => [block.short, block.shortSquares, block.shortFrames],
    SHORT_VALUES,
  );
  const long = statistics(blocks, (block) => [block.long, block.longSquares, block.longFrames], LONG_VALUES);
  if (!short) return null;
  const flat = CEPSTRA * 2;
  const scalars = flat + FLATNESS_BANDS;
  const zeros = { mean: new Float32Array(LONG_VALUES), deviation: new Float32Array(LONG_VALUES) };
  const tonal = long ?? zeros;
  return Float32Array.from([
    ...short.mean.subarray(0, CEPSTRA),
    ...short.deviation.subarray(0, CEPSTRA),
    ...short.deviation.subarray(CEPSTRA, flat),
    ...tonal.mean.subarray(0, 12),
    ...tonal.deviation.subarray(0, 12),
    ...short.mean.subarray(flat, scalars),
    ...short.deviation.subarray(flat, scalars),
    ...short.deviation.subarray(scalars),
    short.mean[scalars + 2]!,
    ...tonal.mean.subarray(12),
  ]);
}

/** @returns a unit vector, or null where nothing was heard */
export function embedBlocks(blocks: readonly Block[]): Float32Array | null {
  const raw = rawEmbedding(blocks);
  if (!raw) return null;
  let norm = 0;
  for (let i = 0; i < raw.length; i++) {
    const value = (raw[i]! - scale.centre[i]!) / scale.deviation[i]!;
    raw[i] = Math.max(-LIMIT, Math.min(LIMIT, value));
    norm += raw[i]! ** 2;
  }
  if (norm === 0) return null;
  const length = Math.sqrt(norm);
  return raw.map((value) => value / length);
}

function statistics(
  blocks: readonly Block[],
  of: (block: Block) => [sums: Float32Array, squares: Float32Array, frames: number],
  values: number,
): { mean: Float32Array; deviation: Float32Array } | null {
  const mean = new Float32Array(values);
  const deviation = new Float32Array(values);
  let count = 0;
  for (const block of blocks) {
    const [sums, squares, frames] = of(block);
    count += frames;
    for (let i = 0; i < values; i++) {
      mean[i]! += sums[i]!;
      deviation[i]! += squares[i]!;
    }
  }
  if (count === 0) return null;
  for (let i = 0; i < values; i++) {
    mean[i]! /= count;
    deviation[i] = Math.sqrt(Math.max(0, deviation[i]! / count - mean[i]! ** 2));
  }
  return { mean, deviation };
}
