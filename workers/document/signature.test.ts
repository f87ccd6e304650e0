import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { SMALL_GREY } from '../../shared/media/samples.ts';
import { describedPicture } from '../../test/fixtures/described-video.ts';
import { differenceHash, pictureArea } from './picture-hash.ts';
import {
  bitsApart,
  comparePictures,
  isTelling,
  judgePictures,
  judgeSound,
  packHashes,
  signatureBands,
  type TimedHash,
  unpackHashes,
} from './signature.ts';

async function grey(picture: Sharp | Buffer): Promise<Uint8Array> {
  const pipeline = Buffer.isBuffer(picture) ? sharp(picture) : picture;
  return pipeline.greyscale().resize(SMALL_GREY.width, SMALL_GREY.height, { fit: 'fill' }).raw().toBuffer();
}

async function hashes(pictures: (Sharp | Buffer)[]) {
  const greys = await Promise.all(pictures.map(grey));
  const area = pictureArea(greys);
  return greys.map((each) => differenceHash(each, area));
}

describe('differenceHash', () => {
  it('hardly changes with size, quality, brightness and bars, and does with the picture', async () => {
    const picture = await describedPicture('a street', 640, 360);
    const [original] = await hashes([picture]);
    const copies: [string, Sharp][] = [
      ['small', sharp(picture).resize(160, 90)],
      ['bright', sharp(picture).modulate({ brightness: 1.15 })],
      ['blurred', sharp(picture).blur(3)],
      ['letterboxed', sharp(picture).extend({ top: 60, bottom: 60, background: '#000' })],
    ];
    for (const [name, copy] of copies) {
      const [hash] = await hashes([await copy.jpeg({ quality: 50 }).toBuffer()]);
      expect(bitsApart(original!, hash!), name).toBeLessThanOrEqual(5);
    }
    const [other] = await hashes([await describedPicture('a kitchen', 640, 360)]);
    expect(bitsApart(original!, other!)).toBeGreaterThan(15);
  });

  it('of a black picture says nothing', async () => {
    const [hash] = await hashes([await describedPicture('black')]);
    expect(isTelling({ timeSec: 0, ...hash! })).toBe(false);
  });
});

/** Unlike hashes, one every half second; `seed` gives other ones. */
function strip(count: number, seed: number, from = 0): TimedHash[] {
  return Array.from({ length: count }, (_, i) => {
    const mix = (salt: number) =>
      Math.imul((i + from + 1) * 2_654_435_761 + seed * 97 + salt, 0x9e3779b1) >>> 0;
    return { timeSec: i / 2, high: (mix(1) ^ (mix(2) >>> 7)) >>> 0, low: (mix(3) ^ (mix(4) >>> 5)) >>> 0 };
  });
}

describe('comparing videos', () => {
  const original = strip(40, 1);
  const film = { durationSec: 20, hashes: original };

  it('finds a copy with a few bits changed, and a piece cut out of the middle at its offset', () => {
    const changed = original.map((hash) => ({ ...hash, low: (hash.low ^ 0b101) >>> 0 }));
    expect(judgePictures(film, { durationSec: 20, hashes: changed })).toBe('same');
    const piece = original.slice(10, 34).map((hash) => ({ ...hash, timeSec: hash.timeSec - 5 }));
    const match = comparePictures(piece, original);
    expect(match).toMatchObject({ share: 1, offsetSec: expect.closeTo(5, 0) });
    expect(comparePictures(original, piece).offsetSec).toBeCloseTo(-match.offsetSec);
    expect(judgePictures(film, { durationSec: 12, hashes: piece })).toBe('same');
  });

  it('does not take another film, the same pictures in another order, or a short excerpt for a copy', () => {
    expect(judgePictures(film, { durationSec: 20, hashes: strip(40, 2) })).toBe('different');
    const shuffledOrder = original.map((hash, i) => ({ ...original[(i * 17) % 40]!, timeSec: hash.timeSec }));
    expect(judgePictures(film, { durationSec: 20, hashes: shuffledOrder })).toBe('different');
    expect(judgePictures(film, { durationSec: 3, hashes: original.slice(0, 6) })).toBe('different');
  });

  it('asks the sound where a still or nothing is seen', () => {
    const still = { durationSec: 20, hashes: original.map(({ timeSec }) => ({ ...original[0]!, timeSec })) };
    expect(judgePictures(still, structuredClone(still))).toBe('ask-the-sound');
    expect(judgePictures(still, { ...still, durationSec: 15 })).toBe('different');
    const black = { durationSec: 20, hashes: [{ timeSec: 0, high: 0, low: 0 }] };
    expect(judgePictures(black, black)).toBe('ask-the-sound');
    expect(judgeSound(still, still, true)).toBe(true);
    expect(judgeSound(still, still, false)).toBe(false);
    expect(judgeSound(still, still, null)).toBe(true);
    expect(judgeSound(black, black, null)).toBe(false);
  });

  it('is symmetrical', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(20), (seedA, seedB, cut) => {
        const a = { durationSec: 20, hashes: strip(40, seedA % 3) };
        const b = { durationSec: 20 - cut / 2, hashes: strip(40 - cut, seedB % 3, cut) };
        return judgePictures(a, b) === judgePictures(b, a);
      }),
      { numRuns: 40 },
    );
  });
});

describe('bands', () => {
  it('are shared by hashes up to five bits apart', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(63), { maxLength: 5 }), (flipped) => {
        const [hash] = strip(1, 9) as [TimedHash];
        const copy = { ...hash };
        for (const bit of flipped) {
          if (bit < 32) copy.low = (copy.low ^ (1 << bit)) >>> 0;
          else copy.high = (copy.high ^ (1 << (bit - 32))) >>> 0;
        }
        const known = new Set(signatureBands([hash], null));
        return !isTelling(copy) || signatureBands([copy], null).some((band) => known.has(band));
      }),
    );
  });

  it('are shared by recordings of which a part of the words is equal', () => {
    const words = Uint32Array.from({ length: 400 }, (_, i) => Math.imul(i + 1, 2_654_435_761) >>> 0);
    const copy = words.map((word, i) => (i % 4 === 0 ? word : (word ^ (1 << (i % 32))) >>> 0));
    const other = words.map((_, i) => Math.imul(i + 100_000, 2_654_435_761) >>> 0);
    const known = new Set(signatureBands([], words));
    expect(signatureBands([], copy).some((band) => known.has(band))).toBe(true);
    expect(signatureBands([], other).some((band) => known.has(band))).toBe(false);
  });
});

describe('packing', () => {
  it('gives back what it got', () => {
    const hash = fc.record({
      timeSec: fc.integer({ min: 0, max: 10_000 }).map((n) => n / 4),
      high: fc.nat(0xffffffff),
      low: fc.nat(0xffffffff),
    });
    fc.assert(
      fc.property(fc.array(hash), (all) => {
        expect(unpackHashes(packHashes(all))).toEqual(all);
      }),
    );
  });
});
