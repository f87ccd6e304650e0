/** A pipeline whose queue and ledger are on a Redis that a test takes away; its log, artifacts and index are in a folder. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { openRedisStores } from '../../shared/adapters/cluster/redis-stores.ts';
import { FolderArtifactStore } from '../../shared/adapters/embedded/folder-artifact-store.ts';
import { SqliteEventBus } from '../../shared/adapters/embedded/sqlite-event-bus.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import type { Stores } from '../../shared/ports/stores.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { type App, type AppOptions, createApp } from '../../workers/app.ts';
import { isVideoSettled } from '../../workers/runtime/plan.ts';
import type { AnyStage } from '../../workers/runtime/stage.ts';
import { MemoryIndex } from '../fixtures/memory-index.ts';
import { GENERATION, pipelineConfig, topicRecords } from '../fixtures/pipeline.ts';

export interface RedisPipeline extends App {
  /** Ends the app and its connections. */
  close(): Promise<void>;
}

const QUIET = { warn: () => undefined, error: () => undefined };

/**
 * @param options.index kept by the test where several apps write to it
 * @param options.leaseMs how long a silent worker keeps a step
 */
export async function openRedisPipeline(
  folder: string,
  redisUrl: string,
  stages: AnyStage[],
  options: Omit<AppOptions, 'stages' | 'stores'> & { index?: VideoIndex; leaseMs?: number } = {},
): Promise<RedisPipeline> {
  const { index = new MemoryIndex(), leaseMs = 1_500, ...appOptions } = options;
  const config = pipelineConfig(folder, {
    core: { mode: 'cluster' },
    runtime: { leaseMs },
    redis: { url: redisUrl, timeoutMs: 3_000 },
  });
  mkdirSync(folder, { recursive: true });
  const queue = { lockMs: 1_000, redeliverMs: 50, abortGraceMs: 200, onError: () => undefined };
  const onRedis = await openRedisStores(config.redis, { log: QUIET, queue });
  const stores: Stores = {
    ...onRedis,
    bus: new SqliteEventBus(path.join(folder, 'events.db')),
    artifacts: new FolderArtifactStore(path.join(folder, 'artifacts')),
    index,
    close: async () => {
      await onRedis.close();
      await stores.bus.close();
    },
  };
  const app = await createApp(config, {
    stages,
    stores,
    logger: createLogger({ level: 'silent' }),
    ...appOptions,
  });
  return {
    ...app,
    close: async () => {
      await app.stop();
      await stores.close();
    },
  };
}

export interface Verdict {
  in: number;
  settled: number;
  /** Videos without a record, without their point, or with a step that neither succeeded nor left a dead letter. */
  lost: number;
  /** Points that are too many, and steps that were told of twice as if they were two. */
  doubled: number;
}

/** What became of the videos that a test put in; said aloud, as an operator would ask. */
export async function judge(fault: string, app: App, videoIds: string[]): Promise<Verdict> {
  const { records } = await app.stores.ledger.list({ limit: 10_000 });
  const byId = new Map(records.map((record) => [record.videoId, record]));
  const letters = (await topicRecords(app, TOPICS.dlq)).map(({ key }) => key);
  let lost = 0;
  let doubled = 0;
  for (const videoId of videoIds) {
    const record = byId.get(videoId);
    const steps = Object.values(record?.steps ?? {});
    const failed = steps.some(({ status }) => status === 'failed' || status === 'skipped');
    const point = await app.stores.index.count(GENERATION, 'videos', [{ field: 'videoId', equals: videoId }]);
    const settledWell = record !== undefined && isVideoSettled(record) && steps.length > 0;
    const known = failed ? letters.includes(`default/${videoId}`) : point === 1;
    if (!settledWell || !known) lost += 1;
    if (point > 1) doubled += point - 1;
  }
  for (const stage of ['frames', 'ocr', 'audio', 'document']) {
    const told = new Map<string, Set<string>>();
    for (const { key, headers } of await topicRecords(app, `video.${stage}`)) {
      told.set(key, (told.get(key) ?? new Set()).add(headers.ce_id!));
    }
    for (const ids of told.values()) doubled += ids.size - 1;
  }
  doubled += Math.max(0, records.length - videoIds.length);
  const settled = records.filter(isVideoSettled).length;
  const verdict = { in: videoIds.length, settled, lost, doubled };
  console.log(`${fault}: videos in ${verdict.in}, settled ${settled}, lost ${lost}, doubled ${doubled}`);
  return verdict;
}
