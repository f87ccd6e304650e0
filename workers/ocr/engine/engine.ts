/** Opens the engine that the configuration asks for, or the best that loads. */
import type { CinedexError } from '../../../shared/contracts/errors.ts';
import { createClassicalDetector } from './classical-detector.ts';
import { openDetector, openRecogniser, type PpocrFiles } from './ppocr.ts';
import { openTesseract, type TesseractFiles } from './tesseract.ts';
import type { TextDetector, TextRecogniser } from './types.ts';

export interface EngineFiles {
  /** Null where the model's files are not there. */
  ppocr: PpocrFiles | null;
  tesseract: TesseractFiles | null;
}

export interface ReadingEngine {
  detector: TextDetector;
  recogniser: TextRecogniser;
}

/**
 * - `ppocr`: its own detector and recogniser;
 * - `tesseract`: tesseract.js on boxes of PP-OCR's detector, or on classical ones where that one is missing.
 *
 * @param side longer side of the picture while looking for text, pixels
 * @throws CinedexError MODEL_MISSING or MODEL_CORRUPT
 */
export async function openEngine(
  engine: 'ppocr' | 'tesseract',
  files: EngineFiles,
  side: number,
  missing: (what: string) => CinedexError,
): Promise<ReadingEngine> {
  if (engine === 'ppocr') {
    if (!files.ppocr) throw missing('ppocr-v4');
    const [detector, recogniser] = await Promise.all([
      openDetector(files.ppocr.detection, side),
      openRecogniser(files.ppocr),
    ]);
    return { detector, recogniser };
  }
  if (!files.tesseract) throw missing('tesseract-eng');
  const detector = files.ppocr ? await openDetector(files.ppocr.detection, side) : createClassicalDetector();
  return { detector, recogniser: openTesseract(files.tesseract) };
}
