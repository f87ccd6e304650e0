/** Face descriptors: how far apart two are, and one that stands for many. */

export const DESCRIPTOR_DIMENSIONS = 128;

/**
 * How much a descriptor may be relied on. `weak` (small, turned or blurred) supports a match but never names anyone by
 * itself; `none` is a face that was seen but could not be described, such as a full profile.
 */
export type DescriptorStrength = 'strong' | 'weak' | 'none';

/** Euclidean distance; 0 is the same picture, about 0.6 parts two people. */
export function descriptorDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) {
    const difference = a[index]! - b[index]!;
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

/**
 * The median of each coordinate: one bad view among several does not move it.
 * @param descriptors at least one, of equal length
 * @public used by a stage, which may be removed
 */
export function medianDescriptor(descriptors: readonly ArrayLike<number>[]): Float32Array {
  const [first] = descriptors;
  if (!first) throw new RangeError('A median needs at least one descriptor.');
  const median = new Float32Array(first.length);
  const middle = (descriptors.length - 1) / 2;
  for (let index = 0; index < first.length; index++) {
    const column = descriptors.map((descriptor) => descriptor[index]!).sort((a, b) => a - b);
    median[index] = (column[Math.floor(middle)]! + column[Math.ceil(middle)]!) / 2;
  }
  return median;
}
