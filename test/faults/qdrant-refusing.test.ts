/**
 * Qdrant refuses connections for a while: longer than all attempts of a step together. Afterwards every video is settled,
 * with one point and without a dead letter. On a real server for a minute; without one, for seconds, on a stand-in.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { QdrantVideoIndex } from '../../shared/adapters/cluster/qdrant-video-index.ts';
import { openEmbedded } from '../../shared/adapters/embedded/index.ts';
import { loadConfig } from '../../shared/config.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { createApp } from '../../workers/app.ts';
import type { JobReport } from '../../workers/runtime/step-runner.ts';
import { QdrantStandIn } from '../contract/video-index.qdrant-stand-in.ts';
import { eventually } from '../contract/waiting.ts';
import {
  GENERATION,
  pipelineConfig,
  pipelineStages,
  temporaryFolder,
  upload,
  withStartedQueue,
} from '../fixtures/pipeline.ts';
import { qdrantUrl } from '../servers/index.ts';
import { takeStock } from './tally.fixture.ts';

/** A TCP door before a server, that can be shut: open connections break, new ones are refused. */
class Door {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(target: string) {
    this.#target = new URL(target);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    const server = createServer((incoming) => {
      const outgoing = connect(Number(this.#target.port), this.#target.hostname);
      for (const socket of [incoming, outgoing]) {
        this.#sockets.add(socket);
        // A broken connection is what this is for.
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          this.#sockets.delete(socket);
          incoming.destroy();
          outgoing.destroy();
        });
      }
      incoming.pipe(outgoing).pipe(incoming);
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async shut(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

interface Outage {
  server: string;
  /** For the report. */
  where: string;
  outageMs: number;
  videos: number;
}

async function survive({ server, where, outageMs, videos }: Outage) {
  const door = new Door(server);
  await door.open();
  const { folder, remove } = temporaryFolder();
  const prefix = `fault-${process.pid}-${Date.now().toString(36)}`;
  const { qdrant } = loadConfig({}, {}, { qdrant: { url: door.url, prefix, timeoutMs: 5_000 } });
  const index = await QdrantVideoIndex.open(qdrant);
  await withStartedQueue(folder);
  const stores = { ...(await openEmbedded(folder)), index };
  const reports: JobReport[] = [];
  const app = await createApp(pipelineConfig(folder), {
    stages: pipelineStages(),
    logger: createLogger({ level: 'silent' }),
    stores,
    onJob: (report) => reports.push(report),
  });
  const ids = Array.from({ length: videos }, (_, i) => `v${i}`);
  try {
    await app.start();
    // Some before the outage (perhaps in the middle of a write), some at its start, the last right before its end.
    const third = Math.ceil(videos / 3);
    await app.publish(ids.slice(0, third).map((id) => upload(id)));
    await eventually('the first point is written', async () => (await index.count(GENERATION, 'videos')) > 0);
    await door.shut();
    await app.publish(ids.slice(third, 2 * third).map((id) => upload(id)));
    const refused = () => reports.filter(({ code }) => code === 'STORE_UNAVAILABLE');
    await eventually('a step meets the outage', () => refused().length > 0);
    await sleep(outageMs);
    await app.publish(ids.slice(2 * third).map((id) => upload(id)));
    await door.open();
    const settled = await app.settled();
    const tally = await takeStock(app, `Qdrant refusing for ${outageMs / 1_000} s, ${where}`, ids);
    const [points] = await index.query(GENERATION, 'videos', [{ kind: 'scan', limit: 10 * videos }]);
    return {
      ids,
      settled,
      refused: refused(),
      tally,
      points: points!.map(({ payload }) => payload.videoId),
    };
  } finally {
    await door.open().catch(() => undefined); // It is open already when all went well.
    await app.stop();
    await index.dropGeneration(GENERATION);
    await stores.close();
    await index.close();
    await door.shut();
    remove();
  }
}

function expectNothingLost({ ids, settled, refused, points, tally }: Awaited<ReturnType<typeof survive>>) {
  expect(tally).toEqual({ in: ids.length, settled: ids.length, lost: 0, doubled: 0, deadLetters: {} });
  expect([...points].sort()).toEqual([...ids].sort());
  for (const { videoId, steps } of settled) {
    const statuses = Object.values(steps).map(({ status }) => status);
    expect(statuses, videoId).toEqual(statuses.map(() => 'done'));
    expect(steps.document!.outageSince, videoId).toBeUndefined();
  }
  // More refusals than the three attempts of the step: they were not counted.
  const byVideo = Map.groupBy(refused, ({ videoId }) => videoId);
  expect(Math.max(...[...byVideo.values()].map(({ length }) => length))).toBeGreaterThan(3);
}

describe('Qdrant refusing connections', () => {
  it('for seconds, on a stand-in: nothing is lost, doubled or given up', async () => {
    const standIn = new QdrantStandIn();
    const server = await standIn.start();
    try {
      expectNothingLost(await survive({ server, where: 'on a stand-in', outageMs: 6_000, videos: 9 }));
    } finally {
      await standIn.stop();
    }
  });
});

const url = await qdrantUrl();
describe.skipIf(!url)('a Qdrant server refusing connections', () => {
  it('for a minute: nothing is lost, doubled or given up', async () => {
    expectNothingLost(await survive({ server: url!, where: 'on a server', outageMs: 60_000, videos: 60 }));
  }, 180_000);
});
