/**
 * The near-duplicate signature of a video: difference hashes of its pictures over time (Krawetz, "Kind of like that", 2013)
 * and its acoustic fingerprint. Two videos are compared at the offset in time at which most pictures agree. Look-up
 * bands (locality-sensitive hashing, Indyk & Motwani 1998: like hashes agree in at least one band) find the candidates
 * without comparing with every video.
 */
import { popcount } from '../../shared/audio/fingerprint-match.ts';

export interface TimedHash {
  timeSec: number;
  /** 64 bits as two unsigned halves, the high one first. */
  high: number;
  low: number;
}

/** 6 bands a picture: hashes up to 5 bits apart always share one. */
const BANDS = 6;
const BAND_PICTURES = 40;
const SOUND_BANDS = 32;
/** A dark or flat picture has a hash that says nothing. */
const MIN_SET_BITS = 6;
export const SAME_PICTURE_BITS = 10;

/** @param hexadecimal 16 digits */
export function parseHash(timeSec: number, hexadecimal: string): TimedHash {
  return {
    timeSec,
    high: Number.parseInt(hexadecimal.slice(0, 8), 16),
    low: Number.parseInt(hexadecimal.slice(8), 16),
  };
}

export function bitsApart(a: Pick<TimedHash, 'high' | 'low'>, b: Pick<TimedHash, 'high' | 'low'>): number {
  return popcount((a.high ^ b.high) >>> 0) + popcount((a.low ^ b.low) >>> 0);
}

export function isTelling(hash: TimedHash): boolean {
  const bits = bitsApart(hash, { high: 0, low: 0 });
  return bits >= MIN_SET_BITS && bits <= 64 - MIN_SET_BITS;
}

/**
 * Keywords under which a video is looked up: bands of its pictures' hashes, and those of its fingerprint's words that come
 * first when shuffled (a bottom-k sketch, Broder 1997), which two copies of a recording share even when coded anew.
 */
export function signatureBands(hashes: readonly TimedHash[], sound: Uint32Array | null): string[] {
  const telling = [
    ...new Map(hashes.filter(isTelling).map((hash) => [`${hash.high} ${hash.low}`, hash])).values(),
  ];
  const bands = new Set<string>();
  const step = Math.max(1, telling.length / BAND_PICTURES);
  for (let i = 0; i < telling.length; i += step) {
    const { high, low } = telling[Math.floor(i)]!;
    const bits = (BigInt(high) << 32n) | BigInt(low);
    for (let band = 0; band < BANDS; band++) {
      const from = BigInt(Math.floor((64 * band) / BANDS));
      const to = BigInt(Math.floor((64 * (band + 1)) / BANDS));
      bands.add(`${band}:${((bits >> from) & ((1n << (to - from)) - 1n)).toString(36)}`);
    }
  }
  const words = [...new Set(sound ?? [])].filter((word) => word !== 0);
  words.sort((a, b) => shuffled(a) - shuffled(b));
  for (const word of words.slice(0, SOUND_BANDS)) bands.add(`s:${word.toString(36)}`);
  return [...bands];
}

