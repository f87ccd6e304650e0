import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TONES, toneSamples, writeTinyWhisper } from '../../test/fixtures/tiny-whisper.ts';
import { ModelStore } from '../models/store.ts';
import type { Transcriber } from './transcriber.ts';
import { keepUnderstood } from './understood.ts';
import type { WhisperHeard } from './whisper.thread.ts';
import { createWhisper, judgeWhisper, WHISPER_MODEL } from './whisper.ts';

let scratch: string;
const open: Transcriber[] = [];

beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'cinedex-whisper-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((transcriber) => transcriber.close()));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** The real manifest without sizes and checksums, and the tiny model's files. */
async function tinyStore(name: string): Promise<{ store: ModelStore; folder: string }> {
  const store = new ModelStore(path.join(scratch, name));
  const manifest = store.manifest(WHISPER_MODEL);
  store.manifests.set(WHISPER_MODEL, {
    ...manifest,
    files: manifest.files.map((file) => ({ ...file, bytes: null, sha256: null })),
  });
  const folder = path.join(store.folder, WHISPER_MODEL, manifest.version);
  await writeTinyWhisper(folder);
  return { store, folder };
}

function whisperOf(store: ModelStore): Transcriber {
  const transcriber = createWhisper(store);
  open.push(transcriber);
  return transcriber;
}

