/** What happens when in a video, as tracks under its player. Pure. */
import type { Cue, VideoDetails } from '../api/types.ts';
import type { Words } from '../words/en.ts';

export interface TrackItem {
  key: string;
  /** Seconds. */
  startSec: number;
  endSec: number;
  label: string;
  thumbnail?: string | null;
  /** Row inside the track, from 0: things at the same time stand under each other. */
  lane: number;
  /** For its colour, in the track of sounds. */
  kind?: string;
}

export interface Track {
  id: string;
  label: string;
  items: TrackItem[];
  lanes: number;
  kind: 'shots' | 'shown' | 'said' | 'people' | 'sounds';
}

type Unplaced = Omit<TrackItem, 'lane'>;

/** Tracks that have something, in the order in which they are shown. */
export function tracksOf(video: VideoDetails, words: Words): Track[] {
  const { video: names } = words;
  const cues = cuesOf(video);
  const inWords = (kind: Cue['kind']) =>
    cues
      .filter((cue) => cue.kind === kind)
      .map((cue, i): Unplaced => ({ ...cue, key: `${kind} ${i}`, label: cue.text, kind: undefined }));
  const shots = video.shots.map(
    ({ id, startSec, endSec, thumbnail }, i): Unplaced => ({
      ...{ key: id, startSec, endSec, thumbnail, label: names.shot(i + 1) },
    }),
  );
  const sounds = video.soundSegments.map(
    ({ startSec, endSec, kind }, i): Unplaced => ({
      ...{ key: `sound ${i}`, startSec, endSec, kind, label: names.soundKinds[kind] ?? kind },
    }),
  );
  const people = peopleOf(video, words).map(({ identity, label, spans }): Track => {
    const items = spans.map(
      ([startSec, endSec], i): Unplaced => ({ key: `${identity} ${i}`, startSec, endSec, label }),
    );
    return track(`person ${identity}`, 'people', label, items);
  });
  return [
    track('shots', 'shots', names.tracks.shots, shots),
    track('shown', 'shown', names.tracks.shown, inWords('shown')),
    track('said', 'said', names.tracks.said, inWords('said')),
    ...people,
    track('sounds', 'sounds', names.tracks.sounds, sounds),
  ].filter(({ items }) => items.length > 0);
}

/** People with what to call them: those without a name are counted. */
export function peopleOf(
  { people }: Pick<VideoDetails, 'people'>,
  { video: names }: Words,
): (VideoDetails['people'][number] & { label: string })[] {
  let unnamed = 0;
  return people.map((person) => {
    if (!person.name) unnamed += 1;
    return { ...person, label: person.name || names.person(unnamed) };
  });
}

/** All that is said and shown, in time; what lasts over a cut is in both shots and yet one thing. */
export function cuesOf({ shots }: Pick<VideoDetails, 'shots'>): Cue[] {
  const cues = new Map<string, Cue>();
  for (const cue of shots.flatMap((shot) => shot.cues)) {
    cues.set(`${cue.kind} ${cue.startSec} ${cue.endSec} ${cue.text}`, cue);
  }
  return [...cues.values()].sort((a, b) => a.startSec - b.startSec || a.endSec - b.endSec);
}

function track(id: string, kind: Track['kind'], label: string, unplaced: readonly Unplaced[]): Track {
  const free: number[] = [];
  const items = [...unplaced]
    .sort((a, b) => a.startSec - b.startSec)
    .map((item): TrackItem => {
      const found = free.findIndex((until) => until <= item.startSec);
      const lane = found < 0 ? free.length : found;
      free[lane] = item.endSec;
      return { ...item, lane };
    });
  return { id, kind, label, items, lanes: Math.max(1, free.length) };
}

/** Places in the list of what is at a time: began by then and has not ended. */
export function placesAt(items: readonly { startSec: number; endSec: number }[], at: number): number[] {
  return items.flatMap(({ startSec, endSec }, i) => (startSec <= at && at < endSec ? [i] : []));
}