/** A fixed permutation of 32-bit words (the finaliser of MurmurHash3, public domain). */
function shuffled(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export interface PictureMatch {
  /** Share of the shorter one's telling pictures that have their like in the other at the same offset, 0..1. */
  share: number;
  /** Mean bits between those pictures. */
  meanBits: number;
  /** Different pictures of the shorter one among them. */
  distinct: number;
  offsetSec: number;
}

const NO_MATCH: PictureMatch = { share: 0, meanBits: 64, distinct: 0, offsetSec: 0 };
const OFFSETS_TRIED = 5;

/** Compares two videos at the offset at which most of their pictures agree. Symmetrical but for the offset's sign. */
export function comparePictures(
  a: readonly TimedHash[],
  b: readonly TimedHash[],
  toleranceSec = 0.75,
): PictureMatch {
  const left = a.filter(isTelling);
  const right = b.filter(isTelling);
  if (left.length === 0 || right.length === 0) return NO_MATCH;
  const turned = left.length > right.length;
  const [shorter, longer] = turned ? [right, left] : [left, right];
  const votes = new Map<number, number>();
  for (const one of shorter) {
    for (const other of longer) {
      if (bitsApart(one, other) > SAME_PICTURE_BITS) continue;
      const slot = Math.round((other.timeSec - one.timeSec) / toleranceSec);
      votes.set(slot, (votes.get(slot) ?? 0) + 1);
    }
  }
  let best = NO_MATCH;
  for (const [slot] of [...votes].sort(([, x], [, y]) => y - x).slice(0, OFFSETS_TRIED)) {
    const match = matchAt(shorter, longer, slot * toleranceSec, toleranceSec);
    if (match.share > best.share || (match.share === best.share && match.meanBits < best.meanBits))
      best = match;
  }
  return turned ? { ...best, offsetSec: -best.offsetSec } : best;
}

function matchAt(
  shorter: readonly TimedHash[],
  longer: readonly TimedHash[],
  offsetSec: number,
  toleranceSec: number,
): PictureMatch {
  let matched = 0;
  let bits = 0;
  const different: TimedHash[] = [];
  for (const one of shorter) {
    let least = 64;
    for (const other of longer) {
      if (Math.abs(other.timeSec - one.timeSec - offsetSec) <= toleranceSec) {
        least = Math.min(least, bitsApart(one, other));
      }
    }
    if (least > SAME_PICTURE_BITS) continue;
    matched += 1;
    bits += least;
    if (different.every((known) => bitsApart(known, one) > SAME_PICTURE_BITS)) different.push(one);
  }
  if (matched === 0) return NO_MATCH;
  return { share: matched / shorter.length, meanBits: bits / matched, distinct: different.length, offsetSec };
}

/** What a look at the pictures says of two videos. */
export type Verdict = 'same' | 'different' | 'ask-the-sound';

export interface Pictures {
  durationSec: number;
  hashes: readonly TimedHash[];
}

const MIN_DURATION_RATIO = 0.5;
const MIN_SHARE = 0.7;
const MIN_SHARE_WITH_SOUND = 0.4;
const MIN_DISTINCT = 3;
const MAX_MEAN_BITS = 6;
/** A still with a voice over it looks like every other with the same cover: then length and sound decide. */
const SAME_LENGTH_SEC = 0.5;
const MAX_MEAN_BITS_FEW = 3;

export function judgePictures(a: Pictures, b: Pictures): Verdict {
  const [shorter, longer] = [a.durationSec, b.durationSec].sort((x, y) => x - y) as [number, number];
  if (longer > 0 && shorter / longer < MIN_DURATION_RATIO) return 'different';
  const sameLength = longer - shorter <= Math.max(SAME_LENGTH_SEC, longer * 0.02);
  const nothingToSee = !a.hashes.some(isTelling) && !b.hashes.some(isTelling);
  if (nothingToSee) return sameLength ? 'ask-the-sound' : 'different';
  const { share, meanBits, distinct } = comparePictures(a.hashes, b.hashes);
  if (share >= MIN_SHARE && meanBits <= MAX_MEAN_BITS && distinct >= MIN_DISTINCT) return 'same';
  if (share >= MIN_SHARE && meanBits <= MAX_MEAN_BITS_FEW && sameLength) return 'ask-the-sound';
  if (share >= MIN_SHARE_WITH_SOUND && distinct >= MIN_DISTINCT) return 'ask-the-sound';
  return 'different';
}

/**
 * Where only the sound can tell: the same recording makes two videos one; silent ones are one when their pictures, as
 * few as they are, agree throughout.
 * @param same whether their fingerprints hold the same recording; null when neither has one
 */
export function judgeSound(a: Pictures, b: Pictures, same: boolean | null): boolean {
  if (same !== null) return same;
  const { share, meanBits } = comparePictures(a.hashes, b.hashes);
  return share === 1 && meanBits <= MAX_MEAN_BITS_FEW;
}

/** `time:hash` pairs in one string, the form in which a point carries them. */
export function packHashes(hashes: readonly TimedHash[]): string {
  const half = (value: number) => value.toString(16).padStart(8, '0');
  return hashes.map(({ timeSec, high, low }) => `${timeSec.toFixed(2)}:${half(high)}${half(low)}`).join(' ');
}

export function unpackHashes(packed: string): TimedHash[] {
  return packed
    .split(' ')
    .filter(Boolean)
    .map((pair) => {
      const [time = '0', hash = ''] = pair.split(':');
      return parseHash(Number(time), hash.padStart(16, '0'));
    });
}
