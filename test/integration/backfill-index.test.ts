/** A new generation of the index, built from stored artifacts beside the one that searches see. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type BackfillDeps, planBackfill, runBackfill } from '../../ops/backfill/index.ts';
import { activateGeneration, dropGeneration, listGenerations } from '../../ops/generations/index.ts';
import { openStores } from '../../shared/adapters/stores.ts';
import {
  AudioAnalyzed,
  FacesRecognized,
  FramesExtracted,
  PicturesEmbedded,
  TextRecognized,
} from '../../shared/contracts/artifacts.ts';
import { encodeEvent } from '../../shared/contracts/envelope.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import { presentGeneration } from '../../shared/index/generation.ts';
import { ModelStore } from '../../shared/models/store.ts';
import type { Encoders } from '../../shared/ports/encoders.ts';
import type { Stores } from '../../shared/ports/stores.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { bindStages } from '../../workers/runtime/bind.ts';
import { Runtime } from '../../workers/runtime/runtime.ts';
import { type AnyStage, defineStage, ok, type Services } from '../../workers/runtime/stage.ts';
import { STAGES } from '../../workers/stages.ts';
import { describedInput } from '../fixtures/described-video.ts';
import { pipelineConfig, temporaryFolder, upload, withStartedQueue } from '../fixtures/pipeline.ts';
import { hasAllStages } from '../fixtures/stages.ts';
import { wordEncoders } from '../fixtures/word-encoders.ts';

const VIDEOS = Array.from({ length: 6 }, (_, i) => `v${i}`);
const OUTPUTS = {
  frames: FramesExtracted,
  ocr: TextRecognized,
  faces: FacesRecognized,
  audio: AudioAnalyzed,
  embedding: PicturesEmbedded,
};

let folder: string;
let remove: () => void;
let stores: Stores;
let runtime: Runtime;
let deps: BackfillDeps;
let ran: string[];

/** The word encoders under another name: what a changed text model is to the index. */
function encodersOf(version: number): Encoders {
  const encoders = wordEncoders();
  return { ...encoders, text: () => ({ ...encoders.text(), id: `words@${version}` }) };
}

function describedStages(): AnyStage[] {
  const stages = Object.entries(OUTPUTS).map(([name, output]) =>
    defineStage(
      {
        ...{ name, version: 1, output, config: z.object({}), concurrency: 2, timeoutMs: 20_000 },
        retry: { attempts: 2, backoffMs: 5 },
      },
      async ({ artifacts }) => ({
        run: async (_, { video }) => {
          ran.push(`${name}:${video.videoId}`);
          const shots = [
            {
              seen: `dog ${video.videoId}`,
              said: `We talk about ${video.videoId}.`,
              shown: 'Chapter',
              faces: [1],
            },
            { seen: 'river bridge', said: 'We cross the old bridge.' },
          ];
          const outputs = await describedInput({ videoId: video.videoId, shots }, artifacts);
          return ok(outputs[name as keyof typeof outputs] as never);
        },
      }),
    ),
  );
  return [...stages, ...STAGES.filter(({ name }) => name === 'document')] as unknown as AnyStage[];
}

async function open(modelVersion: number): Promise<void> {
  await withStartedQueue(folder);
  const config = pipelineConfig(folder);
  const logger = createLogger({ level: 'silent' });
  stores = await openStores(config);
  const { artifacts, index, identities, bus, queue, ledger } = stores;
  const encoders = encodersOf(modelVersion);
  const models = new ModelStore('/nowhere');
  const services = {
    core: config,
    artifacts,
    index,
    identities,
    encoders,
    models,
    logger,
  } as unknown as Services;
  const stages = bindStages(describedStages(), config, models);
  runtime = new Runtime({
    ...{ stages, services, bus, queue, ledger, config, exclusive: true },
    report: ({ stage, videoId, outcome, reused }) => {
      if (stage === 'document') ran.push(`document:${videoId}${reused ? ' reused' : ''}`);
      if (outcome === 'failed') ran.push(`failed ${stage}:${videoId}`);
    },
    startSpan: () => ({ traceparent: undefined, end: () => undefined }),
    trace: () => undefined,
  });
  deps = {
    ...{ bus, ledger, queue, index, stages },
    drive: (ref, change) => runtime.drive(ref, change),
    generation: () => presentGeneration({ encoders, models }),
    running: () => runtime.running(),
  };
  await runtime.start();
}

