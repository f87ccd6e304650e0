/** Redis stopped, crashed and wiped in the middle of the work; a real server each time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rebuildLedger } from '../../workers/runtime/rebuild.ts';
import type { AnyStage } from '../../workers/runtime/stage.ts';
import { eventually } from '../contract/waiting.ts';
import { pipelineStages, temporaryFolder, upload } from '../fixtures/pipeline.ts';
import { canStartRedis, startRedis, type TestServer } from '../servers/index.ts';
import { openServerPipeline, type ServerPipeline } from './server-pipeline.ts';
import { takeStock } from './tally.fixture.ts';

const VIDEOS = Array.from({ length: 24 }, (_, i) => `v${i}`);
const STEPS = VIDEOS.length * 4;

describe.skipIf(!canStartRedis())('Redis taken away in the middle of the work', () => {
  let folder: string;
  let remove: () => void;
  let server: TestServer;
  let app: ServerPipeline;
  let ran: string[];
  let stages: AnyStage[];

  beforeEach(async () => {
    ({ folder, remove } = temporaryFolder());
    server = await startRedis({ appendOnly: true });
    ran = [];
    // Some work is under way at any moment.
    const work = async () => {
      await sleep(15);
      return undefined;
    };
    const behaviour = { frames: work, ocr: work, audio: work, document: work };
    stages = pipelineStages({ ran, behaviour: behaviour as never, concurrency: 2 });
    app = await openServerPipeline(folder, { redis: server.url }, stages);
  });
  afterEach(async () => {
    await app.close();
    await server.dispose();
    remove();
  });

  const begin = async () => {
    await app.publish(VIDEOS.map((videoId) => upload(videoId)));
    await app.start();
    await eventually('a third of the work is done', () => ran.length >= STEPS / 3);
  };

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'restarted after %s: nothing is lost, nothing doubled',
    async (signal) => {
      await begin();
      await server.stop(signal);
      // Long enough for handlers to end while nothing can be written down.
      await sleep(1_000);
      await server.restart();
      await app.settled();
      expect(await takeStock(app, `Redis restarted after ${signal}`, VIDEOS)).toMatchObject({
        in: VIDEOS.length,
        settled: VIDEOS.length,
        lost: 0,
        doubled: 0,
      });
      // What had an artifact before was not made again: only handlers that were running may have run twice.
      expect(ran.length).toBeLessThanOrEqual(STEPS + 4 * 2);
    },
  );

  it('frozen for longer than a command may take: nothing is lost, nothing doubled', async () => {
    await begin();
    process.kill(server.pid!, 'SIGSTOP');
    await sleep(4_000);
    process.kill(server.pid!, 'SIGCONT');
    await app.settled();
    expect(await takeStock(app, 'Redis frozen for 4 s', VIDEOS)).toMatchObject({ lost: 0, doubled: 0 });
  });

  it('wiped under running workers, then rebuilt: nothing is lost, nothing doubled, no finished step runs again', async () => {
    await begin();
    const wiper = await import('ioredis').then(({ Redis }) => new Redis(server.url));
    await wiper.flushall();
    const before = ran.length;
    await wiper.quit();
    const progress = await rebuildLedger({
      ...app.stores,
      stages: app.stages,
      drive: (ref) => app.drive(ref),
    });
    expect(progress.videos).toBe(VIDEOS.length);
    expect(progress.restored).toBeGreaterThan(0);
    await app.settled();
    expect(await takeStock(app, 'Redis wiped, ledger rebuilt', VIDEOS)).toMatchObject({
      in: VIDEOS.length,
      settled: VIDEOS.length,
      lost: 0,
      doubled: 0,
    });
    expect(before).toBeLessThan(STEPS);
    expect(ran.length).toBeLessThanOrEqual(STEPS + 4 * 2);
  });

  it('wiped when all was done: the ledger comes back and no stage runs', async () => {
    await app.publish(VIDEOS.map((videoId) => upload(videoId)));
    await app.start();
    await app.settled();
    expect(ran).toHaveLength(STEPS);
    const { Redis } = await import('ioredis');
    const wiper = new Redis(server.url);
    await wiper.flushall();
    await wiper.quit();
    const progress = await rebuildLedger({
      ...app.stores,
      stages: app.stages,
      drive: (ref) => app.drive(ref),
    });
    expect(progress).toMatchObject({ videos: VIDEOS.length, restored: STEPS, driven: 0, refused: 0 });
    await app.settled();
    expect(await takeStock(app, 'Redis wiped after the work', VIDEOS)).toMatchObject({ lost: 0, doubled: 0 });
    expect(ran).toHaveLength(STEPS);
  });
});
