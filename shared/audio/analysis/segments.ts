/** Turns voice probabilities, levels and tonal features into spans of speech, music, silence and other sound. */
import type { Block } from './features.ts';
import { BLOCK_FRAMES } from './frame-sizes.ts';
import { STEP_SEC, VOICE_OFF, VOICE_ON } from './speech-windows.ts';
import { CLEAR_BEAT, estimateTempo } from './tempo.ts';

type SoundKind = 'speech' | 'music' | 'silence' | 'other';

export interface LabelledSpan {
  /** Steps of 32 ms, the end excluded. */
  from: number;
  to: number;
  kind: SoundKind;
  /** 0..1 */
  confidence: number;
  tempoBpm: number | null;
}

export interface Heard {
  /** Voice probability of every 32 ms. */
  voice: ArrayLike<number>;
  /** Mean square of every 32 ms. */
  powers: ArrayLike<number>;
  /** Onset strength of every 32 ms. */
  onsets: ArrayLike<number>;
  blocks: readonly Block[];
}

/** -55 dBFS. */
const SILENT_POWER = 10 ** (-55 / 10);
const steps = (seconds: number): number => Math.round(seconds / STEP_SEC);
const BRIDGED_PAUSE = steps(0.8);
const SHORTEST_SPEECH = steps(0.25);
const SHORTEST_SPAN = steps(1);
/** Longer spans are divided, so that a moment within a long piece has an embedding of its own. */
const LONGEST_SPAN = steps(30);
/** Blocks (half a second) on either side that are heard together when music is looked for. */
const MUSIC_CONTEXT = 7;

/** Covers the whole recording without gaps or overlaps, in order of time. */
export function labelSegments(heard: Heard): LabelledSpan[] {
  const length = heard.powers.length;
  if (length === 0) return [];
  const kinds = new Array<SoundKind>(length).fill('other');
  const music = musicScores(heard);
  for (let step = 0; step < length; step++) {
    if (music[Math.min(music.length - 1, Math.floor(step / BLOCK_FRAMES))]! >= 0.5) kinds[step] = 'music';
  }
  markSilence(heard.powers, kinds);
  markSpeech(heard.voice, kinds);
  const spans = absorbShort(runsOf(kinds));
  return spans.flatMap(divide).map((span) => {
    const tempo =
      span.kind === 'speech' || span.kind === 'silence'
        ? null
        : estimateTempo(Array.prototype.slice.call(heard.onsets, span.from, span.to));
    return {
      ...span,
      confidence: confidenceOf(span, heard, music),
      tempoBpm: tempo && tempo.clarity >= CLEAR_BEAT ? Math.round(tempo.bpm * 10) / 10 : null,
    };
  });
}

interface Span {
  from: number;
  to: number;
  kind: SoundKind;
}

function markSilence(powers: ArrayLike<number>, kinds: SoundKind[]): void {
  const radius = 4;
  for (let step = 0; step < kinds.length; step++) {
    let sum = 0;
    let count = 0;
    for (let i = Math.max(0, step - radius); i <= Math.min(powers.length - 1, step + radius); i++) {
      sum += powers[i]!;
      count += 1;
    }
    if (sum / count < SILENT_POWER) kinds[step] = 'silence';
  }
}

function markSpeech(voice: ArrayLike<number>, kinds: SoundKind[]): void {
  let from = -1;
  let last = -1;
  const close = (): void => {
    if (from >= 0 && last - from + 1 >= SHORTEST_SPEECH) kinds.fill('speech', from, last + 1);
    from = -1;
  };
  let speaking = false;
  for (let step = 0; step < Math.min(voice.length, kinds.length); step++) {
    speaking = voice[step]! >= (speaking ? VOICE_OFF : VOICE_ON);
    if (speaking) {
      if (from < 0) from = step;
      last = step;
    } else if (from >= 0 && step - last > BRIDGED_PAUSE) close();
  }
  close();
}

function runsOf(kinds: readonly SoundKind[]): Span[] {
  const runs: Span[] = [];
  for (const [step, kind] of kinds.entries()) {
    const open = runs.at(-1);
    if (open?.kind === kind) open.to = step + 1;
    else runs.push({ from: step, to: step + 1, kind });
  }
  return runs;
}

