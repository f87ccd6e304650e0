/**
 * Gives the memory of arrays back at once; they are empty afterwards.
 *
 * V8 counts the memory of typed arrays as a reason to collect, whatever it then finds: a thread that only lets go of a
 * picture of 2.8 MB now and then walks its whole heap every fourth one, for a twentieth of all that indexing costs.
 *
 * An array that shares its memory with others (a part of a larger one, a small Buffer of the pool) is left to the
 * collector, and so is everything where the runtime cannot detach memory (Node before 22).
 */
export function release(...arrays: readonly (ArrayBufferView | undefined)[]): void {
  for (const array of arrays) {
    const memory = array?.buffer;
    if (!(memory instanceof ArrayBuffer) || memory.byteLength === 0) continue;
    if (array?.byteLength === memory.byteLength) memory.transfer?.(0);
  }
}
