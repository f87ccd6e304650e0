/**
 * Which blobs are referred to, in 32 MiB however many there are: a Bloom filter (Bloom 1970). It never forgets one; up to
 * 25 million blobs it takes at most one in a hundred others for marked, which then stays.
 */
const BITS = 2 ** 28;
/** Names are hashes already, so their digits serve as the filter's hashes: seven times eight of sixty-four. */
const DIGITS = 8;
const HASHES = 7;

export class Marks {
  readonly #bits = new Uint8Array(BITS / 8);

  /** @param sha256 64 hexadecimal digits */
  add(sha256: string): void {
    for (const place of places(sha256)) this.#bits[place >>> 3]! |= 1 << (place & 7);
  }

  has(sha256: string): boolean {
    return places(sha256).every((place) => (this.#bits[place >>> 3]! & (1 << (place & 7))) !== 0);
  }
}

function places(sha256: string): number[] {
  return Array.from(
    { length: HASHES },
    (_, i) => Number.parseInt(sha256.slice(i * DIGITS, (i + 1) * DIGITS), 16) % BITS,
  );
}
