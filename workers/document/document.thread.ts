/** What the document stage computes, away from the event loop: tokens and keywords of long texts, signatures of videos. */
import { isSameRecording } from '../../shared/audio/fingerprint-match.ts';
import type { Keyword } from '../../shared/contracts/artifacts.ts';
import { analyse } from '../../shared/text/analyse.ts';
import { segmenter } from '../../shared/text/segmenter.ts';
import { serve } from '../../shared/threads/serve.ts';
import { differenceHash, pictureArea } from './picture-hash.ts';
import { judgePictures, judgeSound, type Pictures, unpackHashes, type Verdict } from './signature.ts';
import { type DocumentTexts, documentKeywords } from './texts.ts';

/** Hashes as packed in a point. */
export interface PackedPictures {
  durationSec: number;
  hashes: string;
}

function unpack({ durationSec, hashes }: PackedPictures): Pictures {
  return { durationSec, hashes: unpackHashes(hashes) };
}

function create() {
  return {
    /** Loads the dictionary of Chinese. */
    ready: (): void => {
      segmenter();
    },

    keywords: (texts: DocumentTexts, limit: number): Keyword[] => documentKeywords(texts, limit),

    /** Tokens of each text for the index, joined by blanks: thousands of short strings are slow to hand over. */
    analyse: (texts: string[]): string[] => texts.map((text) => analyse(text).join(' ')),

    hash: (greys: Uint8Array[]): { high: number; low: number }[] => {
      const area = pictureArea(greys);
      return greys.map((grey) => differenceHash(grey, area));
    },

    judge: (own: PackedPictures, others: PackedPictures[]): Verdict[] => {
      const pictures = unpack(own);
      return others.map((other) => judgePictures(pictures, unpack(other)));
    },

    judgeSound: (
      own: PackedPictures,
      other: PackedPictures,
      sounds: [Uint32Array | null, Uint32Array | null],
    ): boolean => {
      const [a, b] = sounds;
      // A track that one has and the other has not makes them two.
      const same = a && b ? isSameRecording(a, b, { tempo: false, minOverlapSec: 1 }) : a || b ? false : null;
      return judgeSound(unpack(own), unpack(other), same);
    },
  };
}
export type DocumentThread = ReturnType<typeof create>;

serve(create);
