/** Encoders turn pictures and texts into vectors. All vectors are L2-normalised float32. */
import type { Box } from '../contracts/common.ts';

export interface EncodeOptions {
  signal?: AbortSignal;
}

export interface TextEncoder {
  /** Model id and version; vectors of different ids are never compared. */
  readonly id: string;
  readonly dimensions: number;
  /** English and Chinese. One vector a text, in order. An empty text gives a zero vector. */
  encode(texts: string[], options?: EncodeOptions): Promise<Float32Array[]>;
  /** Loads the weights. @throws CinedexError MODEL_MISSING */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}

export interface EmbeddedPicture {
  vector: Float32Array;
  /** What is seen, most certain first; empty where the encoder has no labels. */
  labels: { label: string; score: number; box?: Box }[];
  /** 0..1; null where no safety model is loaded. */
  explicit: number | null;
}

/** A shortcoming that a reader of an answer must know of: a code that stays, and what it means. */
export interface Caveat {
  code: string;
  message: string;
}

/** Pictures and texts in one space. */
export interface MultimodalEncoder {
  readonly space: { id: string; dimensions: number; model: string };
  /** What a reader of an answer must know about this encoder's quality; null when it is a true joint space. */
  readonly caveat: Caveat | null;
  /** @param pictures encoded images (JPEG, PNG or WebP) */
  encodePictures(pictures: Uint8Array[], options?: EncodeOptions): Promise<EmbeddedPicture[]>;
  encodeTexts(texts: string[], options?: EncodeOptions): Promise<Float32Array[]>;
  warmUp(): Promise<void>;
  close(): Promise<void>;
}

/** One of each a process; they are made at first use. */
export interface Encoders {
  text(): TextEncoder;
  multimodal(): MultimodalEncoder;
  close(): Promise<void>;
}
