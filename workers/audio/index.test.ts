import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AUDIO_SPACE } from '../../shared/audio/embedding-space.ts';
import { decodeFingerprint } from '../../shared/audio/fingerprint.ts';
import { WHISPER_MODEL } from '../../shared/audio/whisper.ts';
import { loadConfig } from '../../shared/config.ts';
import { AudioAnalyzed } from '../../shared/contracts/artifacts.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import { findBinaries } from '../../shared/media/binaries.ts';
import { ModelStore } from '../../shared/models/store.ts';
import { writeTinyWhisper } from '../../test/fixtures/tiny-whisper.ts';
import type { Outcome, Services, StageContext, StageHandler } from '../runtime/stage.ts';
import { AudioConfig, audio } from './index.ts';

const SPEECH = path.resolve(import.meta.dirname, '../../test/fixtures/speech-en.ogg');
const config = loadConfig({ CINEDEX_MODELS_DIR: process.env.CINEDEX_MODELS_DIR });
const pulled = new ModelStore(config.core.modelsDir);
const hasMoonshine = pulled.has('moonshine-tiny');
if (!hasMoonshine) {
  console.warn(
    `SKIPPED: speech to text; no moonshine-tiny in ${config.core.modelsDir}: run \`cinedex models pull moonshine-tiny\`.`,
  );
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-audio-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let ffmpeg = '';
beforeAll(async () => {
  ffmpeg = (await findBinaries(config.media)).ffmpeg.path;
});

function makeMedia(name: string, ...args: string[]): string {
  const file = path.join(folder, name);
  execFileSync(ffmpeg, ['-nostdin', '-v', 'error', '-y', ...args, file]);
  return file;
}

interface Stage {
  handler: StageHandler<unknown, AudioAnalyzed>;
  blobs: Map<string, Uint8Array>;
  released: () => number;
}

const open: Stage[] = [];
afterEach(async () => {
  for (const { handler } of open.splice(0)) await handler.close?.();
});

async function stageWith(
  settings: Record<string, unknown> = { transcriber: 'none' },
  models = pulled,
  core = config,
): Promise<Stage> {
  const blobs = new Map<string, Uint8Array>();
  let released = 0;
  const services = {
    core,
    models,
    artifacts: {
      async putBlob(bytes: Uint8Array, mediaType: string): Promise<BlobRef> {
        const sha256 = String(blobs.size).padStart(64, '0');
        blobs.set(sha256, bytes);
        return { sha256, bytes: bytes.length, mediaType };
      },
    },
    media: {
      open: async ({ uri }: { uri: string }) => ({
        path: uri,
        bytes: 1,
        async release() {
          released += 1;
        },
      }),
    },
    logger: { info: () => undefined, warn: () => undefined },
  } as unknown as Services;
  const handler = (await audio.create(services, AudioConfig.parse(settings))) as Stage['handler'];
  const stage = { handler, blobs, released: () => released };
  open.push(stage);
  return stage;
}

function run(
  { handler }: Stage,
  file: string,
  signal = new AbortController().signal,
): Promise<Outcome<AudioAnalyzed>> {
  const context = { video: { media: { uri: file } }, signal, note: () => undefined };
  return handler.run({}, context as unknown as StageContext);
}

function outputOf(outcome: Outcome<AudioAnalyzed>): AudioAnalyzed {
  if (outcome.kind !== 'ok' && outcome.kind !== 'partial') throw new Error(`${outcome.kind} has no output`);
  return AudioAnalyzed.parse(outcome.output);
}

describe('the audio stage', () => {
  it('hears speech, silence and loudness in one file', async () => {
    const file = makeMedia(
      'speech.mkv',
      '-i',
      SPEECH,
      '-af',
      'adelay=3000,apad=pad_len=48000', // three seconds on either side
      '-c:a',
      'libvorbis',
    );
    const stage = await stageWith();
    const outcome = await run(stage, file);
    expect(outcome.kind).toBe('ok');
    const output = outputOf(outcome);
    expect(output.segments.map(({ kind }) => kind)).toEqual(['silence', 'speech', 'silence']);
    expect(output.segments[1]!.startSec).toBeCloseTo(3, 0);
    expect(output.loudness.integratedLufs).toBeLessThan(-15);
    expect(output.loudness.integratedLufs).toBeGreaterThan(-30);
    expect(output.embeddings).toMatchObject({ rows: 1, dimensions: AUDIO_SPACE.dimensions });
    expect(stage.blobs.get(output.embeddings!.blob.sha256)).toHaveLength(AUDIO_SPACE.dimensions * 4);
    const words = decodeFingerprint(stage.blobs.get(output.fingerprint!.blob.sha256)!);
    expect(Math.abs(words.length * output.fingerprint!.frameSec - output.durationSec)).toBeLessThan(1);
    expect(output.transcript).toBeNull();
    expect(stage.released()).toBe(1);
  });

  it('keeps the clock of the video where the sound begins later', async () => {
    const file = makeMedia(
      'late.mkv',
      ...['-f', 'lavfi', '-i', 'color=black:s=64x64:d=10', '-itsoffset', '2.5', '-i', SPEECH],
      ...['-map', '0:v', '-map', '1:a', '-c:v', 'mpeg4', '-c:a', 'libvorbis'],
    );
    const { segments } = outputOf(await run(await stageWith(), file));
    expect(segments[0]).toMatchObject({ kind: 'silence', startSec: 0 });
    expect(segments[1]!.kind).toBe('speech');
    expect(segments[1]!.startSec).toBeCloseTo(2.5, 0);
  });

  it('skips a video without sound, and gives its file back', async () => {
    const file = makeMedia('mute.mp4', '-f', 'lavfi', '-i', 'testsrc=s=64x64:d=1', '-c:v', 'mpeg4');
    const stage = await stageWith();
    expect((await run(stage, file)).kind).toBe('skip');
    expect(stage.released()).toBe(1);
  });

  it('has no loudness, embedding or speech for digital silence', async () => {
    const file = makeMedia('silent.wav', '-f', 'lavfi', '-i', 'anullsrc=r=16000:cl=mono', '-t', '4');
    const output = outputOf(await run(await stageWith(), file));
    expect(output.segments.map(({ kind }) => kind)).toEqual(['silence']);
    expect(output.loudness).toEqual({ integratedLufs: null, rangeLu: null, truePeakDbtp: null });
    expect(output.embeddings).toBeNull();
  });

  it('says that speech is missing when there is some and no model for it', async () => {
    const empty = new ModelStore(path.join(folder, 'no-models'));
    const stage = await stageWith({}, empty);
    const outcome = await run(stage, SPEECH);
    expect(outcome).toMatchObject({ kind: 'partial', missing: ['speech'] });
    const quiet = makeMedia('rain.wav', '-f', 'lavfi', '-i', 'anoisesrc=c=pink:d=3:a=0.2');
    expect((await run(stage, quiet)).kind).toBe('ok');
  });

  it('refuses to start without a model that was asked for by name', async () => {
    const empty = new ModelStore(path.join(folder, 'no-models'));
    for (const transcriber of ['moonshine-base', 'whisper']) {
      await expect(stageWith({ transcriber }, empty)).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    }
  });

  it('stops when it is told to, and works again afterwards', async () => {
    const file = makeMedia('long.wav', '-f', 'lavfi', '-i', 'anoisesrc=r=16000:d=300:a=0.2', '-ac', '1');
    const stage = await stageWith();
    await stage.handler.warmUp?.();
    const controller = new AbortController();
    const running = run(stage, file, controller.signal);
    setImmediate(() => controller.abort());
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    expect(stage.released()).toBe(1);
    expect((await run(stage, SPEECH)).kind).toBe('ok');
  });

  it('gives other keys once a speech model is there', () => {
    const core = { ...config, core: { ...config.core, modelsDir: path.join(folder, 'no-models') } };
    expect(audio.models!(AudioConfig.parse({}), core)).toEqual(['silero-vad']);
    expect(audio.models!(AudioConfig.parse({ transcriber: 'moonshine-tiny' }), core)).toEqual([
      'silero-vad',
      'moonshine-tiny',
    ]);
  });

  it.each(['standard', 'chinese'] as const)(
    'takes Whisper in the profile %s, once it is there',
    async (profile) => {
      const models = new ModelStore(path.join(folder, `whisper-${profile}`));
      const manifest = models.manifest(WHISPER_MODEL);
      models.manifests.set(WHISPER_MODEL, {
        ...manifest,
        files: manifest.files.map((file) => ({ ...file, bytes: null, sha256: null })),
      });
      await writeTinyWhisper(path.join(models.folder, WHISPER_MODEL, manifest.version));
      const core = { ...config, core: { ...config.core, profile, modelsDir: models.folder } };
      expect(audio.models!(AudioConfig.parse({}), core)).toEqual(['silero-vad', WHISPER_MODEL]);

      const file = makeMedia(`late-${profile}.mkv`, '-i', SPEECH, '-af', 'adelay=3000', '-c:a', 'libvorbis');
      const outcome = await run(await stageWith({}, models, core), file);
      expect(outcome.kind).toBe('ok');
      const { transcript, segments } = outputOf(outcome);
      expect(transcript!.model).toBe(models.version(WHISPER_MODEL));
      // The tiny model takes a voice for one of its tones; what counts is that it speaks, and where.
      expect(transcript!.segments).not.toEqual([]);
      const speech = segments.find(({ kind }) => kind === 'speech')!;
      for (const { startSec, endSec, text } of transcript!.segments) {
        expect(text).toMatch(/^(hello world|again|你好|one)$/);
        expect(startSec).toBeGreaterThanOrEqual(speech.startSec - 0.5);
        expect(endSec).toBeLessThanOrEqual(speech.endSec + 0.5);
      }
    },
  );

  it.skipIf(!hasMoonshine)('writes down what is said', async () => {
    const stage = await stageWith({ transcriber: 'moonshine-tiny' });
    const outcome = await run(stage, SPEECH);
    expect(outcome.kind).toBe('ok');
    const { transcript } = outputOf(outcome);
    expect(transcript!.model).toMatch(/^moonshine-tiny@/);
    const text = transcript!.segments.map((segment) => segment.text).join(' ');
    expect(text).toMatch(/human beings are born free and equal/i);
    expect(text).toMatch(/reason and conscience/i);
    expect(transcript!.segments[0]).toMatchObject({ language: 'en' });
  });
});