/** The shortest span below the least length joins its longer neighbour, until none is left. Speech is kept. */
function absorbShort(spans: Span[]): Span[] {
  const result = spans.map((span) => ({ ...span }));
  for (let length = 1; length < SHORTEST_SPAN; length++) {
    for (let i = 0; i < result.length && result.length > 1; i++) {
      const span = result[i]!;
      if (span.kind === 'speech' || span.to - span.from > length) continue;
      const before = result[i - 1];
      const after = result[i + 1];
      const size = (neighbour: Span | undefined): number => (neighbour ? neighbour.to - neighbour.from : -1);
      const target = size(before) >= size(after) ? before! : after!;
      span.kind = target.kind;
      const merged = runsJoined(result, Math.max(0, i - 1), Math.min(result.length - 1, i + 1));
      i -= merged;
    }
  }
  return result;
}

/** Joins equal neighbours between two indices in place. @returns how many were joined */
function runsJoined(spans: Span[], first: number, last: number): number {
  let joined = 0;
  for (let i = last; i > first; i--) {
    if (spans[i]!.kind !== spans[i - 1]!.kind) continue;
    spans[i - 1]!.to = spans[i]!.to;
    spans.splice(i, 1);
    joined += 1;
  }
  return joined;
}

function divide(span: Span): Span[] {
  const parts = Math.ceil((span.to - span.from) / LONGEST_SPAN);
  const edge = (part: number): number => span.from + Math.round(((span.to - span.from) * part) / parts);
  return Array.from({ length: parts }, (_, part) => ({ ...span, from: edge(part), to: edge(part + 1) }));
}

/**
 * How musical the sound around each block is, 0..1; 0.5 decides. Either notes follow each other (a hum or an engine
 * holds its tones and adds no new ones), or onsets come at a regular beat with sound in between (a beeping test tone has
 * none). Conservative: what shows neither is "other", because a sound called music wrongly misleads a search more than
 * music that is called a sound.
 */
function musicScores({ blocks, onsets, powers }: Omit<Heard, 'voice'>): Float32Array {
  return Float32Array.from({ length: blocks.length }, (_, index) => {
    const from = Math.max(0, index - MUSIC_CONTEXT);
    const to = Math.min(blocks.length, index + MUSIC_CONTEXT + 1);
    let frames = 0;
    let stability = 0;
    let change = 0;
    for (const block of blocks.slice(from, to)) {
      frames += block.longFrames;
      stability += block.long[12]!;
      change += block.long[13]!;
    }
    if (frames === 0) return 0;
    const tonal = tonalScore(stability / frames, change / frames);
    if (tonal >= 1) return 1;
    const steps = [from * BLOCK_FRAMES, to * BLOCK_FRAMES] as const;
    const beat = estimateTempo(Array.prototype.slice.call(onsets, ...steps));
    const rhythm = beat ? beatScore(beat.clarity, Array.prototype.slice.call(powers, ...steps)) : 0;
    return Math.max(tonal, rhythm);
  });
}

/** Share of energy in new notes that decides for music, where some are also held. */
const DECIDING_CHANGE = 0.1;
/** Held tones may have so many times the energy of new ones; more is a drone. */
const MOST_DRONE = 4;
/** Beeps begin and end but nothing is held on from one frame to the next. */
const LEAST_HELD = 0.01;

/** @param stability and @param change as {@link TonalTracker} gives them, means over a few seconds */
function tonalScore(stability: number, change: number): number {
  const drone = stability > MOST_DRONE * change ? (MOST_DRONE * change) / stability : 1;
  const held = 0.5 + 0.5 * Math.min(1, stability / LEAST_HELD);
  return Math.min(1, (0.5 * change * drone * held) / DECIDING_CHANGE);
}

/** Autocorrelation of the onsets that decides for music. Rain and engines reach 0.35. */
const DECIDING_BEAT = 0.45;
/** Power ratio (30 dB) to the loudest moment below which a moment is a gap between sounds. */
const GAP = 1_000;
const MOST_GAPS = 0.5;

function beatScore(clarity: number, powers: readonly number[]): number {
  const loudest = powers.reduce((highest, power) => Math.max(highest, power), 0);
  const gaps = powers.filter((power) => power * GAP < loudest).length;
  return gaps > MOST_GAPS * powers.length ? 0 : Math.min(1, (0.5 * clarity) / DECIDING_BEAT);
}

function confidenceOf(span: Span, { voice, powers }: Heard, music: Float32Array): number {
  let sum = 0;
  for (let step = span.from; step < span.to; step++) {
    const musical = music[Math.min(music.length - 1, Math.floor(step / BLOCK_FRAMES))] ?? 0;
    if (span.kind === 'speech') sum += voice[step] ?? 0;
    else if (span.kind === 'music') sum += musical;
    else if (span.kind === 'other') sum += 1 - musical;
    else sum += powers[step]! < SILENT_POWER ? 1 : 0.5;
  }
  return Math.max(0, Math.min(1, sum / (span.to - span.from)));
}
