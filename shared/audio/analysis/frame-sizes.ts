export const SAMPLE_RATE = 16_000;
/** A short frame (64 ms, every 32 ms) hears timbre and onsets. */
export const SHORT_FRAME = 1024;
export const SHORT_HOP = 512;
/** A long frame (256 ms, every 64 ms) hears notes. It is the fingerprint's frame too. */
export const LONG_FRAME = 4096;
export const LONG_HOP = 1024;
/** Short frames in a block. */
export const BLOCK_FRAMES = 16;
