/** Follows lines of text through a video, so that each is read once or twice and not on every picture. */
import { type Bounds, overlap, quadBounds } from '../engine/geometry.ts';
import type { Quad, Reading } from '../engine/types.ts';
import { similarity, voteReading } from './readings.ts';

/**
 * What the tracker sees with. `P` is a picture, `S` a signature of a line, `L` a cheap look at a picture. Quads are in
 * fractions of the picture.
 */
export interface Eye<P, S, L> {
  /** Cheap: where there may be text at all. */
  look(picture: P): L;
  /** Where the detector must run, judged by looks alone. */
  inspect(now: L, situation: Situation<L>): Inspection;
  detect(picture: P, inspection: Inspection): Promise<Quad[]>;
  read(picture: P, quads: readonly Quad[]): Promise<Reading[]>;
  sign(picture: P, quad: Quad): S | null;
  stillThere(picture: P, signature: S): boolean;
  /** Told of every picture that is not asked about again. */
  letGo?(picture: P): void;
}

/**
 * How closely a picture is looked at: not at all; cheaply, and closely only where that finds something; closely in some
 * places (fractions of the picture); or closely everywhere.
 */
export type Inspection =
  | { kind: 'none' }
  | { kind: 'glance' }
  | { kind: 'places'; places: readonly Bounds[] }
  | { kind: 'whole' };

export interface Situation<L> {
  atLastDetection: L | null;
  /** When the detector last took in the whole picture, closely or not. */
  atLastGlance: L | null;
  onPictureBefore: L | null;
  /** Lines that are known to be there still, and lines that are not where they were. */
  known: readonly Quad[];
  lost: readonly Quad[];
  /** Since the detector ran at all, since it took in the whole picture, and since it did so closely. */
  secondsSince: number;
  secondsSinceGlance: number;
  secondsSinceWhole: number;
  /** No picture of this shot was taken in as a whole. */
  newShot: boolean;
  /** Pictures of this shot, the last in a row, that were taken in as a whole and held no line. */
  emptyInARow: number;
  /** How long this picture stays on the screen. */
  lastsSec: number;
}

export interface TrackerOptions {
  /** Readings below are not believed, 0..1. */
  minConfidence: number;
  /** A line read less surely is read again, up to `maxReadings` times. */
  sureConfidence: number;
  maxReadings: number;
  /** A line that vanishes for less and comes back as the same text is one line, seconds. */
  bridgeSec: number;
}

export const TRACKER_DEFAULTS: TrackerOptions = {
  minConfidence: 0.6,
  sureConfidence: 0.9,
  maxReadings: 3,
  bridgeSec: 1.2,
};

export interface Sighting {
  /** When the picture was on the screen, in order. */
  times: readonly { timeSec: number; shot: number }[];
  /** When the next picture replaces it. */
  untilSec: number;
  /** Same value as the picture before: the same bytes, nothing to look at. */
  identity?: number | string;
}

export interface TrackedLine {
  text: string;
  confidence: number;
  quad: Quad;
  startSec: number;
  endSec: number;
  shot: number;
  /** Largest distance that the line's centre moved, in fractions of the picture. */
  drift: number;
}

interface Track<S> {
  quad: Quad;
  firstQuad: Quad;
  drift: number;
  signature: S | null;
  readings: Reading[];
  startSec: number;
  /** Until when it is known to be shown. */
  endSec: number;
  shot: number;
}

/**
 * A running clock is lost with every picture. After so many pictures on which lines were lost, more than those on which
 * none was, lost lines are looked for only after so many seconds.
 */
const RESTLESS = [
  { pictures: 12, sec: 1.99 },
  { pictures: 4, sec: 0.99 },
] as const;
const MOST_RESTLESS = 16;
/** How much a quiet picture counts against a restless one. */
const QUIET = 0.5;

const SAME_PLACE = 0.5;
const SAME_TEXT = 0.75;
/** Two readings at one place may differ more: each may be wrong somewhere else. */
const SAME_TEXT_HERE = 0.6;

export class TextTracker<P, S, L> {
  readonly #eye: Eye<P, S, L>;
  readonly #options: TrackerOptions;
  #live: Track<S>[] = [];
  #ended: Track<S>[] = [];
  #lookAtDetection: L | null = null;
  #lookAtGlance: L | null = null;
  #lookBefore: L | null = null;
  #restlessness = 0;
  #detectedAt = Number.NEGATIVE_INFINITY;
  #glancedAt = Number.NEGATIVE_INFINITY;
  #wholeAt = Number.NEGATIVE_INFINITY;
  #shotGlanced: number | undefined;
  #emptyInARow = 0;
  #identity: number | string | undefined;
  /** The picture before, when it was not detected on: a line found now may have begun there. */
  #skipped: { picture: P; startSec: number; shot: number } | null = null;
  looked = 0;
  detected = 0;
  recognised = 0;

