/** What operators do: backfills, dead letters, generations of the index, the room that artifacts take. */
import { type Pruned, type PruneRequest, pruneArtifacts } from '../ops/artifacts/index.ts';
import {
  type BackfillDeps,
  type BackfillProgress,
  type BackfillResult,
  cancelBackfill,
  type ListedBackfill,
  listBackfills,
  planBackfill,
  resumeBackfill,
  runBackfill,
} from '../ops/backfill/index.ts';
import {
  type DeadLetterFilter,
  dropDeadLetters,
  type HandledDeadLetter,
  type ListedDeadLetter,
  listDeadLetters,
  replayDeadLetters,
} from '../ops/dead-letters/index.ts';
import {
  activateGeneration,
  dropGeneration,
  type ListedGeneration,
  listGenerations,
} from '../ops/generations/index.ts';
import { deadLetterDeps } from '../ops/operations.ts';
import type { BackfillPlan, BackfillRequest, BackfillState } from '../shared/contracts/backfill.ts';
import { presentGeneration } from '../shared/index/generation.ts';
import type { App } from '../workers/app.ts';
import { type RebuildProgress, rebuildLedger } from '../workers/runtime/rebuild.ts';

export interface UpkeepOperations {
  /** Removes artifacts that nothing refers to any more. */
  pruneArtifacts(
    request: PruneRequest,
    onProgress?: (pruned: Pruned) => void,
    signal?: AbortSignal,
  ): Promise<Pruned>;
  /** Says what a backfill would do; changes nothing. */
  planBackfill(
    request: Partial<BackfillRequest>,
    onProgress?: (progress: number) => void,
    signal?: AbortSignal,
  ): Promise<BackfillPlan>;
  /** Until every video of it has settled, or the signal stops it. */
  runBackfill(
    request: { plan: BackfillPlan },
    onProgress?: (progress: BackfillProgress) => void,
    signal?: AbortSignal,
  ): Promise<BackfillResult>;
  resumeBackfill(
    request: { id: string },
    onProgress?: (progress: BackfillProgress) => void,
    signal?: AbortSignal,
  ): Promise<BackfillResult>;
  cancelBackfill(request: { id: string }): Promise<BackfillState>;
  listBackfills(request: object): Promise<ListedBackfill[]>;
  listDeadLetters(filter: DeadLetterFilter): Promise<ListedDeadLetter[]>;
  replayDeadLetters(filter: DeadLetterFilter): Promise<HandledDeadLetter[]>;
  dropDeadLetters(request: { filter: DeadLetterFilter; reason?: string }): Promise<HandledDeadLetter[]>;
  listGenerations(request: object): Promise<ListedGeneration[]>;
  activateGeneration(request: { name: string; force: boolean }): Promise<null>;
  dropGeneration(request: { name: string }): Promise<null>;
  /** @param request.since reads the topics from here only, ms since the epoch */
  rebuildLedger(
    request: { since?: number },
    onProgress?: (progress: RebuildProgress) => void,
    signal?: AbortSignal,
  ): Promise<RebuildProgress>;
}

export const UPKEEP_NAMES = [
  'pruneArtifacts',
  'planBackfill',
  'runBackfill',
  'resumeBackfill',
  'cancelBackfill',
  'listBackfills',
  'listDeadLetters',
  'replayDeadLetters',
  'dropDeadLetters',
  'listGenerations',
  'activateGeneration',
  'dropGeneration',
  'rebuildLedger',
] as const satisfies (keyof UpkeepOperations)[];

export function backfillDeps(app: App): BackfillDeps {
  const { bus, ledger, queue, index } = app.stores;
  return {
    ...{ bus, ledger, queue, index, stages: app.stages, logger: app.services.logger },
    drive: (ref, change) => app.drive(ref, change),
    generation: () => presentGeneration(app.services),
    running: () => app.running(),
  };
}

export function upkeepOperations(app: App): UpkeepOperations {
  const backfills = backfillDeps(app);
  const letters = deadLetterDeps(app);
  const { index, ledger, bus, artifacts } = app.stores;
  return {
    pruneArtifacts: (request, onProgress, signal) =>
      pruneArtifacts({ artifacts, ledger, index }, request, { onProgress, signal }),
    planBackfill: (request, onProgress, signal) => planBackfill(backfills, request, { onProgress, signal }),
    runBackfill: ({ plan }, onProgress, signal) => runBackfill(backfills, plan, { onProgress, signal }),
    resumeBackfill: ({ id }, onProgress, signal) => resumeBackfill(backfills, id, { onProgress, signal }),
    cancelBackfill: ({ id }) => cancelBackfill(backfills, id),
    listBackfills: () => listBackfills(backfills),
    listDeadLetters: (filter) => listDeadLetters(letters, filter),
    replayDeadLetters: (filter) => replayDeadLetters(letters, filter),
    dropDeadLetters: ({ filter, reason }) => dropDeadLetters(letters, filter, reason),
    listGenerations: () => listGenerations({ index }),
    activateGeneration: async ({ name, force }) => {
      await activateGeneration({ index, ledger }, name, { force });
      return null;
    },
    dropGeneration: async ({ name }) => {
      await dropGeneration({ index }, name);
      return null;
    },
    rebuildLedger: ({ since }, onProgress, signal) =>
      rebuildLedger({
        ...{ stages: app.stages, bus, ledger, artifacts, since, onProgress, signal },
        drive: (ref) => app.drive(ref),
      }),
  };
}
