/** Waiting for no longer than a search can: what is late is left out. */

export const LATE = Symbol('late');

/**
 * The value, or {@link LATE} once the signal is aborted before it is there. What is late goes on by itself; nobody asks for
 * its outcome any more.
 * @param late undefined: waits for however long it takes
 */
export async function unlessLate<T>(
  work: Promise<T>,
  late: AbortSignal | undefined,
): Promise<T | typeof LATE> {
  if (!late) return work;
  const tooLate = Promise.withResolvers<typeof LATE>();
  const onAbort = () => tooLate.resolve(LATE);
  late.addEventListener('abort', onAbort, { once: true });
  if (late.aborted) onAbort();
  try {
    return await Promise.race([work, tooLate.promise]);
  } finally {
    late.removeEventListener('abort', onAbort);
  }
}
