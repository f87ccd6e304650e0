/**
 * The processes of a cluster as commands of their own, on real servers: `query` answers over HTTP from what another process
 * indexed, and what people do with answers reaches Kafka. With a Qdrant, whose index many processes share, a `worker` runs
 * beside it; without one the index is embedded, for one process at a time, and that part is skipped.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openKafkaEventBus } from '../../shared/adapters/cluster/kafka-event-bus.ts';
import { loadConfig } from '../../shared/config.ts';
import { decodeEvent } from '../../shared/contracts/envelope.ts';
import { hasAllStages } from '../fixtures/stages.ts';
import { kafkaBrokers, qdrantUrl, redisUrl } from '../servers/index.ts';

const LONG = 300_000;
const main = path.resolve(import.meta.dirname, '../../cli/main.ts');
const [brokers, redis, qdrant] = [kafkaBrokers(), await redisUrl(), await qdrantUrl()];
const run = `processes-${process.pid}-${Date.now().toString(36)}`;
const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-processes-'));
const prefix = `${run}-`;
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CINEDEX_'))),
  CINEDEX_MODE: 'cluster',
  CINEDEX_ARTIFACTS: 'folder',
  CINEDEX_KAFKA_BROKERS: brokers ?? '',
  CINEDEX_KAFKA_TOPIC_PREFIX: prefix,
  CINEDEX_REDIS_URL: redis ?? '',
  CINEDEX_REDIS_PREFIX: run,
  CINEDEX_QUERY_PORT: '0',
  ...(qdrant ? { CINEDEX_QDRANT_URL: qdrant, CINEDEX_QDRANT_PREFIX: run } : { CINEDEX_INDEX: 'embedded' }),
};
const dataDir = ['--data-dir', path.join(folder, 'data')];

/** Resolves with its standard output; rejects with all that it said. */
function cinedex(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env, cwd: folder, maxBuffer: 1 << 24 };
    execFile(process.execPath, [main, ...args, ...dataDir], options, (error, stdout, stderr) => {
      if (error)
        reject(new Error(`cinedex ${args.join(' ')}: ${error.signal ?? error.code}\n${stderr}\n${stdout}`));
      else resolve(stdout);
    });
  });
}

const running: ChildProcess[] = [];

/** Starts a verb that runs until a signal; resolves with what it says when it is ready. */
async function start(...args: string[]): Promise<{ ready: unknown; stop: () => Promise<unknown> }> {
  const child = spawn(process.execPath, [main, ...args, '--json', ...dataDir], {
    ...{ env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] as const },
  });
  running.push(child);
  const exited = once(child, 'exit');
  let words = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    words += chunk;
  });
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    exited.then(() => Promise.reject(new Error(words))),
  ]);
  return {
    ready: JSON.parse(String(line)),
    stop: async () => {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
  };
}

describe.skipIf(!brokers || !redis || !hasAllStages())('on servers, the process', () => {
  let address = '';
  let query: Awaited<ReturnType<typeof start>>;
  const found = async (text: string) => {
    const response = await fetch(`${address}/v1/search?q=${encodeURIComponent(text)}`);
    expect(response.status).toBe(200);
    const { results } = (await response.json()) as { results: { video: string }[] };
    return results.map(({ video }) => video);
  };

  /** Asks the server itself about the collection that searches see. */
  const ofVideos = async (route: string, body: object) => {
    const response = await fetch(`${qdrant}/collections/${run}.videos/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    return ((await response.json()) as { result: unknown }).result;
  };

  beforeAll(async () => {
    await cinedex('start', '--json');
    query = await start('query');
    ({ address } = query.ready as { address: string });
  }, LONG);
  afterAll(() => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('query answers over HTTP from what another process indexed', async () => {
    expect((await found('harbour'))[0]).toBe('sample-harbour');
    const video = await fetch(`${address}/v1/videos/sample-harbour`);
    expect(video.status).toBe(200);
  });

  it('query puts interactions onto Kafka, counted, and leaves out what nobody knows', async () => {
    const event = { query: 'harbour', video: 'sample-harbour', position: 2 };
    const response = await fetch(`${address}/v1/interactions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        events: [
          { ...event, kind: 'impression' },
          { ...event, kind: 'click' },
          { video: 'never-seen', kind: 'click' },
        ],
      }),
    });
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ accepted: 2, unknown: ['never-seen'] });
    const bus = await openKafkaEventBus(loadConfig({ CINEDEX_KAFKA_BROKERS: brokers ?? '' }).kafka);
    try {
      const events = [];
      for await (const record of bus.read(`${prefix}videos.interactions`)) events.push(decodeEvent(record));
      expect(events).toEqual([
        expect.objectContaining({
          type: 'video.interactions.v1',
          data: expect.objectContaining({
            ...{ videoId: 'sample-harbour', query: 'harbour', impressions: 1, clicks: 1, meanPosition: 2 },
          }),
        }),
      ]);
    } finally {
      await bus.close();
    }
  });

  it.skipIf(!qdrant)(
    'worker deletes and rebuilds beside it, and the next answers show that',
    async () => {
      const worker = await start('worker');
      expect(await found('新年快乐')).toContain('sample-newyear');
      await cinedex('delete', 'sample-newyear');
      await vi.waitFor(async () => expect(await found('新年快乐')).not.toContain('sample-newyear'), 60_000);
      // Lost behind everybody's back: only what is kept of the videos can bring it back.
      await ofVideos('points/delete?wait=true', { filter: {} });
      expect(await ofVideos('points/count', { exact: true })).toMatchObject({ count: 0 });
      await cinedex('backfill', '--rebuild-index', '--yes', '--json');
      await vi.waitFor(
        async () => expect(await ofVideos('points/count', { exact: true })).toMatchObject({ count: 3 }),
        60_000,
      );
      expect((await found('harbour'))[0]).toBe('sample-harbour');
      expect(await worker.stop()).toBe(0);
    },
    LONG,
  );

  it(
    'query ends on a signal without an error',
    async () => {
      expect(await query.stop()).toBe(0);
    },
    LONG,
  );
});