describe('Whisper from a local folder', () => {
  let whisper: Transcriber;
  beforeAll(async () => {
    whisper = createWhisper((await tinyStore('tiny')).store);
    await whisper.warmUp();
  });
  afterAll(() => whisper.close());

  it('times the parts of what it writes down, each with its certainty', async () => {
    expect(whisper.id).toMatch(/^whisper-base@/);
    const heard = await whisper.transcribe(toneSamples(TONES.english, 2));
    expect(heard).toMatchObject({ text: 'hello world again', language: 'en', spoken: 'en', tokens: 3 });
    expect(heard.rejected).toBeUndefined();
    expect(heard.segments).toMatchObject([
      { startSec: 0, endSec: 1, text: 'hello world' },
      { startSec: 1, endSec: 1.5, text: 'again' },
    ]);
    for (const { confidence } of [heard, ...heard.segments!]) {
      expect(confidence).toBeGreaterThan(0.9);
      expect(confidence).toBeLessThanOrEqual(1);
    }
  });

  it('hears which language is spoken, and puts characters together that lie in two tokens', async () => {
    const chinese = await whisper.transcribe(toneSamples(TONES.chinese, 2));
    expect(chinese).toMatchObject({ text: '你好', language: 'zh', spoken: 'zh' });
    expect(chinese.segments).toMatchObject([{ startSec: 0, endSec: 0.8 }]);
  });

  it('goes on where the model left the rest for another decoding', async () => {
    const { segments } = await whisper.transcribe(toneSamples(TONES.partial, 2));
    expect(segments!.map(({ text }) => text)).toEqual(['one', 'one']);
    expect(segments![1]!.startSec).toBeCloseTo(0.6, 5);
    expect(segments![1]!.endSec).toBeCloseTo(1.2, 5);
  });

  it('ends no part after its window', async () => {
    const { segments } = await whisper.transcribe(toneSamples(TONES.english, 1.2));
    expect(segments!.at(-1)).toMatchObject({ startSec: 1, endSec: 1.2 });
  });

  it('stops a decoder that runs in circles, and refuses what it wrote', async () => {
    const circle = await whisper.transcribe(toneSamples(TONES.circle, 4));
    expect(circle).toMatchObject({ text: 'la', spoken: 'fr', language: 'und', rejected: 'repetition' });
  });

  it('refuses a guess where nobody seems to speak', async () => {
    const noise = await whisper.transcribe(toneSamples(TONES.noise, 2));
    expect(noise).toMatchObject({ spoken: 'en', rejected: 'no-speech' });
  });

  it('takes the language spoken around it where none is clear, and only there', async () => {
    expect(await whisper.transcribe(toneSamples(TONES.noise, 2), { expected: 'zh' })).toMatchObject({
      spoken: 'zh',
    });
    expect(await whisper.transcribe(toneSamples(TONES.english, 2), { expected: 'zh' })).toMatchObject({
      spoken: 'en',
    });
  });

  it('takes no more than half a minute', async () => {
    await expect(whisper.transcribe(toneSamples(TONES.english, 30.1))).rejects.toThrow(RangeError);
  });

  it('stops when told to, and works again afterwards', async () => {
    const controller = new AbortController();
    const running = whisper.transcribe(toneSamples(TONES.circle, 30), { signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await whisper.transcribe(toneSamples(TONES.chinese, 2))).toMatchObject({ text: '你好' });
  });

  it('says at once which command fetches the model', () => {
    const store = new ModelStore(path.join(scratch, 'empty'));
    expect(() => createWhisper(store)).toThrow(
      expect.objectContaining({
        code: 'MODEL_MISSING',
        message: expect.stringContaining('models pull whisper-base'),
      }),
    );
  });

  it('refuses weights of another size than the manifest says', async () => {
    const { folder } = await tinyStore('short');
    expect(() => createWhisper(new ModelStore(path.resolve(folder, '../..')))).toThrow(
      expect.objectContaining({ code: 'MODEL_CORRUPT' }),
    );
  });

  it.each([
    ['onnx/decoder_model_merged_quantized.onnx', 'no weights'],
    ['onnx/encoder_model_quantized.onnx', ''],
    ['tokenizer.json', '{"version":'],
    ['generation_config.json', '{"eos_token_id": 9}'],
  ])('does not start with a damaged %s', async (name, content) => {
    const { store, folder } = await tinyStore(`damaged-${name.replaceAll('/', '-')}`);
    await writeFile(path.join(folder, name), content);
    await expect(whisperOf(store).warmUp()).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
  });
});

describe('judgeWhisper', () => {
  const heard = (text: string, probability = 0.8, other: Partial<WhisperHeard> = {}): WhisperHeard => ({
    language: 'en',
    noSpeechProbability: 0,
    repeated: false,
    segments: [{ startSec: 0, endSec: 1, text, probabilities: [probability, probability] }],
    ...other,
  });

  it('keeps what is likely enough, in any language', () => {
    expect(judgeWhisper(heard('Hello there.')).rejected).toBeUndefined();
    expect(judgeWhisper(heard('大家好', 0.5, { language: 'zh' }))).toMatchObject({
      language: 'zh',
      spoken: 'zh',
    });
    expect(judgeWhisper(heard('大家好', 0.5, { language: 'yue' })).language).toBe('zh');
    const french = judgeWhisper(heard('Bonjour', 0.5, { language: 'fr' }));
    expect(french).toMatchObject({ language: 'und', spoken: 'fr', text: 'Bonjour' });
    expect(french.rejected).toBeUndefined();
  });

  it('refuses guesses, silence, and text that repeats itself', () => {
    expect(judgeWhisper(heard('Thank you.', 0.3)).rejected).toBe('uncertain');
    expect(judgeWhisper(heard('Thank you.', 0.3, { noSpeechProbability: 0.9 })).rejected).toBe('no-speech');
    expect(judgeWhisper(heard('Thank you.', 0.8, { noSpeechProbability: 0.9 })).rejected).toBeUndefined();
    expect(judgeWhisper(heard('and so on and so forth, '.repeat(8))).rejected).toBe('repetition');
    expect(judgeWhisper(heard('')).rejected).toBe('no-speech');
    expect(judgeWhisper(heard('', 0.8, { segments: [] }))).toMatchObject({
      rejected: 'no-speech',
      tokens: 0,
    });
  });

  it('is not overruled for a recording of low certainty, as a model of one language is', () => {
    const windows = [0.5, 0.6, 0.3].map((probability, index) => ({
      ...judgeWhisper(heard('words', probability)),
      startSec: index * 5,
      endSec: index * 5 + 4,
    }));
    expect(keepUnderstood(windows, { multilingual: true })).toEqual({
      kept: windows.slice(0, 2),
      foreign: false,
    });
    expect(keepUnderstood(windows).kept).toEqual([]);
  });
});
