import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DetectedFace } from '../../shared/faces/engine/analyser.ts';
import { syntheticDescriptor } from '../../shared/faces/testing.ts';
import { clusterTracks, type DescribedTrack } from './clusters.ts';
import { Allowance } from './plan.ts';
import { ShotTracker } from './tracks.ts';

const face = (x: number, y: number, side = 100): DetectedFace => ({
  box: { x, y, width: side, height: side },
  score: 0.9,
  keyPoints: [],
});

describe('ShotTracker', () => {
  test('follows two faces that move, in whatever order they are found', () => {
    const tracker = new ShotTracker();
    for (let step = 0; step < 6; step++) {
      const faces = [face(100 + step * 30, 100), face(800 - step * 30, 120)];
      tracker.add(step * 0.5, `p${step}`, step % 2 ? faces : faces.reverse());
    }
    expect(tracker.tracks).toHaveLength(2);
    for (const { sightings } of tracker.tracks) {
      expect(sightings).toHaveLength(6);
      expect(new Set(sightings.map(({ face: { box } }) => box.y)).size).toBe(1);
    }
  });

  test('does not join faces far apart, of other size, or after a long gap', () => {
    const tracker = new ShotTracker();
    tracker.add(0, 'a', [face(0, 0)]);
    tracker.add(0.5, 'b', [face(600, 0)]);
    tracker.add(1, 'c', [face(0, 0, 250)]);
    tracker.add(9, 'd', [face(0, 0)]);
    expect(tracker.tracks).toHaveLength(4);
  });

  test('a face missed once goes on', () => {
    const tracker = new ShotTracker();
    tracker.add(0, 'a', [face(0, 0)]);
    tracker.add(0.5, 'b', []);
    expect(tracker.expected(1)).toEqual([face(0, 0).box]);
    tracker.add(1, 'c', [face(10, 0)]);
    expect(tracker.tracks).toHaveLength(1);
  });
});

const track = (person: number, start: number, changes: Partial<DescribedTrack> = {}): DescribedTrack => ({
  descriptor: syntheticDescriptor(person, 0.2, start),
  strength: 'strong',
  startSec: start,
  endSec: start + 1,
  ...changes,
});

describe('clusterTracks', () => {
  test('groups by person, whatever the order of tracks', () => {
    const people = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(people, (persons) => {
        const clusters = clusterTracks(persons.map((person, index) => track(person, index)));
        expect(clusters).toHaveLength(new Set(persons).size);
        for (const { tracks } of clusters)
          expect(new Set(tracks.map((index) => persons[index])).size).toBe(1);
        expect(clusters.flatMap(({ tracks }) => tracks).sort((a, b) => a - b)).toEqual(
          persons.map((_, i) => i),
        );
      }),
    );
  });

  test('two who are seen together are two, however alike', () => {
    const twins = [track(1, 0), track(1, 0.2), track(1, 5)];
    const clusters = clusterTracks(twins);
    expect(clusters).toHaveLength(2);
    expect(clusters.some(({ tracks }) => tracks.includes(0) && tracks.includes(1))).toBe(false);
  });

  test('a weak track joins, but does not shape the cluster', () => {
    const weak = track(1, 3, { strength: 'weak', descriptor: syntheticDescriptor(1, 0.35, 9) });
    const clusters = clusterTracks([track(1, 0), weak]);
    expect(clusters).toHaveLength(1);
    expect(clusters[0]!.descriptor).toEqual(syntheticDescriptor(1, 0.2, 0));
    expect(clusters[0]!.strength).toBe('strong');
  });

  test('weak tracks alone make a weak cluster', () => {
    expect(clusterTracks([track(1, 0, { strength: 'weak' })])).toMatchObject([
      { strength: 'weak', screenSec: 1 },
    ]);
  });
});

test('the allowance saves, but not without end', () => {
  const allowance = new Allowance(2, 3);
  expect(allowance.allows(4)).toBe(false);
  allowance.grow(1);
  expect(allowance.allows(5)).toBe(true);
  allowance.spend(20);
  expect(allowance.allows(0)).toBe(false);
  allowance.grow(10_000);
  expect(allowance.allows(60)).toBe(true);
  expect(allowance.allows(61)).toBe(false);
});
