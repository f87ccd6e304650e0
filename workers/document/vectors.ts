/** Vectors out of blobs, and sums of them. */
import type { VectorBlob } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';

/** Rows of a vector blob. @throws CinedexError ARTIFACT_CORRUPT when its size does not fit */
export async function readVectors(
  artifacts: ArtifactStore,
  matrix: VectorBlob | null,
): Promise<Float32Array[]> {
  if (!matrix) return [];
  const bytes = await artifacts.getBlob(matrix.blob);
  const { rows, dimensions } = matrix;
  if (bytes.byteLength !== rows * dimensions * 4) {
    throw new CinedexError(
      'ARTIFACT_CORRUPT',
      `${rows} × ${dimensions} vectors in ${bytes.byteLength} bytes.`,
    );
  }
  // A copy: the buffer may lie at any offset of a pool, and Float32Array wants multiples of four.
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  return Array.from({ length: rows }, (_, row) => values.subarray(row * dimensions, (row + 1) * dimensions));
}

/** Unit vector in the direction of the (weighted) sum; undefined when there is nothing or it cancels out. */
export function centre(
  vectors: readonly Float32Array[],
  weights?: readonly number[],
): Float32Array | undefined {
  const first = vectors[0];
  if (!first) return undefined;
  const sum = new Float32Array(first.length);
  vectors.forEach((vector, index) => {
    const weight = weights?.[index] ?? 1;
    for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]! * weight;
  });
  return unit(sum);
}

/** Undefined for a zero vector (an empty text), which has no direction to be near to. */
export function unit(vector: Float32Array): Float32Array | undefined {
  let square = 0;
  for (const value of vector) square += value * value;
  if (!(square > 1e-12)) return undefined;
  const length = Math.sqrt(square);
  return vector.map((value) => value / length);
}
