/** Who may work on a step, when several want to: processes that race, freeze, or have a wrong clock. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../contract/waiting.ts';
import type { RunStage } from '../fixtures/pipeline.ts';
import { pipelineStages, ref, temporaryFolder, upload } from '../fixtures/pipeline.ts';
import { canStartRedis, startRedis, type TestServer } from '../servers/index.ts';
import { openServerPipeline, type ServerPipeline } from './server-pipeline.ts';
import { takeStock } from './tally.fixture.ts';

const CHILD = new URL('./redis-worker-child.ts', import.meta.url).pathname;
const MINUTES = 60_000;

interface Worker {
  process: ChildProcess;
  lines: string[];
  said(start: string): string[];
}

describe.skipIf(!canStartRedis())('leases of steps on Redis', () => {
  let folder: string;
  let remove: () => void;
  let server: TestServer;
  let apps: ServerPipeline[];
  let workers: Worker[];

  beforeEach(async () => {
    ({ folder, remove } = temporaryFolder());
    server = await startRedis();
    apps = [];
    workers = [];
  });
  afterEach(async () => {
    for (const worker of workers) worker.process.kill('SIGKILL');
    for (const app of apps) await app.close();
    await server.dispose();
    remove();
  });

  const open = async (
    stages: Parameters<typeof openServerPipeline>[2],
    options: Parameters<typeof openServerPipeline>[3],
  ) => {
    const app = await openServerPipeline(folder, { redis: server.url }, stages, options);
    apps.push(app);
    return app;
  };
  const worker = async (
    work: string[],
    options: { handlerMs: number; skewMs?: number; postpone?: string[] },
  ): Promise<Worker> => {
    const json = JSON.stringify({ skewMs: 0, postpone: [], ...options, work });
    const child = spawn(process.execPath, [CHILD, folder, server.url, json], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    const made = {
      process: child,
      lines,
      said: (start: string) => lines.filter((line) => line.startsWith(start)),
    };
    workers.push(made);
    await eventually('the worker is ready', () => lines.includes('ready'), 40_000);
    return made;
  };

  it('one of two workers that are handed the same step gets it', async () => {
    const ran: string[] = [];
    const slow: RunStage = (async () => {
      await sleep(200);
      return undefined;
    }) as never;
    const stages = pipelineStages({ ran, behaviour: { frames: slow }, concurrency: 4 });
    const intake = await open(stages, { work: ['ocr', 'audio', 'document'] });
    const ids = ['v1', 'v2', 'v3'];
    await intake.publish(ids.map((videoId) => upload(videoId)));
    await intake.start();
    const jobs = await eventually('the first steps wait', async () => {
      const records = await Promise.all(ids.map((videoId) => intake.status(ref(videoId))));
      const steps = records.map((record) => record?.steps.frames);
      return steps.every((step) => step?.status === 'queued') ? steps : undefined;
    });
    // Each step six times in the queue, as six jobs.
    for (const [i, videoId] of ids.entries()) {
      const { key, epoch } = jobs[i]!;
      const data = { tenant: 'default', videoId, stage: 'frames', key, epoch };
      const copies = [1, 2, 3, 4, 5].map((copy) => ({
        id: `copy-${copy}-${videoId}`,
        data,
        lane: 'ugc' as const,
      }));
      await intake.stores.queue.add('frames', copies);
    }
    const rivals = await Promise.all([1, 2].map(() => open(stages, { work: ['frames'], intake: false })));
    await Promise.all(rivals.map((rival) => rival.start()));
    await intake.settled();
    await eventually('the copies are gone', async () => {
      const { waiting, active, delayed } = await intake.stores.queue.counts('frames');
      return waiting + active + delayed === 0;
    });
    expect(ran.filter((run) => run.startsWith('frames')).sort()).toEqual(ids.map((id) => `frames:${id}`));
    expect(await takeStock(intake, 'Two workers, one lease', ids)).toMatchObject({
      in: 3,
      settled: 3,
      lost: 0,
      doubled: 0,
    });
  });

  it('a frozen worker loses its step to another, and changes nothing when it wakes', async () => {
    const stages = pipelineStages({ timeoutMs: 30_000 });
    const intake = await open(stages, { work: ['ocr', 'audio', 'document'] });
    await intake.start();
    const frozen = await worker(['frames'], { handlerMs: 400 });
    const ids = ['v1', 'v2', 'v3', 'v4'];
    await intake.publish(ids.map((videoId) => upload(videoId)));
    await eventually('it works on two', () => frozen.said('begins').length >= 2);
    frozen.process.kill('SIGSTOP');
    const rescuer = await worker(['frames'], { handlerMs: 50 });
    await intake.settled();
    expect(rescuer.said('begins').length).toBe(ids.length);
    frozen.process.kill('SIGCONT');
    await eventually('it notices', () => frozen.said('ends').length === 2);
    expect(frozen.said('ends').every((line) => line.endsWith(' lost'))).toBe(true);
    await intake.settled();
    expect(await takeStock(intake, 'A worker frozen past its lease', ids)).toMatchObject({
      ...{ in: 4, settled: 4, lost: 0, doubled: 0 },
    });
  });

  it('clocks that are minutes off steal no step and lose none', async () => {
    const ids = ['v1', 'v2', 'v3', 'v4'];
    const stages = pipelineStages({ timeoutMs: 30_000 });
    const intake = await open(stages, { work: ['ocr', 'document'] });
    await intake.start();
    // Steps that outlive their first lease, so that each clock writes some and judges those of the others.
    const options = { handlerMs: 2_500, postpone: ['audio'] };
    const off = await Promise.all(
      [-10 * MINUTES, 10 * MINUTES].map((skewMs) => worker(['frames', 'audio'], { ...options, skewMs })),
    );
    await intake.publish(ids.map((videoId) => upload(videoId)));
    await intake.settled({ signal: AbortSignal.timeout(45_000) });
    const begun = off.flatMap(({ said }) => said('begins')).sort();
    expect(begun).toEqual(ids.flatMap((id) => [`begins audio:${id}`, `begins frames:${id}`]).sort());
    for (const { said } of off) {
      expect(said('begins').length).toBeGreaterThan(0);
      expect(said('ends').filter((line) => line.endsWith(' lost'))).toEqual([]);
    }
    expect(await takeStock(intake, 'Clocks ten minutes behind and ahead', ids)).toMatchObject({
      ...{ in: 4, settled: 4, lost: 0, doubled: 0 },
    });
  });
});
