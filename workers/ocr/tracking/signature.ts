/**
 * A signature of a line of text that survives a moving background: which pixels have the letters' colour, and which of
 * those around them do not.
 */
import { cropLine, type Pyramid } from '../engine/crop.ts';
import { colourDistances, findInk, type Ink } from '../engine/ink.ts';
import type { Quad } from '../engine/types.ts';

export interface Signature {
  quad: Quad;
  colour: Ink['colour'];
  tolerance: number;
  /** 1 for a letter, 2 for the ring around the letters, 0 elsewhere. */
  mask: Uint8Array;
  letterPixels: number;
  ringPixels: number;
}

const HEIGHT = 32;
const RING = 2;
/** Compression blurs colours from picture to picture. */
const SLACK = 1.25;
const MIN_LETTERS_KEPT = 0.9;
const MIN_RING_KEPT = 0.8;

/** @returns null where the letters do not stand out by their colour; such a line is looked at each time */
export function signatureOf(pyramid: Pyramid, quad: Quad): Signature | null {
  const strip = cropLine(pyramid, quad, HEIGHT);
  const ink = findInk(strip);
  if (!ink) return null;
  const { width, height } = strip;
  const tolerance = ink.tolerance * 1.2;
  const mask = new Uint8Array(width * height);
  let letterPixels = 0;
  for (let i = 0; i < mask.length; i++) {
    if (ink.distances[i]! >= tolerance) continue;
    mask[i] = 1;
    letterPixels += 1;
  }
  let ringPixels = 0;
  for (let y = RING; y < height - RING; y++) {
    for (let x = RING; x < width - RING; x++) {
      const i = y * width + x;
      if (mask[i] === 1) continue;
      const near =
        mask[i - RING] === 1 ||
        mask[i + RING] === 1 ||
        mask[i - RING * width] === 1 ||
        mask[i + RING * width] === 1;
      if (!near) continue;
      mask[i] = 2;
      ringPixels += 1;
    }
  }
  if (letterPixels === 0 || ringPixels === 0) return null;
  return { quad, colour: ink.colour, tolerance, mask, letterPixels, ringPixels };
}

/** Whether the line a signature was made of still stands at its place. */
export function stillThere(pyramid: Pyramid, signature: Signature): boolean {
  const distances = colourDistances(cropLine(pyramid, signature.quad, HEIGHT), signature.colour);
  let letters = 0;
  let ring = 0;
  for (let i = 0; i < distances.length; i++) {
    const kind = signature.mask[i];
    if (kind === 1) letters += distances[i]! < signature.tolerance * SLACK ? 1 : 0;
    else if (kind === 2) ring += distances[i]! >= signature.tolerance ? 1 : 0;
  }
  return letters > MIN_LETTERS_KEPT * signature.letterPixels && ring > MIN_RING_KEPT * signature.ringPixels;
}
