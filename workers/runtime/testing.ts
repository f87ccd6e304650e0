/** Small records and stages for the runtime's own tests. */
import { z } from 'zod';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import { type BoundStage, digest } from './bind.ts';
import { type AnyStage, defineStage, ok } from './stage.ts';

export const Anything = z.looseObject({});

/** A stage that answers at once. `requires` and `joins` by name. */
export function emptyStage(
  name: string,
  needs: { requires?: string[]; joins?: string[] } = {},
  more: Partial<Pick<AnyStage, 'version' | 'timeoutMs' | 'retry' | 'concurrency'>> & {
    run?: (input: unknown, context: Parameters<Awaited<ReturnType<AnyStage['create']>>['run']>[1]) => unknown;
    keyInputs?: AnyStage['keyInputs'];
  } = {},
): AnyStage {
  const contracts = (names: string[] = []) => Object.fromEntries(names.map((need) => [need, Anything]));
  const { run, ...declaration } = more;
  return defineStage(
    {
      ...{ name, version: 1, output: Anything, config: z.object({}), concurrency: 4, timeoutMs: 10_000 },
      ...{ retry: { attempts: 3, backoffMs: 1 } },
      requires: contracts(needs.requires),
      joins: contracts(needs.joins),
      ...declaration,
    },
    async () => ({
      run: async (input: unknown, context) => ((await run?.(input, context)) as never) ?? ok({ stage: name }),
    }),
  ) as unknown as AnyStage;
}

export function bound(stage: AnyStage): BoundStage {
  return {
    stage,
    config: {},
    fingerprint: digest([stage.name, stage.version]),
    requires: Object.keys(stage.requires),
    joins: Object.keys(stage.joins),
  };
}

export function videoRecord(changes: Partial<VideoRecord> = {}): VideoRecord {
  return {
    tenant: 'default',
    videoId: 'v1',
    revision: 1,
    source: 'ugc',
    lane: 'ugc',
    media: { uri: 'file:///a.mp4' },
    contentHash: 'c1',
    metadata: { title: 'A title' },
    galleryRevision: 0,
    deleted: false,
    steps: {},
    appliedEvents: [],
    appliedOffsets: {},
    createdAt: 0,
    updatedAt: 0,
    checkAt: null,
    ...changes,
  };
}
