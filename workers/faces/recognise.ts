/** One video's faces: looks at pictures, follows faces within shots, describes the best views, groups by person. */
import type { Box } from '../../shared/contracts/common.ts';
import { toCinedexError } from '../../shared/contracts/errors.ts';
import { medianDescriptor } from '../../shared/faces/descriptor.ts';
import type { DescribedFace, DetectedFace, PixelBox } from '../../shared/faces/engine/analyser.ts';
import type { FaceEngine } from '../../shared/faces/engine/engine.ts';
import { turnedAside } from '../../shared/faces/engine/pose.ts';
import {
  type Allowance,
  FOLLOW_EVERY_SEC,
  type PictureRef,
  PROBE_EVERY_SEC,
  probeEverySec,
  type ShotPictures,
} from './plan.ts';
import { ShotTracker, type Sighting, type Track } from './tracks.ts';

export interface View {
  picture: PictureRef;
  timeSec: number;
  /** Fractions of the picture. */
  box: Box;
  described: DescribedFace;
}

export interface RecognisedTrack {
  shot: number;
  startSec: number;
  endSec: number;
  boxes: { timeSec: number; box: Box }[];
  best: View;
  descriptor: Float32Array | null;
  strength: 'strong' | 'weak' | 'none';
}

export interface RecogniseOptions {
  engine: Pick<FaceEngine, 'detect' | 'describe'>;
  load(picture: PictureRef): Promise<Uint8Array>;
  allowance: Allowance;
  viewsPerTrack: number;
  signal: AbortSignal;
}

interface Look {
  picture: PictureRef;
  faces: DetectedFace[];
}

/** What describing one view costs, in detector windows. */
const DESCRIBE_WINDOWS = 3;
/** Tracks of a shot that are described whatever it costs. */
const DESCRIBED_ALWAYS = 6;
/** A look says that a face was there for this long before and after, where no other look says otherwise. */
const LOOK_REACH_SEC = 1.5;
/** A sample this close to a key frame shows the same. */
const SAME_MOMENT_SEC = 0.3;
/** How far away in time a look still tells where faces may be. */
const EXPECT_WITHIN_SEC = 5;

/** Recognises shot after shot; keeps nothing of a shot but its tracks. */
export class FaceRecogniser {
  readonly #options: RecogniseOptions;
  readonly #sizes = new Map<string, { width: number; height: number }>();
  /** Pictures looked at. */
  looked = 0;
  /** Pictures that could not be decoded. */
  unreadable = 0;

  constructor(options: RecogniseOptions) {
    this.#options = options;
  }

  async shot(pictures: ShotPictures): Promise<RecognisedTrack[]> {
    this.#sizes.clear();
    this.#options.allowance.grow(Math.max(0, pictures.endSec - pictures.startSec));
    const looks = await this.#look(pictures);
    const tracker = new ShotTracker();
    const byKey = new Map<string, PictureRef>();
    for (const { picture, faces } of looks) {
      byKey.set(picture.key, picture);
      tracker.add(picture.timeSec, picture.key, faces);
    }
    const times = looks.map(({ picture }) => picture.timeSec);
    const tracks: RecognisedTrack[] = [];
    const ranked = [...tracker.tracks].sort((a, b) => trackRank(b) - trackRank(a));
    for (const [rank, track] of ranked.entries()) {
      const views = await this.#views(track, byKey, rank < DESCRIBED_ALWAYS);
      if (views.length === 0) continue;
      tracks.push(this.#finish(track, views, pictures, times));
    }
    return tracks.sort((a, b) => a.startSec - b.startSec);
  }

  /** Key frames first, all of them thoroughly; then the samples between them, near the faces that they lead one to expect. */
  async #look({ keyFrames, samples }: ShotPictures): Promise<Look[]> {
    const { allowance } = this.#options;
    const looks: Look[] = [];
    for (const picture of keyFrames) {
      await this.#lookAt(picture, 'windows', looks);
    }
    for (const picture of samples) {
      if (!allowance.allows(1)) break;
      const nearest = Math.min(...looks.map((look) => Math.abs(look.picture.timeSec - picture.timeSec)));
      const expected = expectedBoxes(looks, picture.timeSec);
      const before = looksBefore(looks, picture.timeSec);
      const elapsed = picture.timeSec - (before[0]?.picture.timeSec ?? Number.NEGATIVE_INFINITY);
      const every = expected.length > 0 ? FOLLOW_EVERY_SEC : probeEverySec(emptyInARow(before));
      if (nearest < SAME_MOMENT_SEC || elapsed < every) continue;
      // A key frame soon to come says as much as one just passed; but how a shot begins is always looked at.
      if (expected.length === 0 && before.length > 0 && nearest < PROBE_EVERY_SEC) continue;
      const seen = looks.find((look) => look.picture.key === picture.key);
      // A still picture shows again what it showed before.
      if (seen) looks.push({ picture, faces: seen.faces });
      else await this.#lookAt(picture, expected.length > 0 ? expected : 'whole', looks);
    }
    return looks.sort((a, b) => a.picture.timeSec - b.picture.timeSec);
  }

