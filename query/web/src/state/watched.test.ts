import { expect, it } from 'vitest';
import { Watched } from './watched.ts';

it('counts what was played, not what was jumped over', () => {
  const watched = new Watched();
  for (const at of [10, 10.25, 10.5]) watched.played(at);
  watched.jumped();
  for (const at of [60, 60.5, 61]) watched.played(at);
  // A jump that nobody told of, forth and back.
  for (const at of [90, 61, 61.25]) watched.played(at);
  expect(watched.seconds).toBeCloseTo(0.5 + 1 + 0.25);
});