async function close(): Promise<void> {
  await runtime.stop();
  await stores.close();
}

async function publish(ids: string[], title?: (id: string) => string): Promise<void> {
  for (const id of ids) {
    const { type, data } = upload(id, title?.(id) ?? `Walking the dog ${id}`);
    await stores.bus.publish(TOPICS.ugc, [encodeEvent(type, data as never)]);
  }
}

beforeEach(async () => {
  ({ folder, remove } = temporaryFolder());
  ran = [];
  await open(1);
  await publish(VIDEOS);
  await runtime.settled();
});
afterEach(async () => {
  await close();
  remove();
});

/** What a search with no conditions would see. */
async function seen(): Promise<number> {
  const active = await stores.index.active();
  return active === null ? 0 : stores.index.count(active, 'videos');
}

describe.skipIf(!hasAllStages())('a rebuild of the index', () => {
  it('writes every document again from artifacts alone, and switches searches over without a hole', async () => {
    const before = await stores.index.active();
    await close();
    ran = [];
    await open(2);
    const generation = deps.generation!();
    expect(generation).not.toBe(before);
    expect(await stores.index.active()).toBe(before);

    const plan = await planBackfill(deps, { rebuildIndex: true, parallel: 2 });
    expect(plan).toMatchObject({ stale: VIDEOS.length, generation });
    expect(plan.stages.map(({ stage }) => stage)).toEqual(['document']);
    await expect(planBackfill(deps, { rebuildIndex: true, generation: 'g1-other' })).rejects.toMatchObject({
      code: 'USAGE',
    });

    const counts: number[] = [];
    const running = runBackfill(deps, plan);
    let watching = true;
    const watch = (async () => {
      while (watching) {
        counts.push(await seen());
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const result = await running;
    watching = false;
    await watch;
    expect(result).toMatchObject({ state: 'done', activation: { generation, activated: true } });
    expect(ran.sort()).toEqual(VIDEOS.map((id) => `document:${id}`));
    expect(new Set(counts)).toEqual(new Set([VIDEOS.length]));
    expect(await stores.index.active()).toBe(generation);

    // The old one stays until it is dropped.
    const [first, second] = await listGenerations(stores);
    expect(first?.points).toEqual(second?.points);
    await expect(dropGeneration(stores, generation)).rejects.toMatchObject({ code: 'USAGE' });
    await dropGeneration(stores, before!);
    expect(await listGenerations(stores)).toMatchObject([{ name: generation, active: true }]);
    // A second rebuild into the same generation changes nothing that can be seen.
    await runBackfill(deps, await planBackfill(deps, { rebuildIndex: true, parallel: 2 }));
    expect(await seen()).toBe(VIDEOS.length);
  });

  it('is not needed when live events have brought every video to the new models: the sweeper switches', async () => {
    const before = await stores.index.active();
    await close();
    await open(2);
    const generation = deps.generation!();
    await publish(VIDEOS.slice(1), (id) => `A new title of ${id}`);
    await runtime.settled();
    expect(await stores.index.active()).toBe(before);
    await expect(activateGeneration(stores, generation)).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
    await publish(VIDEOS.slice(0, 1), (id) => `A new title of ${id}`);
    await runtime.settled();
    await expect.poll(() => stores.index.active(), { timeout: 30_000, interval: 100 }).toBe(generation);
    expect(await seen()).toBe(VIDEOS.length);
  });
});