  async #lookAt(picture: PictureRef, where: 'windows' | 'whole' | PixelBox[], looks: Look[]): Promise<void> {
    const { engine, load, signal, allowance } = this.#options;
    try {
      const { faces, runs, width, height } = await engine.detect(
        await load(picture),
        picture.key,
        where,
        signal,
      );
      allowance.spend(runs);
      this.looked += 1;
      this.#sizes.set(picture.key, { width, height });
      looks.push({ picture, faces });
    } catch (error) {
      if (toCinedexError(error).code !== 'MEDIA_CORRUPT') throw error;
      this.unreadable += 1;
    }
  }

  /** Described views of a track, best first; none when it turns out to be no face. */
  async #views(track: Track, byKey: Map<string, PictureRef>, always: boolean): Promise<View[]> {
    const { engine, load, signal, allowance, viewsPerTrack } = this.#options;
    const candidates = [...track.sightings].sort((a, b) => viewRank(b) - viewRank(a)).slice(0, viewsPerTrack);
    const views: View[] = [];
    for (const [index, sighting] of candidates.entries()) {
      if (!(index === 0 && always) && !allowance.allows(DESCRIBE_WINDOWS)) break;
      const picture = byKey.get(sighting.picture)!;
      const [described] = await engine.describe(await load(picture), picture.key, [sighting.face], signal);
      allowance.spend(DESCRIBE_WINDOWS);
      if (described) {
        views.push({ picture, timeSec: sighting.timeSec, box: this.#relative(sighting), described });
      }
    }
    return views.sort((a, b) => b.described.quality - a.described.quality);
  }

  #finish(
    track: Track,
    views: View[],
    { shot, startSec, endSec }: ShotPictures,
    times: number[],
  ): RecognisedTrack {
    const first = track.sightings[0]!.timeSec;
    const last = track.sightings.at(-1)!.timeSec;
    const before = times.filter((time) => time < first).at(-1);
    const after = times.find((time) => time > last);
    const reach = (other: number | undefined, own: number) =>
      other === undefined ? LOOK_REACH_SEC : Math.min(LOOK_REACH_SEC, Math.abs(own - other) / 2);
    const strength = views.some(({ described }) => described.strength === 'strong')
      ? 'strong'
      : views.some(({ described }) => described.strength === 'weak')
        ? 'weak'
        : 'none';
    const descriptors = views.flatMap(({ described }) =>
      described.strength === strength && described.descriptor ? [described.descriptor] : [],
    );
    return {
      shot,
      startSec: Math.max(Math.min(startSec, first), first - reach(before, first)),
      endSec: Math.min(Math.max(endSec, last), last + reach(after, last)),
      boxes: track.sightings.map((sighting) => ({
        timeSec: sighting.timeSec,
        box: this.#relative(sighting),
      })),
      best: views[0]!,
      descriptor: descriptors.length > 0 ? medianDescriptor(descriptors) : null,
      strength,
    };
  }

  #relative({ picture, face: { box } }: Sighting): Box {
    const { width, height } = this.#sizes.get(picture)!;
    return { x: box.x / width, y: box.y / height, width: box.width / width, height: box.height / height };
  }
}

/** Boxes of the nearest look before and the nearest after that time. */
function expectedBoxes(looks: readonly Look[], timeSec: number): PixelBox[] {
  const near = looks.filter(({ picture }) => Math.abs(picture.timeSec - timeSec) <= EXPECT_WITHIN_SEC);
  const byDistance = near.sort(
    (a, b) => Math.abs(a.picture.timeSec - timeSec) - Math.abs(b.picture.timeSec - timeSec),
  );
  const before = byDistance.find(({ picture }) => picture.timeSec <= timeSec);
  const after = byDistance.find(({ picture }) => picture.timeSec > timeSec);
  return [before, after].flatMap((look) => look?.faces.map(({ box }) => box) ?? []);
}

/** Looks at or before that time, the latest first. */
function looksBefore(looks: readonly Look[], timeSec: number): Look[] {
  return looks
    .filter(({ picture }) => picture.timeSec <= timeSec)
    .sort((a, b) => b.picture.timeSec - a.picture.timeSec);
}

/** How many of the first looks show no face. */
function emptyInARow(looks: readonly Look[]): number {
  const seen = looks.findIndex(({ faces }) => faces.length > 0);
  return seen < 0 ? looks.length : seen;
}

/** Large, frontal, certain: what makes a view worth describing, before it is described. */
function viewRank({ face }: Sighting): number {
  return Math.min(face.box.width, 150) * (1 - turnedAside(face.keyPoints)) * face.score;
}

function trackRank({ sightings }: Track): number {
  return Math.max(...sightings.map(viewRank)) * Math.min(5, sightings.length);
}