  constructor(eye: Eye<P, S, L>, options: Partial<TrackerOptions> = {}) {
    this.#eye = eye;
    this.#options = { ...TRACKER_DEFAULTS, ...options };
  }

  /** Takes the next picture in order of time. */
  async see(picture: P, sighting: Sighting): Promise<void> {
    const before = this.#skipped?.picture;
    await this.#see(picture, sighting);
    const kept = this.#skipped?.picture;
    if (before !== undefined && before !== kept) this.#eye.letGo?.(before);
    if (picture !== kept) this.#eye.letGo?.(picture);
  }

  async #see(picture: P, sighting: Sighting): Promise<void> {
    const first = sighting.times[0];
    if (!first) return;
    this.looked += 1;
    if (sighting.identity !== undefined && sighting.identity === this.#identity) {
      for (const track of this.#live) track.endSec = sighting.untilSec;
      return;
    }
    this.#identity = sighting.identity;
    const still = this.#live.filter(
      (track) => track.signature !== null && this.#eye.stillThere(picture, track.signature),
    );
    for (const track of still) track.endSec = sighting.untilSec;
    const look = this.#eye.look(picture);
    const gone = this.#live.filter((track) => !still.includes(track));
    const secondsSince = first.timeSec - this.#detectedAt;
    const pause = RESTLESS.find(({ pictures }) => this.#restlessness >= pictures)?.sec ?? 0;
    const paused = secondsSince < pause;
    const quads = (tracks: readonly Track<S>[]) => tracks.map(({ quad }) => quad);
    const inspection = this.#eye.inspect(look, {
      atLastDetection: this.#lookAtDetection,
      atLastGlance: this.#lookAtGlance,
      onPictureBefore: this.#lookBefore,
      known: quads(paused ? this.#live : still),
      lost: paused ? [] : quads(gone),
      secondsSince,
      secondsSinceGlance: first.timeSec - this.#glancedAt,
      secondsSinceWhole: first.timeSec - this.#wholeAt,
      newShot: first.shot !== this.#shotGlanced,
      emptyInARow: first.shot === this.#shotGlanced ? this.#emptyInARow : 0,
      lastsSec: sighting.untilSec - first.timeSec,
    });
    this.#lookBefore = look;
    if (gone.length === 0) this.#restlessness = Math.max(0, this.#restlessness - QUIET);
    if (inspection.kind === 'none') {
      this.#skipped = { picture, startSec: first.timeSec, shot: first.shot };
      await this.#readAgain(picture, still);
      return;
    }
    if (gone.length > 0) this.#restlessness = Math.min(MOST_RESTLESS, this.#restlessness + 1);
    this.detected += 1;
    this.#lookAtDetection = look;
    const found = await this.#eye.detect(picture, inspection);
    // What is not looked for stays as it was.
    const kept = new Set(inspection.kind === 'places' && paused ? this.#live : still);
    await this.#associate(picture, found, new Set(still), kept, first, sighting.untilSec);
    this.#detectedAt = first.timeSec;
    if (this.#live.length > 0) this.#emptyInARow = 0;
    else if (inspection.kind !== 'places')
      this.#emptyInARow = first.shot === this.#shotGlanced ? this.#emptyInARow + 1 : 1;
    if (inspection.kind !== 'places') {
      this.#glancedAt = first.timeSec;
      this.#lookAtGlance = look;
      this.#shotGlanced = first.shot;
    }
    if (inspection.kind === 'whole') this.#wholeAt = first.timeSec;
    this.#skipped = null;
  }

  /** Lines in order of their start. The tracker is empty afterwards. */
  finish(): TrackedLine[] {
    const tracks = [...this.#ended, ...this.#live];
    this.#ended = [];
    this.#live = [];
    if (this.#skipped) this.#eye.letGo?.(this.#skipped.picture);
    this.#skipped = null;
    return tracks
      .map((track) => ({ track, reading: voteReading(track.readings) }))
      .filter(
        ({ reading }) => reading.text.trim() !== '' && reading.confidence >= this.#options.minConfidence,
      )
      .map(({ track, reading }) => ({
        text: reading.text,
        confidence: Math.min(1, reading.confidence),
        quad: track.quad,
        startSec: track.startSec,
        endSec: Math.max(track.startSec, track.endSec),
        shot: track.shot,
        drift: track.drift,
      }))
      .sort((a, b) => a.startSec - b.startSec || a.quad[0][1] - b.quad[0][1]);
  }

  /** Lines that stand where they stood but were read unsurely get another chance on another background. */
  async #readAgain(picture: P, still: readonly Track<S>[]): Promise<void> {
    const unsure = still.filter((track) => !this.#sure(track));
    if (unsure.length === 0) return;
    this.recognised += unsure.length;
    const readings = await this.#eye.read(
      picture,
      unsure.map(({ quad }) => quad),
    );
    for (const [index, track] of unsure.entries()) track.readings.push(readings[index]!);
  }

  async #associate(
    picture: P,
    quads: readonly Quad[],
    still: ReadonlySet<Track<S>>,
    kept: ReadonlySet<Track<S>>,
    at: { timeSec: number; shot: number },
    untilSec: number,
  ): Promise<void> {
    const next = new Set<Track<S>>();
    const toRead: { quad: Quad; track: Track<S> | undefined }[] = [];
    const free = new Set(this.#live);
    for (const quad of quads) {
      const track = nearest(free, quad);
      if (track) free.delete(track);
      if (track && still.has(track) && this.#sure(track)) next.add(track);
      else toRead.push({ quad, track });
    }
    // A caption whose letters are all where they were is there, even if the detector missed it once.
    for (const track of free) if (kept.has(track)) next.add(track);
    if (toRead.length > 0) {
      const readings = await this.#eye.read(
        picture,
        toRead.map(({ quad }) => quad),
      );
      this.recognised += toRead.length;
      for (const [index, { quad, track }] of toRead.entries()) {
        const reading = readings[index]!;
        const same = this.#continues(reading, quad, track, next, at.timeSec);
        if (same) {
          this.#move(same, quad, reading, picture);
          same.endSec = untilSec;
          next.add(same);
        } else if (reading.text !== '' && reading.confidence >= this.#options.minConfidence / 2) {
          next.add(this.#begin(picture, quad, reading, at, untilSec));
        }
      }
    }
    for (const track of this.#live) if (!next.has(track)) this.#ended.push(track);
    this.#ended = this.#ended.filter((track) => !next.has(track));
    this.#live = [...next];
  }

  #sure(track: Track<S>): boolean {
    const { sureConfidence, maxReadings } = this.#options;
    return track.readings.length >= maxReadings || voteReading(track.readings).confidence >= sureConfidence;
  }

  /** The line that a reading goes on with: the one at this place, one that moved, or one that was gone for a moment. */
  #continues(
    reading: Reading,
    quad: Quad,
    here: Track<S> | undefined,
    taken: ReadonlySet<Track<S>>,
    timeSec: number,
  ): Track<S> | undefined {
    const fits = (track: Track<S>, least = SAME_TEXT) =>
      !taken.has(track) &&
      // A line that nobody looked for since it was seen is not gone.
      (this.#live.includes(track) || timeSec - track.endSec <= this.#options.bridgeSec) &&
      similarity(voteReading(track.readings).text, reading.text) >= least;
    if (here && fits(here, SAME_TEXT_HERE)) return here;
    const candidates = [...this.#live, ...this.#ended.slice(-64)].filter((track) => fits(track));
    return candidates.sort((a, b) => centreDistance(a.quad, quad) - centreDistance(b.quad, quad))[0];
  }

  #begin(
    picture: P,
    quad: Quad,
    reading: Reading,
    at: { timeSec: number; shot: number },
    untilSec: number,
  ): Track<S> {
    const signature = this.#eye.sign(picture, quad);
    const before = this.#skipped;
    const began = signature && before && this.#eye.stillThere(before.picture, signature) ? before : null;
    return {
      ...{ quad, firstQuad: quad, drift: 0, signature, readings: [reading], endSec: untilSec },
      startSec: began?.startSec ?? at.timeSec,
      shot: began?.shot ?? at.shot,
    };
  }

  #move(track: Track<S>, quad: Quad, reading: Reading, picture: P): void {
    track.quad = quad;
    track.drift = Math.max(track.drift, centreDistance(track.firstQuad, quad));
    track.signature = this.#eye.sign(picture, quad);
    if (reading.text !== '' && track.readings.length < 8) track.readings.push(reading);
  }
}

function nearest<S>(tracks: ReadonlySet<Track<S>>, quad: Quad): Track<S> | undefined {
  let best: Track<S> | undefined;
  let most = SAME_PLACE;
  for (const track of tracks) {
    const shared = overlap(track.quad, quad);
    if (shared <= most) continue;
    most = shared;
    best = track;
  }
  return best;
}

function centreDistance(a: Quad, b: Quad): number {
  const one = quadBounds(a);
  const two = quadBounds(b);
  return Math.hypot(
    (one.left + one.right - two.left - two.right) / 2,
    (one.top + one.bottom - two.top - two.bottom) / 2,
  );
}
