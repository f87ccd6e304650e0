import { expect, test } from 'vitest';
import { groupSamples, readSamples } from './samples.ts';

const items = [
  { timeSec: 0, shot: 0, offset: 0, length: 3 },
  { timeSec: 0.5, shot: 0, offset: 0, length: 3 },
  { timeSec: 1, shot: 0, offset: 3, length: 2 },
  { timeSec: 1.5, shot: 1, offset: 3, length: 2 },
];
const blob = { sha256: '0'.repeat(64), bytes: 5, mediaType: 'image/jpeg' };

test('a still picture is one run, and a new shot begins a new one', () => {
  expect(groupSamples(items).map((run) => [run.offset, run.times.length])).toEqual([
    [0, 2],
    [3, 1],
    [3, 1],
  ]);
});

test('each stored picture is read once and says until when it was shown', async () => {
  const bytes = Buffer.from('abcde');
  const reads: number[] = [];
  const artifacts = {
    getRange: async (_: unknown, offset: number, length: number) => {
      reads.push(offset);
      return bytes.subarray(offset, offset + length);
    },
  };
  const seen = [];
  for await (const picture of readSamples(artifacts, {
    samples: { blob, fps: 2, items },
    media: { durationSec: 2 } as never,
  })) {
    seen.push([picture.jpeg.toString(), picture.times.map((t) => t.timeSec), picture.untilSec]);
  }
  expect(seen).toEqual([
    ['abc', [0, 0.5], 1],
    ['de', [1], 1.5],
    ['de', [1.5], 2],
  ]);
  expect(reads).toEqual([0, 3, 3]);
});

test('stops when asked to', async () => {
  const stopped = AbortSignal.abort();
  const reading = readSamples(
    { getRange: async () => Buffer.from('abc') },
    { samples: { blob, fps: 2, items }, media: { durationSec: 2 } as never },
    stopped,
  );
  await expect(reading.next()).rejects.toMatchObject({ code: 'ABORTED' });
});
