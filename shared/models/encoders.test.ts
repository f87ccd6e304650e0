import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINY_DIMENSIONS, writeTinyModel } from '../../test/fixtures/tiny-onnx.ts';
import { type CoreConfig, loadConfig } from '../config.ts';
import type { Encoders } from '../ports/encoders.ts';
import { createEncoders, multimodalModels, textModels } from './encoders.ts';
import { ModelStore, type Profile } from './store.ts';

let scratch: string;
const open: Encoders[] = [];

beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'cinedex-encoders-'));
});

afterAll(async () => {
  await Promise.all(open.map((encoders) => encoders.close()));
  await rm(scratch, { recursive: true, force: true });
});

function configOf(profile: Profile): CoreConfig {
  return loadConfig({ CINEDEX_PROFILE: profile });
}

function encodersOf(profile: Profile, store: ModelStore): Encoders {
  const encoders = createEncoders(configOf(profile), store);
  open.push(encoders);
  return encoders;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, axis) => sum + value * b[axis]!, 0);
}

function plain(background: string): Promise<Buffer> {
  return sharp({ create: { width: 40, height: 30, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

/** A store in which the dictionary cannot be read. */
class WithoutDictionary extends ModelStore {
  override file(id: string, name: string): string {
    return super.file(id, name) + (id === 'dictionary-cc-cedict' ? '.gone' : '');
  }
}

describe('the bundled encoders', () => {
  it('are not ready before Chinese is', async () => {
    const text = encodersOf('bundled', new WithoutDictionary(path.join(scratch, 'none'))).text();
    expect(await text.encode(['a man rides a horse'])).toHaveLength(1);
    await expect(text.warmUp()).rejects.toThrow('ENOENT');
  });

  let encoders: Encoders;
  beforeAll(() => {
    encoders = encodersOf('bundled', new ModelStore(path.join(scratch, 'none')));
  });

  it('put paraphrases near, and Chinese near its English', async () => {
    const [rides, riding, chinese, mixed, stocks, empty] = await encoders
      .text()
      .encode([
        'a man rides a horse',
        'someone is riding a horse',
        '一个男人在骑马',
        'man 骑马',
        'the stock market fell on Friday',
        '',
      ]);
    expect(dot(rides!, rides!)).toBeCloseTo(1, 4);
    expect(dot(rides!, riding!)).toBeGreaterThan(0.6);
    expect(dot(rides!, chinese!)).toBeGreaterThan(0.6);
    expect(dot(rides!, mixed!)).toBeGreaterThan(0.5);
    expect(dot(rides!, stocks!)).toBeLessThan(0.3);
    expect(empty!.every((value) => value === 0)).toBe(true);
  });

  it('give each text the same vector whatever else is in the batch', async () => {
    const texts = ['short', 'a much longer text about a boat on the river in the evening light', 'two words'];
    const together = await encoders.text().encode(texts);
    for (const [index, text] of texts.entries()) {
      const [alone] = await encoders.text().encode([text]);
      expect(dot(alone!, together[index]!)).toBeCloseTo(1, 4);
    }
  });

  it('read a text that is far longer than the model does', async () => {
    const [long] = await encoders.text().encode(['boat '.repeat(5_000)]);
    expect(dot(long!, long!)).toBeCloseTo(1, 4);
  });

  it('stop between batches when the caller has gone, and go on serving others', async () => {
    const abort = new AbortController();
    const many = encoders.text().encode(
      Array.from({ length: 300 }, (_, index) => `text number ${index}`),
      { signal: abort.signal },
    );
    const stopped = expect(many).rejects.toMatchObject({ code: 'ABORTED' });
    const query = encoders.text().encode(['a short query']);
    abort.abort();
    await stopped;
    await expect(query).resolves.toHaveLength(1);
  });

  it('say what they are, and refuse what is no picture', async () => {
    const multimodal = encoders.multimodal();
    expect(multimodal.caveat).toMatchObject({
      code: 'PICTURES_BY_LABELS',
      message: expect.stringMatching(/not a joint model/i),
    });
    expect(multimodal.space.dimensions).toBe(encoders.text().dimensions);
    await expect(multimodal.encodePictures([Buffer.from('no picture')])).rejects.toMatchObject({
      code: 'MEDIA_CORRUPT',
    });
  });

  it('see nothing in a plain picture, and give it no direction by chance', async () => {
    const [picture] = await encoders.multimodal().encodePictures([await plain('#888888')]);
    expect(picture!.labels).toEqual([]);
    expect(picture!.explicit).toBeGreaterThanOrEqual(0);
    expect(picture!.explicit).toBeLessThan(0.5);
    expect(picture!.vector).toHaveLength(512);
    expect(picture!.vector.every(Number.isFinite)).toBe(true);
  });

  it('embed texts for pictures, the empty one as zero', async () => {
    const [dog, empty] = await encoders.multimodal().encodeTexts(['a dog', ' ']);
    expect(dot(dog!, dog!)).toBeCloseTo(1, 4);
    expect(dot(empty!, empty!)).toBe(0);
  });
});

describe.each([
  ['standard', 'clip'],
  ['chinese', 'chinese-clip'],
] as const)('the encoders of the profile %s', (profile, kind) => {
  /** The real manifests, with the dimensions of the tiny models and without sizes. */
  async function tinyStore(): Promise<ModelStore> {
    const store = new ModelStore(path.join(scratch, profile));
    for (const [id, shape] of [
      [textModels(profile)[0]!, 'sentence'],
      [multimodalModels(profile)[0]!, kind],
    ] as const) {
      const manifest = store.manifest(id);
      store.manifests.set(id, {
        ...manifest,
        dimensions: TINY_DIMENSIONS,
        files: manifest.files.map((file) => ({ ...file, bytes: null, sha256: null })),
      });
      await writeTinyModel(path.join(store.folder, id, manifest.version), shape);
    }
    return store;
  }

  it('read sentences from a local folder', async () => {
    const text = encodersOf(profile, await tinyStore()).text();
    await text.warmUp();
    const [red, unpadded, mixed, empty] = await text.encode(['red', 'red red red red', 'green blue', '']);
    expect(dot(red!, unpadded!)).toBeCloseTo(1, 5);
    expect(dot(red!, mixed!)).toBeCloseTo(0, 5);
    expect(dot(empty!, empty!)).toBe(0);
    expect(text.id).toBe(
      `${textModels(profile)[0]}@${new ModelStore('').manifest(textModels(profile)[0]!).version}`,
    );
  });

  it('find the picture by its text', async () => {
    const multimodal = encodersOf(profile, await tinyStore()).multimodal();
    await multimodal.warmUp();
    const pictures = await multimodal.encodePictures([await plain('#ff0000'), await plain('#00ff00')]);
    const [red, green] = await multimodal.encodeTexts(
      profile === 'chinese' ? ['红', '绿'] : ['red', 'green'],
    );
    expect(dot(pictures[0]!.vector, red!)).toBeGreaterThan(0.99);
    expect(dot(pictures[0]!.vector, green!)).toBeLessThan(0.1);
    expect(dot(pictures[1]!.vector, green!)).toBeGreaterThan(0.99);
    expect(pictures[0]!.explicit).not.toBeNull();
  });

  it('say which command fetches a model that is missing', async () => {
    const encoders = encodersOf(profile, new ModelStore(path.join(scratch, 'empty')));
    const missing = {
      code: 'MODEL_MISSING',
      message: expect.stringContaining(`models pull --profile ${profile}`),
    };
    await expect(encoders.text().warmUp()).rejects.toMatchObject(missing);
    await expect(encoders.multimodal().warmUp()).rejects.toMatchObject(missing);
  });
});

it('every model of every profile has a manifest', () => {
  const store = new ModelStore('');
  for (const profile of ['bundled', 'standard', 'chinese'] as const) {
    for (const id of [...textModels(profile), ...multimodalModels(profile)]) {
      expect(store.manifest(id).profiles).toContain(profile);
      expect(store.manifest(id).licence).not.toMatch(/NC|non-?commercial|unknown/i);
    }
  }
});
