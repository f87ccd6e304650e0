import { describe, expect, it } from 'vitest';
import type { AudioAnalyzed, FramesExtracted, TextRecognized } from '../../shared/contracts/artifacts.ts';
import { blobRef } from '../../test/fixtures/described-video.ts';
import { cutMoments, distinct, momentWords } from './moments.ts';

function frames(shots: [number, number][], keyTimes: [number, number][]): FramesExtracted {
  return {
    media: {
      ...{ container: 'mp4', durationSec: shots.at(-1)![1], width: 64, height: 36, rotation: 0, fps: 25 },
      ...{ variableFrameRate: false, videoCodec: 'h264', audio: null, bytes: 1 },
    },
    shots: shots.map(([startSec, endSec], index) => ({ index, startSec, endSec, transition: 'cut' })),
    keyFrames: keyTimes.map(([shot, timeSec], index) => ({
      ...{ index, shot, timeSec, image: blobRef('i'), thumbnail: blobRef('t'), width: 64, height: 36 },
      ...{ sharpness: 1, dhash: '0123456789abcdef' },
    })),
    samples: { blob: blobRef('s'), fps: 2, items: [] },
    poster: blobRef('p'),
  };
}

function spoken(segments: [number, number, string][]): AudioAnalyzed {
  return {
    ...{ durationSec: 100, segments: [], embeddings: null, fingerprint: null },
    loudness: { integratedLufs: null, rangeLu: null, truePeakDbtp: null },
    transcript: {
      model: 'm',
      segments: segments.map(([startSec, endSec, text]) => ({
        startSec,
        endSec,
        text,
        language: 'en',
        confidence: 1,
      })),
    },
  };
}

const nothing = { ocr: null, audio: null, embedding: null };

describe('cutMoments', () => {
  it('gives every shot a moment, and cuts a long one into pieces', () => {
    const moments = cutMoments(
      frames(
        [
          [0, 10],
          [10, 70],
        ],
        [
          [0, 5],
          [1, 12],
          [1, 60],
        ],
      ),
      nothing,
    );
    expect(moments.map(({ shot, part, startSec, endSec }) => [shot, part, startSec, endSec])).toEqual([
      [0, 0, 0, 10],
      [1, 0, 10, 25],
      [1, 1, 25, 40],
      [1, 2, 40, 55],
      [1, 3, 55, 70],
    ]);
    expect(moments.map(({ keyFrames }) => keyFrames.map(({ index }) => index))).toEqual([
      [0],
      [1],
      [1],
      [2],
      [2],
    ]);
  });

  it('lets a key frame of another shot stand for one that has none', () => {
    const moments = cutMoments(
      frames(
        [
          [0, 4],
          [4, 8],
        ],
        [[0, 2]],
      ),
      nothing,
    );
    expect(moments[1]!.keyFrames.map(({ index }) => index)).toEqual([0]);
  });

  it('gives a sentence over a cut to both sides if each has a good share of it', () => {
    const audio = spoken([
      [3, 5, 'both'],
      [3.9, 9, 'second'],
      [2, 2, 'first'],
      [99, 99.5, 'after the end'],
    ]);
    const moments = cutMoments(
      frames(
        [
          [0, 4],
          [4, 10],
        ],
        [
          [0, 2],
          [1, 6],
        ],
      ),
      { ...nothing, audio },
    );
    expect(momentWords(moments[0]!).said.split('\n')).toEqual(['first', 'both']);
    expect(momentWords(moments[1]!).said.split('\n')).toEqual(['both', 'second', 'after the end']);
  });

  it('leaves out lines that were hardly read', () => {
    const quad: [number, number][] = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ];
    const line = {
      language: 'en',
      engine: 'ppocr',
      role: 'caption',
      quad,
      startSec: 1,
      endSec: 2,
      shot: 0,
    } as const;
    const ocr: TextRecognized = {
      ...{ engine: 'ppocr', looked: 1, detected: 1, recognised: 1 },
      lines: [
        { ...line, text: 'Clear words', confidence: 0.9 },
        { ...line, text: 'cl3ar w', confidence: 0.3 },
      ],
    };
    const [moment] = cutMoments(frames([[0, 4]], [[0, 2]]), { ...nothing, ocr });
    expect(moment!.cues).toEqual([{ kind: 'shown', startSec: 1, endSec: 2, text: 'Clear words' }]);
  });
});

describe('distinct', () => {
  it('keeps the first of each wording', () => {
    expect(distinct(['Hello, world', 'HELLO WORLD!', '...', 'Bye'])).toEqual(['Hello, world', 'Bye']);
  });
});
