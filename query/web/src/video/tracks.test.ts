import { describe, expect, it } from 'vitest';
import type { Cue, VideoDetails } from '../api/types.ts';
import { en } from '../words/en.ts';
import { cuesOf, peopleOf, placesAt, tracksOf } from './tracks.ts';

const cue = (kind: Cue['kind'], startSec: number, endSec: number, text: string): Cue => ({
  ...{ kind, startSec, endSec, text },
});
const shot = (id: string, startSec: number, endSec: number, cues: Cue[] = []) => ({
  ...{ id, startSec, endSec, cues, thumbnail: null, labels: [], people: [] },
});

const over = cue('shown', 3, 6, 'Over the cut');
const video = {
  shots: [
    shot('a', 0, 4, [cue('said', 1, 2, 'Hello'), over]),
    shot('b', 4, 8, [over, cue('shown', 5, 7, 'Beside'), cue('shown', 6, 8, 'After')]),
  ],
  people: [
    { identity: 'p1', name: null, spans: [[0, 2]], thumbnail: null },
    { identity: 'p2', name: 'Ada', spans: [[2, 3]], thumbnail: null },
    { identity: 'p3', name: null, spans: [[5, 6]], thumbnail: null },
  ],
  soundSegments: [{ startSec: 0, endSec: 8, kind: 'music' }],
} as unknown as VideoDetails;

describe('the tracks of a video', () => {
  const tracks = tracksOf(video, en);

  it('are its shots, what is shown and said, its people and its sounds', () => {
    expect(tracks.map(({ label, items }) => [label, items.length])).toEqual([
      ['Shots', 2],
      ['On screen', 3],
      ['Speech', 1],
      ['Unnamed person 1', 1],
      ['Ada', 1],
      ['Unnamed person 2', 1],
      ['Sound', 1],
    ]);
  });

  it('put what happens at the same time under each other, and what follows beside it', () => {
    const shown = tracks.find(({ id }) => id === 'shown')!;
    expect(shown.items.map(({ label, lane }) => [label, lane])).toEqual([
      ['Over the cut', 0],
      ['Beside', 1],
      ['After', 0],
    ]);
    expect(shown.lanes).toBe(2);
  });

  it('leave out what a video has none of', () => {
    const silent = { ...video, soundSegments: [], people: [] };
    expect(tracksOf(silent, en).map(({ kind }) => kind)).toEqual(['shots', 'shown', 'said']);
  });
});

it('a text that lasts over a cut is one', () => {
  expect(cuesOf(video).map(({ text }) => text)).toEqual(['Hello', 'Over the cut', 'Beside', 'After']);
});

it('people without a name are counted among themselves', () => {
  expect(peopleOf(video, en).map(({ label }) => label)).toEqual([
    'Unnamed person 1',
    'Ada',
    'Unnamed person 2',
  ]);
});

it('what is at a time began by then and has not ended', () => {
  const places = [-1, 0, 3.99, 4, 7.99, 8].map((at) => placesAt(video.shots, at));
  expect(places).toEqual([[], [0], [0], [1], [1], []]);
  expect(placesAt([over, cue('shown', 5, 7, 'Beside')], 5.5)).toEqual([0, 1]);
});
