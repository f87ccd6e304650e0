import { expect, it } from 'vitest';
import { reasonToRecycle } from './recycling.ts';

const MiB = 1024 ** 2;

it.each([
  ['nothing is limited', { rssBytes: 1e12, jobs: 1e9 }, { maxRssBytes: 0, maxJobs: 0 }, null],
  ['both are below', { rssBytes: 99 * MiB, jobs: 9 }, { maxRssBytes: 100 * MiB, maxJobs: 10 }, null],
  ['the jobs are done', { rssBytes: 0, jobs: 10 }, { maxRssBytes: 0, maxJobs: 10 }, /10 jobs/],
  ['it has grown', { rssBytes: 101 * MiB, jobs: 0 }, { maxRssBytes: 100 * MiB, maxJobs: 0 }, /101 MiB/],
])('a worker is recycled when it should: %s', (_, state, limits, expected) => {
  const reason = reasonToRecycle(state, limits);
  if (expected === null) expect(reason).toBeNull();
  else expect(reason).toMatch(expected);
});
