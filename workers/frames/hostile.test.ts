/** Files made to break things, through the frames stage: each ends in one clear answer, and the next video is indexed. */
import { copyFile, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawnClip, ffmpeg, mediaFolder, numberedFrame } from '../../test/fixtures/media.ts';
import { sharedData } from '../../test/fixtures/shared-data.ts';
import { type FramesHarness, framesHarness } from './harness.fixture.ts';

const folder = mediaFolder();
const at = (name: string) => path.join(folder, name);
let harness: FramesHarness;
let good: string;

beforeAll(async () => {
  harness = await framesHarness();
  good = await drawnClip(at('good.mp4'), 25, (i) => numberedFrame(i));
});
afterAll(() => harness.close());

async function answer(file: string): Promise<string> {
  const outcome = await harness.run(file);
  return outcome.kind === 'reject' ? outcome.code : outcome.kind;
}

describe('media that is not what it says', () => {
  const SECRET = '/etc/hostname';
  const texts: [string, string][] = [
    ['hls.mp4', `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://${SECRET}\n#EXT-X-ENDLIST\n`],
    ['bom.mp4', `\uFEFF#EXTM3U\n#EXTINF:1,\n${SECRET}\n`],
    ['concat.mp4', `ffconcat version 1.0\nfile ${SECRET}\n`],
    ['concat-bare.mp4', `file '${SECRET}'\n`],
    ['dash.mp4', `<?xml version="1.0"?><MPD><Period><BaseURL>file://${SECRET}</BaseURL></Period></MPD>`],
    ['plain.mp4', 'just some words that a text demuxer would draw as pictures\n'.repeat(50)],
    ['page.webm', '<!DOCTYPE html><html><body>404</body></html>'],
    ['script.mp4', '#!/bin/sh\nrm -rf /\n'],
  ];
  test.each(texts)('%s', async (name, text) => {
    await writeFile(at(name), text);
    expect(await answer(at(name))).toBe('MEDIA_UNSUPPORTED');
  });

  test('a picture, an archive, noise, nothing', async () => {
    await ffmpeg([
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=64x64',
      '-frames:v',
      '1',
      '-f',
      'image2',
      at('picture.png'),
    ]);
    await copyFile(at('picture.png'), at('picture.mp4'));
    expect(await answer(at('picture.mp4'))).toBe('MEDIA_UNSUPPORTED');
    await writeFile(at('archive.mp4'), Buffer.from('504b0304140000000800', 'hex'));
    expect(await answer(at('archive.mp4'))).toBe('MEDIA_UNSUPPORTED');
    await writeFile(
      at('noise.mp4'),
      Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 2654435761) >>> 24)),
    );
    expect(['MEDIA_UNSUPPORTED', 'MEDIA_CORRUPT']).toContain(await answer(at('noise.mp4')));
    await writeFile(at('empty.mp4'), '');
    expect(await answer(at('empty.mp4'))).toBe('MEDIA_EMPTY');
  });
});

describe('media that cannot be read', () => {
  test('without its index', async () => {
    const bytes = await readFile(good);
    await writeFile(at('cut.mp4'), bytes.subarray(0, Math.floor(bytes.length / 2)));
    expect(await answer(at('cut.mp4'))).toBe('MEDIA_CORRUPT');
  });

  test('encrypted', async () => {
    const key = '00112233445566778899aabbccddeeff';
    const scheme = ['-encryption_scheme', 'cenc-aes-ctr', '-encryption_key', key, '-encryption_kid', key];
    await ffmpeg(['-i', good, '-c', 'copy', ...scheme, at('protected.mp4')]);
    expect(await answer(at('protected.mp4'))).toBe('MEDIA_ENCRYPTED');
  });

  test('sound alone', async () => {
    await ffmpeg(['-f', 'lavfi', '-t', '1', '-i', 'sine', '-c:a', 'aac', at('sound.mp4')]);
    expect(await answer(at('sound.mp4'))).toBe('MEDIA_NO_VIDEO');
  });

  test('absurdly large', async () => {
    const size = 'color=gray:size=8192x8192:rate=1';
    await ffmpeg(['-f', 'lavfi', '-t', '1', '-i', size, '-c:v', 'mjpeg', '-q:v', '31', at('huge.avi')]);
    expect(await answer(at('huge.avi'))).toBe('MEDIA_LIMIT');
  });

  test('a bomb: many large pictures in few bytes end at the limits', async () => {
    const small = await framesHarness({ CINEDEX_MEDIA_TIMEOUT_MS: '1000' });
    try {
      const second = ['-f', 'lavfi', '-t', '1', '-i', 'testsrc2=size=1920x1080:rate=30'];
      await ffmpeg([...second, '-c:v', 'libx264', '-preset', 'ultrafast', at('second.mp4')]);
      await ffmpeg(['-stream_loop', '600', '-i', at('second.mp4'), '-c', 'copy', at('bomb.mp4')]);
      await expect(small.run(at('bomb.mp4'))).rejects.toMatchObject({ code: 'MEDIA_TIMEOUT' });
    } finally {
      await small.close();
    }
  });
});

describe('names that ffmpeg or a shell would take for something else', () => {
  test.each([
    'a:b.mp4',
    '%03d.jpg',
    '-dash.mp4',
    "quote'; $(touch x) .mp4",
    'new\nline.mp4',
    'concat:a|b.mp4',
    '视频.mp4',
  ])('%j', async (name) => {
    await copyFile(good, at(name));
    expect(await answer(at(name))).toBe('ok');
  });
});

test('a link that leads out of the media root is refused', async () => {
  const root = mediaFolder();
  const inside = await framesHarness({ CINEDEX_MEDIA_ROOTS: root });
  try {
    await symlink(good, path.join(root, 'innocent.mp4'));
    expect(await inside.run(path.join(root, 'innocent.mp4'))).toMatchObject({
      kind: 'reject',
      code: 'URI_NOT_ALLOWED',
    });
    expect(await inside.run(`${root}/../../etc/passwd`)).toMatchObject({
      kind: 'reject',
      code: 'URI_NOT_ALLOWED',
    });
  } finally {
    await inside.close();
  }
});

test('after all of them a good video is still indexed', async () => {
  expect(await answer(good)).toBe('ok');
});

const data = sharedData();
describe.skipIf(data === null)('the collection of damaged files', () => {
  const EXPECTED: Record<string, string> = {
    '-video-with-dash-.mp4': 'ok',
    'bad_video_sample.mp4': 'ok',
    'corrupted.mp4': 'ok',
    'decompression_bomb.gif': 'MEDIA_CORRUPT',
    'invalid_userdata.mp4': 'MEDIA_CORRUPT',
    'matroska.mkv': 'ok',
    'mp4.mp4': 'ok',
    'no_duration.webm': 'ok',
    'playable_but_bad_container.mp4': 'ok',
    'sample_audio_only.mp4': 'MEDIA_NO_VIDEO',
    'sample_malformed_free_box.mp4': 'MEDIA_CORRUPT',
    'sample_mdat_too_long.mp4': 'ok',
    'truncated.jpg': 'MEDIA_UNSUPPORTED',
    'unordered.mov': 'ok',
    'zero_bytes.webm': 'MEDIA_EMPTY',
    'zero_empty_stsc.mp4': 'MEDIA_CORRUPT',
  };
  test.each(Object.entries(EXPECTED))('%s: %s', async (name, expected) => {
    expect(await answer(path.join(data!, 'hostile', name))).toBe(expected);
  });
});
