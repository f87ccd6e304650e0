/**
 * Acoustic fingerprints: one 32-bit word every 64 ms, after Haitsma and Kalker, "A Highly Robust Audio Fingerprinting
 * System" (ISMIR 2002): bit m says whether the energy difference of neighbouring bands m and m + 1 grew since a moment
 * ago. Codecs, noise, level and band limits flip few bits; another recording flips half of them. It is our own
 * implementation on every machine, because ffmpeg's chromaprint muxer is not in every build and two algorithms could
 * not be compared with each other. It does not survive a change of pitch.
 * @public used by a stage, which may be removed
 */
export const FINGERPRINT_ALGORITHM = 'cinedex-bands-1';
const FINGERPRINT_SAMPLE_RATE = 16_000;
/** Samples of one spectrum and between two spectra. */
export const FINGERPRINT_FRAME = 4096;
const FINGERPRINT_HOP = 1024;
export const FINGERPRINT_FRAME_SEC = FINGERPRINT_HOP / FINGERPRINT_SAMPLE_RATE;

const BITS = 32;
const BANDS = BITS + 1;
const LOWEST_HZ = 300;
const HIGHEST_HZ = 2_800;
/** Frames between the two moments compared (0.32 s): longer than a spectrum, so that the two do not overlap. */
const LAG = 5;
/** Mean power of a bin below which a frame counts as silent and gets the word 0, which is never compared. */
const SILENT_POWER = 1e-4;

/** First bin of each band and the end of the last: logarithmic, at least one bin each. */
const BAND_EDGES = Uint16Array.from({ length: BANDS + 1 }, (_, i) =>
  Math.round(
    (LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (i / BANDS) * FINGERPRINT_FRAME) / FINGERPRINT_SAMPLE_RATE,
  ),
);

/** Builds a fingerprint from power spectra, as they come. */
export class Fingerprinter {
  #words = new Uint32Array(1024);
  #length = 0;
  #history: Float32Array[] = [];

  /** @param power Hann-windowed power spectrum of {@link FINGERPRINT_FRAME} samples, {@link FINGERPRINT_HOP} after the last */
  push(power: Float32Array): void {
    const energies = new Float32Array(BANDS);
    let total = 0;
    for (let band = 0; band < BANDS; band++) {
      let sum = 0;
      const end = BAND_EDGES[band + 1]!;
      for (let bin = BAND_EDGES[band]!; bin < end; bin++) sum += power[bin]!;
      total += sum;
      energies[band] = Math.sqrt(sum);
    }
    this.#history.push(energies);
    if (this.#history.length <= LAG) return;
    const earlier = this.#history.shift()!;
    let word = 0;
    if (total / (BAND_EDGES[BANDS]! - BAND_EDGES[0]!) >= SILENT_POWER) {
      for (let bit = 0; bit < BITS; bit++) {
        const now = energies[bit]! - energies[bit + 1]!;
        const then = earlier[bit]! - earlier[bit + 1]!;
        if (now > then) word |= 1 << bit;
      }
    }
    this.#append(word >>> 0);
  }

  /** The words so far. */
  finish(): Uint32Array {
    return this.#words.slice(0, this.#length);
  }

  #append(word: number): void {
    if (this.#length === this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#length++] = word;
  }
}

/** The fingerprint of a whole signal of 16 kHz mono samples. */
export function fingerprintOf(samples: Float32Array, fft: SpectrumSource): Uint32Array {
  const fingerprinter = new Fingerprinter();
  const power = new Float32Array(FINGERPRINT_FRAME / 2 + 1);
  for (let start = 0; start + FINGERPRINT_FRAME <= samples.length; start += FINGERPRINT_HOP) {
    fft(samples, start, power);
    fingerprinter.push(power);
  }
  return fingerprinter.finish();
}

/** Writes the power spectrum of the frame at `offset`. */
export type SpectrumSource = (samples: Float32Array, offset: number, power: Float32Array) => void;

/** Little-endian bytes of the words, as stored in a blob. */
export function encodeFingerprint(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true);
  return bytes;
}

/** The words of a blob; bytes beyond the last whole word are ignored. */
export function decodeFingerprint(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, index) =>
    view.getUint32(index * 4, true),
  );
}
