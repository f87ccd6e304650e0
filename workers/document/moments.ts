/** Cuts a video into moments, the units that a search answers with, and lays on each what is read, heard and seen in it. */
import type {
  AudioAnalyzed,
  FramesExtracted,
  KeyFrame,
  PicturesEmbedded,
  TextRecognized,
} from '../../shared/contracts/artifacts.ts';
import { fold, tidy } from '../../shared/text/normalise.ts';

/** Words with their time, as shown (screen text) or said (speech). */
export interface Cue {
  kind: 'said' | 'shown';
  startSec: number;
  endSec: number;
  text: string;
}

export interface Moment {
  shot: number;
  /** Of a long shot, which piece; 0 for a shot that is one moment. */
  part: number;
  startSec: number;
  endSec: number;
  /** Key frames in it, or the one that stands for it where it has none of its own. */
  keyFrames: KeyFrame[];
  cues: Cue[];
  /** Most certain first. */
  labels: { label: string; score: number }[];
}

/** A lecture can be one shot of an hour: pieces keep its moments findable. */
const LONG_SHOT_SEC = 30;
const PART_SEC = 15;
/** Below this an OCR line is more likely noise than words. */
const MIN_OCR_CONFIDENCE = 0.5;
const MIN_LABEL_SCORE = 0.2;
/** Of a sentence that runs over a cut, the share that must lie in a moment to belong to it too. */
const MIN_SHARE = 0.25;

/** In order of time; every shot gives one or more. */
export function cutMoments(
  frames: FramesExtracted,
  sources: { ocr: TextRecognized | null; audio: AudioAnalyzed | null; embedding: PicturesEmbedded | null },
): Moment[] {
  const cues = [...shownCues(sources.ocr), ...saidCues(sources.audio)];
  const labels = new Map(sources.embedding?.frames.map((frame) => [frame.keyFrame, frame.labels]));
  const byShot = new Map<number, KeyFrame[]>();
  for (const frame of frames.keyFrames) byShot.set(frame.shot, [...(byShot.get(frame.shot) ?? []), frame]);
  const moments = frames.shots.flatMap((shot) => {
    const length = shot.endSec - shot.startSec;
    const parts = length > LONG_SHOT_SEC ? Math.ceil(length / PART_SEC) : 1;
    return Array.from({ length: parts }, (_, part): Moment => {
      const startSec = shot.startSec + (length * part) / parts;
      const endSec = part === parts - 1 ? shot.endSec : shot.startSec + (length * (part + 1)) / parts;
      const keyFrames = keyFramesOf(byShot.get(shot.index) ?? [], frames.keyFrames, startSec, endSec);
      return {
        shot: shot.index,
        part,
        startSec,
        endSec,
        keyFrames,
        cues: [],
        labels: mergeLabels(keyFrames, labels),
      };
    });
  });
  for (const cue of cues) assign(cue, moments);
  for (const moment of moments)
    moment.cues.sort((a, b) => a.startSec - b.startSec || (a.kind < b.kind ? -1 : 1));
  return moments;
}

/** The words of a moment, each wording once: by where they come from, and all together. */
export interface MomentWords {
  shown: string;
  said: string;
  labels: string;
  all: string;
}

export function momentWords({ cues, labels }: Moment): MomentWords {
  const of = (kinds: Cue['kind'][]) =>
    distinct(cues.filter(({ kind }) => kinds.includes(kind)).map(({ text }) => text)).join('\n');
  return {
    shown: of(['shown']),
    said: of(['said']),
    labels: labels.map(({ label }) => label).join('\n'),
    all: of(['shown', 'said']),
  };
}

/** Texts without repetitions (case, width and punctuation aside), in order. */
export function distinct(texts: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const text of texts) {
    const key = fold(text).replace(/[^\p{L}\p{N}]+/gu, '');
    if (key && !seen.has(key)) seen.set(key, text);
  }
  return [...seen.values()];
}

export function shownCues(ocr: TextRecognized | null): Cue[] {
  return (ocr?.lines ?? [])
    .filter(({ confidence }) => confidence >= MIN_OCR_CONFIDENCE)
    .map(({ startSec, endSec, text }): Cue => ({ kind: 'shown', startSec, endSec, text: tidy(text) }))
    .filter(({ text }) => text !== '');
}

export function saidCues(audio: AudioAnalyzed | null): Cue[] {
  return (audio?.transcript?.segments ?? [])
    .map(({ startSec, endSec, text }): Cue => ({ kind: 'said', startSec, endSec, text: tidy(text) }))
    .filter(({ text }) => text !== '');
}

function keyFramesOf(
  ofShot: readonly KeyFrame[],
  all: readonly KeyFrame[],
  startSec: number,
  endSec: number,
): KeyFrame[] {
  const inside = ofShot.filter(({ timeSec }) => timeSec >= startSec && timeSec < endSec);
  if (inside.length > 0) return inside;
  // Frames much like an earlier one are not kept; the nearest in time stands for them, of the same shot if it can be.
  const distance = ({ timeSec }: KeyFrame) => Math.abs(timeSec - (startSec + endSec) / 2);
  const candidates = ofShot.length > 0 ? ofShot : all;
  return [candidates.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best))];
}

function mergeLabels(
  keyFrames: readonly KeyFrame[],
  labels: ReadonlyMap<number, readonly { label: string; score: number }[]>,
): Moment['labels'] {
  const best = new Map<string, number>();
  for (const { index } of keyFrames) {
    for (const { label, score } of labels.get(index) ?? []) {
      if (score >= MIN_LABEL_SCORE) best.set(label, Math.max(score, best.get(label) ?? 0));
    }
  }
  return [...best]
    .map(([label, score]) => ({ label, score }))
    .sort((a, b) => b.score - a.score || (a.label < b.label ? -1 : 1));
}

/** To the moment that has most of it, and to every other that has a good share. Moments are in order of time. */
function assign(cue: Cue, moments: readonly Moment[]): void {
  const length = Math.max(cue.endSec - cue.startSec, 1e-3);
  let first = firstEndingAfter(moments, cue.startSec);
  // What begins after the end belongs to the last one.
  if (first === moments.length) first -= 1;
  const near: { moment: Moment; share: number }[] = [];
  for (let i = first; i < moments.length; i++) {
    const moment = moments[i]!;
    if (i > first && moment.startSec >= cue.endSec) break;
    const overlap = Math.min(cue.endSec, moment.endSec) - Math.max(cue.startSec, moment.startSec);
    const shorter = Math.min(length, Math.max(moment.endSec - moment.startSec, 1e-3));
    near.push({ moment, share: overlap / shorter });
  }
  const best = Math.max(...near.map(({ share }) => share));
  for (const { moment, share } of near) if (share === best || share >= MIN_SHARE) moment.cues.push(cue);
}

/** Index of the first moment that ends after a time; their number when none does. */
function firstEndingAfter(moments: readonly Moment[], timeSec: number): number {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (moments[middle]!.endSec > timeSec) high = middle;
    else low = middle + 1;
  }
  return low;
}
