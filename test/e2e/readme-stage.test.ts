/** The README's stage is taken from the README and run. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { FramesExtracted } from '../../shared/contracts/artifacts.ts';
import { type AnyStage, defineStage, ok } from '../../workers/runtime/stage.ts';
import { openPipeline, ref, temporaryFolder, upload } from '../fixtures/pipeline.ts';

const root = path.resolve(import.meta.dirname, '../..');
// As deep as a stage's folder, so that the imports of the README hold.
const stageFolder = path.join(root, 'test/.generated/readme-stage');
afterAll(() => rmSync(stageFolder, { recursive: true, force: true }));

it('runs the stage of the README as it stands there', async () => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const block = /<!-- stage:begin -->[\s\S]*?```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  expect(block).toBeDefined();
  mkdirSync(stageFolder, { recursive: true });
  const file = path.join(stageFolder, 'brightness.ts');
  writeFileSync(
    file,
    block!
      .replaceAll("'../../shared/", `'${root}/shared/`)
      .replaceAll("'../runtime/", `'${root}/workers/runtime/`),
  );
  const { brightness } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
    brightness: AnyStage;
  };

  const frames = defineStage(
    {
      name: 'frames',
      version: 1,
      output: FramesExtracted,
      config: z.object({}),
      concurrency: 1,
      timeoutMs: 10_000,
      retry: { attempts: 1, backoffMs: 1 },
    },
    async ({ artifacts }) => ({
      async run() {
        const grey = { width: 16, height: 16, channels: 3 as const, background: { r: 30, g: 30, b: 30 } };
        const image = await artifacts.putBlob(await sharp({ create: grey }).jpeg().toBuffer(), 'image/jpeg');
        const keyFrame = {
          index: 0,
          shot: 0,
          timeSec: 0,
          image,
          thumbnail: image,
          width: 16,
          height: 16,
          sharpness: 0,
          dhash: '0'.repeat(16),
        };
        return ok({
          media: {
            container: 'mp4',
            durationSec: 1,
            width: 16,
            height: 16,
            rotation: 0,
            fps: 25,
            variableFrameRate: false,
            videoCodec: 'h264',
            audio: null,
            bytes: 1,
          },
          shots: [{ index: 0, startSec: 0, endSec: 1, transition: 'start' as const }],
          keyFrames: [keyFrame],
          samples: { blob: image, fps: 2, items: [] },
          poster: image,
        });
      },
    }),
  );
  const { folder, remove } = temporaryFolder();
  const app = await openPipeline(folder, [frames as unknown as AnyStage, brightness]);
  try {
    await app.start();
    await app.publish([upload('v1')]);
    await app.settled();
    const record = await app.status(ref('v1'));
    expect(record?.steps.brightness, JSON.stringify(record?.steps)).toMatchObject({ status: 'done' });
    const artifact = (await app.stores.artifacts.getManifest(record!.steps.brightness!.key)) as {
      output: { meanLuma: number; dark: boolean };
    };
    expect(artifact.output.dark).toBe(true);
    expect(artifact.output.meanLuma).toBeCloseTo(30, 0);
  } finally {
    await app.stop();
    remove();
  }
});
