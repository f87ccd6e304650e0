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
 * places (fractions of the picture); or closely everywhere, where `places` are all that holds strokes of unknown text, if
 * they are given: beside them there can only be letters too large to be strokes. `watch`: the next picture will tell more.
 */
export type Inspection =
  | { kind: 'none'; watch?: boolean }
  | { kind: 'glance' }
  | { kind: 'places'; places: readonly Bounds[] }
  | { kind: 'whole'; places?: readonly Bounds[] };

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
  /**
   * While no line comes or goes, pictures that end within about so many seconds of the last look are passed over: they are
   * opened only if the next look finds that something changed, to tell when. 0: every picture is looked at.
   */
  calmSec: number;
}

export const TRACKER_DEFAULTS: TrackerOptions = {
  minConfidence: 0.6,
  sureConfidence: 0.9,
  maxReadings: 3,
  bridgeSec: 1.2,
  calmSec: 1,
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

/** From here on, following every change is in vain. */
const LEAST_RESTLESS = 4;
/**
 * A running clock is lost with every picture. After so many pictures on which lines were lost, more than those on which
 * none was, lost lines are looked for only after so many seconds.
 */
const RESTLESS = [
  { pictures: 12, sec: 1.99 },
  { pictures: LEAST_RESTLESS, sec: 0.99 },
] as const;
const MOST_RESTLESS = 16;
/** How much a quiet picture counts against a restless one. */
const QUIET = 0.5;

/** Samples lie on frames, each up to a frame late: so much longer do two of them take at 15 frames a second, seconds. */
const LATE_SEC = 0.07;
/** Pictures without detection that are kept, to date a line back. */
const MOST_BEFORE = 8;

const SAME_PLACE = 0.5;
const SAME_TEXT = 0.75;
/** Two readings at one place may differ more: each may be wrong somewhere else. */
const SAME_TEXT_HERE = 0.6;

/** A picture on which the detector did not run. */
interface Unread<P> {
  open: () => Promise<P>;
  startSec: number;
  untilSec: number;
  shot: number;
  /** Not looked at, either. */
  passed: boolean;
}

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
  #lookedAt = Number.NEGATIVE_INFINITY;
  #shotLooked: number | undefined;
  /** Whether the last look gives reason to think that the next picture shows the same. */
  #calm = false;
  /** The pictures since the detector last ran: a line found now may have begun there. */
  #unread: Unread<P>[] = [];
  looked = 0;
  detected = 0;
  recognised = 0;

  constructor(eye: Eye<P, S, L>, options: Partial<TrackerOptions> = {}) {
    this.#eye = eye;
    this.#options = { ...TRACKER_DEFAULTS, ...options };
  }

  /**
   * Takes the next picture in order of time.
   *
   * @param open decodes it; not called for one that is passed over, and perhaps called again later to date a line
   */
  async see(sighting: Sighting, open: () => Promise<P>): Promise<void> {
    const first = sighting.times[0];
    if (!first) return;
    const { untilSec, identity } = sighting;
    const unread = { open, untilSec, startSec: first.timeSec, shot: first.shot };
    if (identity !== undefined && identity === this.#identity) {
      for (const track of this.#live) track.endSec = untilSec;
      return;
    }
    const isSoon = untilSec - this.#lookedAt <= this.#options.calmSec + LATE_SEC;
    if (this.#calm && isSoon && first.shot === this.#shotLooked) {
      this.#unread.push({ ...unread, passed: true });
      return;
    }
    this.looked += 1;
    this.#identity = identity;
    this.#lookedAt = first.timeSec;
    this.#shotLooked = first.shot;
    const detected = await this.#opened(open, (picture) => this.#look(picture, sighting, first));
    this.#unread = detected ? [] : [...this.#unread, { ...unread, passed: false }].slice(-MOST_BEFORE);
  }

  async #opened<R>(open: () => Promise<P>, use: (picture: P) => R | Promise<R>): Promise<R> {
    const picture = await open();
    const result = await use(picture);
    this.#eye.letGo?.(picture);
    return result;
  }

  /** @returns whether the detector ran */
  async #look(picture: P, sighting: Sighting, first: { timeSec: number; shot: number }): Promise<boolean> {
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
      this.#calm = inspection.watch !== true;
      await this.#readAgain(picture, still);
      return false;
    }
    if (gone.length > 0) this.#restlessness = Math.min(MOST_RESTLESS, this.#restlessness + 1);
    this.detected += 1;
    this.#lookAtDetection = look;
    const before = new Set(this.#live);
    const found = await this.#eye.detect(picture, inspection);
    // What is not looked for stays as it was.
    const kept = new Set('places' in inspection && paused ? this.#live : still);
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
    const isSame = gone.length === 0 && this.#live.every((track) => before.has(track));
    this.#calm = isSame || this.#restlessness >= LEAST_RESTLESS;
    return true;
  }

  /** Lines in order of their start. The tracker is empty afterwards. */
  async finish(): Promise<TrackedLine[]> {
    await this.#dateEnds(this.#live);
    const tracks = [...this.#ended, ...this.#live];
    this.#ended = [];
    this.#live = [];
    this.#unread = [];
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
    const begun: Track<S>[] = [];
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
          const track = this.#begin(picture, quad, reading, at, untilSec);
          begun.push(track);
          next.add(track);
        }
      }
    }
    await this.#dateStarts(begun);
    const ended = this.#live.filter((track) => !next.has(track));
    await this.#dateEnds(ended);
    this.#ended.push(...ended);
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
    { timeSec, shot }: { timeSec: number; shot: number },
    untilSec: number,
  ): Track<S> {
    const signature = this.#eye.sign(picture, quad);
    const times = { startSec: timeSec, endSec: untilSec };
    return { quad, firstQuad: quad, drift: 0, signature, readings: [reading], ...times, shot };
  }

  /** Lines that are new may have been there already on pictures on which the detector did not run. */
  async #dateStarts(tracks: readonly Track<S>[]): Promise<void> {
    await this.#follow(tracks, this.#unread.toReversed(), (track, { startSec, shot }) => {
      Object.assign(track, { startSec, shot });
    });
  }

  /** Lines that are gone may have been there still on pictures passed over since the last look. */
  async #dateEnds(tracks: readonly Track<S>[]): Promise<void> {
    const passed = this.#unread.slice(this.#unread.findLastIndex((picture) => !picture.passed) + 1);
    await this.#follow(tracks, passed, (track, { untilSec }) => {
      track.endSec = untilSec;
    });
  }

  /** From picture to picture as long as the lines are there; tells of each picture that shows a line. */
  async #follow(
    tracks: readonly Track<S>[],
    pictures: readonly Unread<P>[],
    shown: (track: Track<S>, picture: Unread<P>) => void,
  ): Promise<void> {
    let there = tracks.filter(({ signature }) => signature !== null);
    for (const unread of pictures) {
      if (there.length === 0) return;
      there = await this.#opened(unread.open, (picture) =>
        there.filter(({ signature }) => this.#eye.stillThere(picture, signature!)),
      );
      for (const track of there) shown(track, unread);
    }
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
