import { expect, it, vi } from 'vitest';
import type { Hit, VideoIndex } from '../../shared/ports/video-index.ts';
import { Dictionaries } from './dictionary.ts';

const titled = (title: string): Hit[][] => [[{ id: '1', score: 0, payload: { video: 'v', title } }]];

it('renews a dictionary beside the searches, and keeps the old one where that fails', async () => {
  let now = 0;
  const query = vi.fn<VideoIndex['query']>();
  const options = { entityFile: '', dictionaryVideos: 10, dictionarySeconds: 60, now: () => now };
  const index = { query } as unknown as VideoIndex;
  const dictionaries = new Dictionaries({ index, identities: null }, options);
  const knows = async (title: string) =>
    (await dictionaries.of('t', 'g', [])).entities.named(title).length > 0;

  query.mockResolvedValueOnce(titled('Old Harbour'));
  expect(await knows('Old Harbour')).toBe(true);

  now = 61_000;
  const reading = Promise.withResolvers<Hit[][]>();
  query.mockReturnValueOnce(reading.promise);
  expect(await knows('Old Harbour')).toBe(true);
  expect(await knows('New Harbour')).toBe(false);
  reading.resolve(titled('New Harbour'));
  await vi.waitFor(async () => expect(await knows('New Harbour')).toBe(true));
  expect(query).toHaveBeenCalledTimes(2);

  now = 130_000;
  query.mockRejectedValueOnce(new Error('away'));
  expect(await knows('New Harbour')).toBe(true);
  now = 200_000;
  query.mockResolvedValueOnce(titled('Newest Harbour'));
  await vi.waitFor(async () => expect(await knows('Newest Harbour')).toBe(true));
});
