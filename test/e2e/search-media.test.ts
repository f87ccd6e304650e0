/**
 * Searching real media from end to end: the stages, the stores and the models that are bundled, asked in English, in Chinese
 * and by example. What is asserted is the moment, not only the video. Titles tell nothing, so that only what is in the media
 * can be found.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { examplesOf, localOperations, type Operations } from '../../cli/operations.ts';
import type { ExampleTools } from '../../query/examples/tools.ts';
import type { MomentFound } from '../../query/moments/moments.ts';
import type { SearchAnswer } from '../../query/search.ts';
import { loadConfig } from '../../shared/config.ts';
import { createFaceEngine } from '../../shared/faces/engine/engine.ts';
import { enrol } from '../../shared/faces/gallery.ts';
import { ModelStore } from '../../shared/models/store.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { type App, createApp } from '../../workers/app.ts';
import { STAGES, stageSections } from '../../workers/stages.ts';
import { ffmpeg, mediaFolder } from '../fixtures/media.ts';
import { temporaryFolder } from '../fixtures/pipeline.ts';
import { sharedData } from '../fixtures/shared-data.ts';
import { hasAllStages } from '../fixtures/stages.ts';
import { CAPTION_SEC, makeLibrary, PEOPLE, PERSON_SEC, portrait, SCENES } from './search-media.library.ts';

// All models once, on a machine that others use too: one minute when it is idle.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 900_000 });

const tenant = 'default';
const data = sharedData();
const { modelsDir } = loadConfig({ CINEDEX_MODELS_DIR: process.env.CINEDEX_MODELS_DIR }).core;
const canTranscribe = new ModelStore(modelsDir).has('moonshine-tiny');
if (data && !canTranscribe) {
  console.warn(
    `SKIPPED: questions about speech; no moonshine-tiny in ${modelsDir}: run \`cinedex models pull moonshine-tiny\`.`,
  );
}

describe.skipIf(!data || !hasAllStages())('real media', () => {
  const { folder, remove } = temporaryFolder();
  const media = mediaFolder();
  let app: App;
  let examples: ExampleTools;
  let operations: Operations;

  beforeAll(async () => {
    const files = await makeLibrary(data!, media);
    const config = loadConfig({}, stageSections(), {
      core: { dataDir: folder, modelsDir, logLevel: 'silent' },
      media: { roots: [media, data!] },
    });
    app = await createApp(config, { stages: STAGES, logger: createLogger({ level: 'silent' }) });
    examples = examplesOf(app);
    operations = localOperations(app, examples);
    await enrolAll({ Colin_Powell: 'Colin Powell', Tony_Blair: '托尼·布莱尔' });
    await app.start();
    await app.publish(
      files.map((file) => ({
        type: 'video.uploaded.v1',
        data: {
          ...{ tenant, videoId: path.basename(file, '.mp4'), source: 'ugc' },
          media: { uri: pathToFileURL(file).href, version: '1' },
          metadata: { title: `upload ${path.basename(file).length}` },
        },
      })),
    );
    const settled = await app.settled();
    expect(settled.map(({ steps }) => steps.document?.status)).toEqual(settled.map(() => 'done'));
  });
  afterAll(async () => {
    await examples?.close();
    await app?.stop();
    remove();
  });

  /** By pictures 1 and 2 of each; the video has others, and questions are asked with others still. */
  async function enrolAll(names: Record<string, string>): Promise<void> {
    const { identities: store, models } = app.services;
    const engine = createFaceEngine(models);
    try {
      for (const [person, name] of Object.entries(names)) {
        const pictures = await Promise.all(
          [1, 2].map(async (n) => ({ name: `${n}`, bytes: await readFile(portrait(data!, person, n)) })),
        );
        expect((await enrol(tenant, name, pictures, { store, engine })).identity?.name).toBe(name);
      }
    } finally {
      await engine.close();
    }
  }

  const ask = (text: string) => operations.search({ tenant, text });

  function firstMoment({ results }: SearchAnswer, video: string): MomentFound {
    expect(results[0]?.video).toBe(video);
    expect(results[0]!.moments.length).toBeGreaterThan(0);
    return results[0]!.moments[0]!;
  }

  function expectWithin({ atSec }: MomentFound, startSec: number, endSec: number): void {
    expect(atSec).toBeGreaterThanOrEqual(startSec - 0.5);
    expect(atSec).toBeLessThan(endSec - 0.5);
  }

  async function made(name: string, ...args: string[]): Promise<string> {
    const file = path.join(media, name);
    await ffmpeg([...args, file]);
    return file;
  }

  it.each([
    ['Colin Powell', 'Colin_Powell'],
    ['托尼·布莱尔', 'Tony_Blair'],
    ['托尼布莱尔在哪里', 'Tony_Blair'],
  ] as const)('finds a person of the gallery by name: %s', async (text, person) => {
    const moment = firstMoment(await ask(text), 'people');
    const startSec = PEOPLE.indexOf(person) * PERSON_SEC;
    expectWithin(moment, startSec, startSec + PERSON_SEC);
    expect(moment.matched).toContain('who');
    expect(moment.people.length).toBe(1);
  });

  it.each([
    ['I never thought we would make it this far', 0],
    ['收据放在哪里', 1],
    ["She's leaving on the 7:45 train", 2],
    ['从来没想过我们能走到这一步', 3],
  ] as const)('finds a line on the screen: %s', async (text, place) => {
    const moment = firstMoment(await ask(text), 'captions');
    expectWithin(moment, place * CAPTION_SEC, (place + 1) * CAPTION_SEC);
    expect(moment.words?.kind).toBe('shown');
  });

  it('finds an English line by a Chinese question, through its gloss', async () => {
    const moment = firstMoment(await ask('她明天早上坐火车离开'), 'captions');
    expectWithin(moment, 2 * CAPTION_SEC, 3 * CAPTION_SEC);
  });

  describe.skipIf(!canTranscribe)('speech', () => {
    // Times of the published transcript.
    it.each([
      ['a spectre is haunting europe', 19, 25.6],
      ['workers of the world unite', 9.5, 12.8],
    ])('is found where it is said: %s', async (text, from, to) => {
      const moment = firstMoment(await ask(text), 'manifesto');
      expectWithin(moment, from - 2.5, to + 2.5);
      expect(moment.words?.kind).toBe('said');
    });

    /**
     * No bundled model writes down Chinese speech (Whisper, of the profile `standard`, does). What is promised without one is
     * that English speech answers a Chinese question; then it is its meaning that is met, so the shot is right, not the word.
     */
    it('in English is found by a Chinese question', async () => {
      const { startSec, endSec, matched } = firstMoment(await ask('共产主义的幽灵在欧洲游荡'), 'manifesto');
      expect(startSec).toBeLessThan(25.6);
      expect(endSec).toBeGreaterThan(19);
      expect(matched).toContain('about');
    });
  });

  // The bundled models know eighty kinds of things: scenes of those can be asked for, and no colours.
  it.each([
    ['a dog running outdoors', 0],
    ['奔跑的狗', 0],
    ['a car seen from above', 1],
  ])('finds a scene by its description: %s', async (text, place) => {
    const moment = firstMoment(await ask(text), 'scenes');
    const { startSec, endSec } = SCENES[place]!;
    expectWithin(moment, startSec, endSec);
    expect(moment.matched).toContain('seen');
  });

  it.each([
    ['jpg', 12.4, 2],
    ['webp', 2.6, 0],
    ['png', 7.2, 1],
  ] as const)(
    'finds a moment by a frame of it, cropped, made smaller, coded anew: %s',
    async (kind, at, place) => {
      const cut = 'crop=iw*0.9:ih*0.9,scale=480:-2';
      const scenes = path.join(media, 'scenes.mp4');
      const picture = await made(
        `frame.${kind}`,
        '-ss',
        String(at),
        '-i',
        scenes,
        '-frames:v',
        '1',
        '-vf',
        cut,
      );
      const moment = firstMoment(await operations.search({ tenant, files: { picture } }), 'scenes');
      expectWithin(moment, SCENES[place].startSec, SCENES[place].endSec);
    },
  );

  it.each(PEOPLE.map((person, place) => [person, place] as const))(
    'finds a person, named or not, by another picture: %s',
    async (person, place) => {
      const face = portrait(data!, person, 6);
      const moment = firstMoment(await operations.search({ tenant, files: { face } }), 'people');
      expectWithin(moment, place * PERSON_SEC, (place + 1) * PERSON_SEC);
      expect(moment.matched).toEqual(['who']);
    },
  );

  it('finds nobody by the picture of a person who is not there', async () => {
    const { results } = await operations.search({
      tenant,
      files: { face: portrait(data!, 'George_W_Bush', 1) },
    });
    expect(results).toEqual([]);
  });

  it('finds the recording that a clip was cut from, at its second, and not by another', async () => {
    const at = 40.5;
    const source = path.join(data!, 'videos', 'manifesto.mp4');
    const cut = [
      '-ss',
      String(at),
      '-t',
      '8',
      '-i',
      source,
      '-vn',
      '-ac',
      '1',
      '-ar',
      '22050',
      '-b:a',
      '48k',
    ];
    const sound = await made('clip.mp3', ...cut);
    const moment = firstMoment(await operations.search({ tenant, files: { sound } }), 'manifesto');
    expect(Math.abs(moment.atSec - at)).toBeLessThan(0.3);
    expect(moment.why.map(({ channel }) => channel)).toContain('moments.recording');

    const other = path.resolve(import.meta.dirname, '../fixtures/speech-en.ogg');
    const { results } = await operations.search({ tenant, files: { sound: other } });
    const channels = results.flatMap(({ moments }) => moments.flatMap(({ why }) => why));
    expect(channels.filter(({ channel }) => channel === 'moments.recording')).toEqual([]);
  });
});
