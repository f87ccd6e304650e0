import { expect, it } from 'vitest';
import type { VideoRecord } from '../shared/ports/ledger.ts';
import { countVideos, describeVideo } from './describe.ts';

const video = (missing?: string[]) =>
  ({
    metadata: { title: 'A' },
    media: { uri: 'file:///a.mp4' },
    steps: { audio: { status: missing ? 'partial' : 'done', since: 0, missing } },
  }) as unknown as VideoRecord;

it('says how to get what some videos lack, and nothing of what nobody can give', () => {
  const [counts, ...hints] = countVideos([
    video(),
    video(['speech']),
    video(['speech', 'audio:damaged']),
    video(['speech:unsupported-language']),
  ]);
  expect(counts).toMatch(/^4 videos: /);
  expect(hints).toEqual([
    expect.stringMatching(/^ {2}speech is missing in 2; hint: .*`cinedex models pull`/),
  ]);
  expect(countVideos([video()])).toHaveLength(1);
});

it('says the same of one video, under what it lacks', () => {
  const lines = describeVideo(video(['speech', 'audio:damaged']));
  const at = lines.findIndex((line) => line.includes('missing: speech, audio:damaged'));
  expect(lines[at + 1]).toContain('`cinedex models pull`');
  expect(lines).toHaveLength(at + 2);
});
