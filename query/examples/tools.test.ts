import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { AUDIO_SPACE } from '../../shared/audio/embedding-space.ts';
import { encodeFingerprint } from '../../shared/audio/fingerprint.ts';
import { loadConfig } from '../../shared/config.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { ModelStore } from '../../shared/models/store.ts';
import { ffmpeg, mediaFolder, sceneClip } from '../../test/fixtures/media.ts';
import { LONGEST_SOUND_SEC } from './sounds.ts';
import { createExampleTools } from './tools.ts';

// Real models and ffmpeg, on a machine that others use too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const SPEECH = path.resolve(import.meta.dirname, '../../test/fixtures/speech-en.ogg');
const folder = mediaFolder();
const blobs = new Map<string, Buffer>();

function tools(models = new ModelStore('/nowhere')) {
  return createExampleTools({
    config: loadConfig({}),
    models,
    artifacts: {
      getBlob: async ({ sha256 }) => {
        const blob = blobs.get(sha256);
        if (!blob) throw new CinedexError('ARTIFACT_MISSING', sha256);
        return blob;
      },
    },
  });
}

const shared = tools();
afterAll(() => shared.close());

/** The file as sound in another coding. */
async function recoded(source: string, name: string, ...args: string[]): Promise<Buffer> {
  const file = path.join(folder, name);
  await ffmpeg(['-i', source, ...args, file]);
  return readFile(file);
}

function store(words: Uint32Array): BlobRef {
  const bytes = Buffer.from(encodeFingerprint(words));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  blobs.set(sha256, bytes);
  return { sha256, bytes: bytes.length, mediaType: 'application/x-uint32' };
}

describe('a clip of sound', () => {
  it('is described in the space of the index, and alike in another coding', async () => {
    const whole = await shared.describeSound(await readFile(SPEECH));
    expect(whole.spans.length).toBeGreaterThan(0);
    expect(whole.spans[0]).toHaveLength(AUDIO_SPACE.dimensions);
    const again = await shared.describeSound(await recoded(SPEECH, 'again.mp3', '-b:a', '64k', '-ac', '2'));
    expect(again.durationSec).toBeCloseTo(whole.durationSec, 0);
    const cosine = whole.spans[0]!.reduce((sum, value, i) => sum + value * again.spans[0]![i]!, 0);
    expect(cosine).toBeGreaterThan(0.9);
  });

  it('is found as a piece of its recording, at its place, and in no other', async () => {
    const whole = await shared.describeSound(await readFile(SPEECH));
    const from = 1.3;
    const clip = await recoded(SPEECH, 'clip.mp3', '-ss', String(from), '-t', '4', '-b:a', '64k');
    const other = await recoded(SPEECH, 'slow.wav', '-af', 'areverse');
    const { fingerprint } = await shared.describeSound(clip);
    const reversed = await shared.describeSound(other);
    const gone = { sha256: '0'.repeat(64), bytes: 4, mediaType: 'application/x-uint32' };
    const found = await shared.findPieces(fingerprint, [
      store(reversed.fingerprint),
      store(whole.fingerprint),
      gone,
    ]);
    expect(found.map((each) => each !== null)).toEqual([false, true, false]);
    expect(Math.abs(found[1]!.offsetSec - from)).toBeLessThan(0.15);
    expect(found[1]!.bitErrorRate).toBeLessThan(0.25);
  });

  it('may be a video, and has no spans where there is silence', async () => {
    const video = await sceneClip(path.join(folder, 'tone.mp4'), [{ source: 'testsrc2', seconds: 3 }], {
      sound: 'tone',
    });
    expect((await shared.describeSound(await readFile(video))).spans.length).toBeGreaterThan(0);
    await ffmpeg(['-f', 'lavfi', '-t', '3', '-i', 'anullsrc', path.join(folder, 'silent.wav')]);
    const silent = await shared.describeSound(await readFile(path.join(folder, 'silent.wav')));
    expect(silent.spans).toEqual([]);
  });

  it('is heard up to a minute', async () => {
    await ffmpeg(['-f', 'lavfi', '-t', '75', '-i', 'sine=frequency=300', path.join(folder, 'long.mp3')]);
    const { durationSec } = await shared.describeSound(await readFile(path.join(folder, 'long.mp3')));
    expect(Math.abs(durationSec - LONGEST_SOUND_SEC)).toBeLessThan(0.2);
  });

  it.each([
    ['without a byte', async () => Buffer.alloc(0), 'MEDIA_EMPTY'],
    ['of text', async () => Buffer.from('a playlist, or so\n'.repeat(9)), 'MEDIA_UNSUPPORTED'],
    ['that is a playlist', async () => Buffer.from('#EXTM3U\nfile:///etc/passwd\n'), 'MEDIA_UNSUPPORTED'],
    [
      'without a track of sound',
      async () =>
        readFile(await sceneClip(path.join(folder, 'mute.mp4'), [{ source: 'testsrc2', seconds: 1 }])),
      'MEDIA_UNSUPPORTED',
    ],
    ['that is damaged', async () => (await readFile(SPEECH)).subarray(0, 200), 'MEDIA_CORRUPT'],
  ])('%s is refused', async (_, make, code) => {
    await expect(shared.describeSound(await make())).rejects.toMatchObject({ code });
  });

  it('that is given up does not stop the next, and nothing is left behind', async () => {
    const left = async () => (await readdir(os.tmpdir())).filter((name) => name.startsWith('cinedex-clip-'));
    const before = await left();
    const speech = await readFile(SPEECH);
    await expect(shared.describeSound(speech, AbortSignal.abort())).rejects.toThrow();
    const given = new AbortController();
    const [first, second] = [shared.describeSound(speech, given.signal), shared.describeSound(speech)];
    given.abort();
    await expect(first).rejects.toThrow();
    expect((await second).spans.length).toBeGreaterThan(0);
    expect((await left()).filter((name) => !before.includes(name))).toEqual([]);
  });
});

describe('a picture of a face', () => {
  it('without a face has no descriptor', async () => {
    const file = path.join(folder, 'pattern.png');
    await ffmpeg(['-f', 'lavfi', '-i', 'testsrc2=size=320x240', '-frames:v', '1', file]);
    expect(await shared.describeFaces(await readFile(file))).toEqual([]);
  });

  it('that is no picture is refused before a model is loaded', async () => {
    const lazy = tools();
    await expect(lazy.describeFaces(Buffer.from('<svg/>'))).rejects.toMatchObject({
      code: 'MEDIA_UNSUPPORTED',
    });
    await lazy.close();
  });
});
