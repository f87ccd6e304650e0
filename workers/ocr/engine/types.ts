/** What every reading engine speaks: pictures in, quads and readings out. */
import type { Bounds } from './geometry.ts';

export type Point = [x: number, y: number];

/** Four corners, clockwise from the top left of the text as it is read. In pixels unless said otherwise. */
export type Quad = [Point, Point, Point, Point];

/** Interleaved 8-bit RGB, row after row. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

/** One 8-bit channel, row after row. */
export interface Grey {
  data: Uint8Array;
  width: number;
  height: number;
}

export interface DetectedText {
  quad: Quad;
  /** 0..1, how sure the detector is that this is text. */
  score: number;
}

export interface Reading {
  text: string;
  /** 0..1. */
  confidence: number;
}

export type EngineName = 'ppocr' | 'tesseract';

/** Finds lines of text in a picture. */
export interface TextDetector {
  /**
   * Quads in pixels of the picture, from top to bottom and left to right.
   *
   * @param places pixels of the picture: nothing outside of them is asked for; without them, the whole picture
   */
  detect(picture: Pixels, places?: readonly Bounds[]): Promise<DetectedText[]>;
  /**
   * Where there may be text at all, pixels of the picture: at a third of the cost, and blind to the smallest letters.
   * A detector without it is as cheap as can be.
   *
   * @param letters `large`: only those that are no strokes to a survey, a tenth of the picture and more, cheaper still
   */
  glance?(picture: Pixels, letters?: 'all' | 'large'): Promise<Bounds[]>;
  close(): Promise<void>;
}

/** Reads lines of text that were found. */
export interface TextRecogniser {
  readonly engine: EngineName;
  /** Engines judge themselves by different measures: what a confidence of 1 with PP-OCR is worth here. */
  readonly confidenceScale: number;
  /** One reading a quad, in order; the text is empty where nothing could be read. */
  recognise(picture: Pixels, quads: readonly Quad[]): Promise<Reading[]>;
  close(): Promise<void>;
}
