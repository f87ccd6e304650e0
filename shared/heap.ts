import v8 from 'node:v8';

/**
 * Lets the heaps of this process and its threads grow to three times what lives in them before they are walked again.
 *
 * V8 chooses far less for heaps that hold little garbage, and counts the pictures and sounds that pass by on top: a heap of
 * 56 MB, with hardly anything to free, was walked once a second. On seven clips it is 4 to 7 % less processor time for
 * indexing and some 60 to 90 MB more memory, of 1.7 GB.
 */
export function letHeapsGrow(): void {
  v8.setFlagsFromString('--heap-growing-percent=200');
}
