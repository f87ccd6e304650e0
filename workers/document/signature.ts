/**
 * The near-duplicate signature of a video: difference hashes of its pictures over time (Krawetz, "Kind of like that", 2013),
 * compared at the best offset, and look-up bands (locality-sensitive hashing: two hashes that differ in fewer bits than
 * there are bands agree in at least one band), so that candidates are found without comparing with every video.
 */

export interface TimedHash {
  timeSec: number;
  /** 64 bits. */
  hash: bigint;
}

/** 6 bands: hashes up to 5 bits apart always share one. */
const BANDS = 6;
const BAND_HASHES = 40;
/** A dark or flat picture has a hash that says nothing. */
const MIN_SET_BITS = 6;

export function parseHash(hexadecimal: string): bigint {
  return BigInt(`0x${hexadecimal}`);
}

export function hammingDistance(a: bigint, b: bigint): number {
  let rest = a ^ b;
  let bits = 0;
  while (rest !== 0n) {
    rest &= rest - 1n;
    bits += 1;
  }
  return bits;
}

export function isTelling({ hash }: TimedHash): boolean {
  const bits = hammingDistance(hash, 0n);
  return bits >= MIN_SET_BITS && bits <= 64 - MIN_SET_BITS;
}

/** Keywords under which a video with these pictures is looked up. */
export function signatureBands(hashes: readonly TimedHash[]): string[] {
  const telling = [...new Map(hashes.filter(isTelling).map((each) => [each.hash, each])).values()];
  const step = Math.max(1, telling.length / BAND_HASHES);
  const bands = new Set<string>();
  for (let i = 0; i < telling.length; i += step) {
    const { hash } = telling[Math.floor(i)]!;
    for (let band = 0; band < BANDS; band++) {
      const from = BigInt(Math.floor((64 * band) / BANDS));
      const to = BigInt(Math.floor((64 * (band + 1)) / BANDS));
      const value = (hash >> from) & ((1n << (to - from)) - 1n);
      bands.add(`${band}:${value.toString(36)}`);
    }
  }
  return [...bands];
}

export interface PictureMatch {
  /** Share of the shorter one's pictures that have their like in the other at the same offset, 0..1. */
  share: number;
  /** Mean bits between those pictures. */
  meanBits: number;
  /** Pictures that match. */
  pictures: number;
  offsetSec: number;
}

const SAME_PICTURE_BITS = 10;
const NO_MATCH: PictureMatch = { share: 0, meanBits: 64, pictures: 0, offsetSec: 0 };

/** Compares two videos at the offset at which most of their pictures agree. Symmetrical but for the offset's sign. */
export function comparePictures(
  a: readonly TimedHash[],
  b: readonly TimedHash[],
  toleranceSec = 0.75,
): PictureMatch {
  const left = a.filter(isTelling);
  const right = b.filter(isTelling);
  if (left.length === 0 || right.length === 0) return NO_MATCH;
  const votes = new Map<number, number>();
  for (const one of left) {
    for (const other of right) {
      if (hammingDistance(one.hash, other.hash) > SAME_PICTURE_BITS) continue;
      const slot = Math.round((other.timeSec - one.timeSec) / toleranceSec);
      votes.set(slot, (votes.get(slot) ?? 0) + 1);
    }
  }
  const candidates = [...votes].sort(([, x], [, y]) => y - x).slice(0, 5);
  const [shorter, longer, sign] = left.length <= right.length ? [left, right, 1] : [right, left, -1];
  let best = NO_MATCH;
  for (const [slot] of candidates) {
    const offsetSec = slot * toleranceSec;
    const distances = shorter.flatMap((one) => {
      const near = longer.filter(
        (other) => Math.abs(other.timeSec - one.timeSec - sign * offsetSec) <= toleranceSec,
      );
      const bits = Math.min(64, ...near.map((other) => hammingDistance(one.hash, other.hash)));
      return bits <= SAME_PICTURE_BITS ? [bits] : [];
    });
    const share = distances.length / shorter.length;
    const meanBits =
      distances.length === 0 ? 64 : distances.reduce((sum, each) => sum + each, 0) / distances.length;
    if (share > best.share || (share === best.share && meanBits < best.meanBits)) {
      best = { share, meanBits, pictures: distances.length, offsetSec };
    }
  }
  return best;
}

/** `time:hash` pairs in one string, the form in which a point carries them. */
export function packHashes(hashes: readonly TimedHash[]): string {
  return hashes.map(({ timeSec, hash }) => `${timeSec.toFixed(2)}:${hash.toString(16)}`).join(' ');
}

export function unpackHashes(packed: string): TimedHash[] {
  return packed
    .split(' ')
    .filter(Boolean)
    .map((pair) => {
      const [time, hash] = pair.split(':');
      return { timeSec: Number(time), hash: parseHash(hash ?? '0') };
    });
}
