/** Kafka stopped, crashed and frozen under running workers; with Redis, a real server each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../contract/waiting.ts';
import { pipelineStages, temporaryFolder, upload } from '../fixtures/pipeline.ts';
import { canStartKafka, redisUrl, startKafka, type TestServer } from '../servers/index.ts';
import { openServerPipeline, ownPrefix, type ServerPipeline } from './server-pipeline.ts';
import { takeStock } from './tally.fixture.ts';

const VIDEOS = Array.from({ length: 24 }, (_, i) => `v${i}`);
const STEPS = VIDEOS.length * 4;
const redis = await redisUrl();

describe.skipIf(!canStartKafka() || !redis)('Kafka taken away under workers', { timeout: 180_000 }, () => {
  let folder: string;
  let remove: () => void;
  let server: TestServer;
  let app: ServerPipeline;
  let ran: string[];

  beforeEach(async () => {
    ({ folder, remove } = temporaryFolder());
    server = await startKafka();
    ran = [];
    // Some work is under way at any moment.
    const work = async () => {
      await sleep(15);
      return undefined;
    };
    const behaviour = { frames: work, ocr: work, audio: work, document: work };
    const stages = pipelineStages({ ran, behaviour, concurrency: 2, timeoutMs: 30_000 });
    const servers = { redis: redis!, brokers: server.url, prefix: ownPrefix() };
    app = await openServerPipeline(folder, servers, stages);
  });
  afterEach(async () => {
    await app?.close();
    await server.dispose();
    remove();
  });

  const takeAway = {
    'stopped and restarted': async () => {
      await server.stop('SIGTERM');
      await sleep(2_000);
      await server.restart();
    },
    'killed and restarted': async () => {
      await server.stop('SIGKILL');
      await sleep(2_000);
      await server.restart();
    },
    'frozen for 5 s': async () => {
      process.kill(server.pid!, 'SIGSTOP');
      await sleep(5_000);
      process.kill(server.pid!, 'SIGCONT');
    },
  };

  it.each(Object.entries(takeAway))('%s: nothing is lost, nothing doubled', async (name, fault) => {
    const half = VIDEOS.length / 2;
    await app.publish(VIDEOS.slice(0, half).map((videoId) => upload(videoId)));
    await app.start();
    await eventually('a third of the work is done', () => ran.length >= STEPS / 3);
    // The other half is published while the broker is away.
    const publishing = async () => {
      await sleep(500);
      await app.publish(VIDEOS.slice(half).map((videoId) => upload(videoId)));
    };
    await Promise.all([fault(), publishing()]);
    await app.settled({ signal: AbortSignal.timeout(120_000) });
    const tally = await takeStock(app, `Kafka ${name}`, VIDEOS);
    expect(tally).toEqual({ in: 24, settled: 24, lost: 0, doubled: 0, deadLetters: {} });
    // A handler that was done is not run again for an event that could not be told of.
    expect(ran.length).toBeLessThanOrEqual(STEPS + 4 * 2);
  });
});
