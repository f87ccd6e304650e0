/** Which videos a backfill concerns, and what there is to do for one: always the runtime's own reducer's answer. */
import type { BackfillRequest } from '../../shared/contracts/backfill.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import type { BoundStage } from '../../workers/runtime/bind.ts';
import { enterBackfill, foresee } from '../../workers/runtime/plan.ts';
import { type Condition, meets, parseWhere } from './where.ts';

/** The stage that writes the index. */
const INDEXING = 'document';

export interface Choice {
  id: string;
  tenant: string | undefined;
  condition: Condition | undefined;
  /** Stages that may run; null: all. */
  scope: string[] | null;
  /** Stages that run even where their key is up to date. */
  redo: string[];
}

export type Verdict =
  /** Deleted, or never taken in. */
  | { kind: 'gone' }
  /** Does not meet the condition. */
  | { kind: 'unmatched' }
  | { kind: 'upToDate' }
  /** `stages` would run, in this order. */
  | { kind: 'stale'; stages: string[] };

/** @throws CinedexError USAGE for a request that makes no sense */
export function choiceOf(id: string, request: BackfillRequest, stages: readonly BoundStage[]): Choice {
  const names = stages.map(({ stage }) => stage.name);
  const usage = (problem: string) => {
    throw new CinedexError('USAGE', problem);
  };
  const { force, rebuildIndex, topics, offsets } = request;
  for (const stage of request.stages) {
    if (!names.includes(stage)) usage(`There is no stage "${stage}"; there are ${names.join(', ')}.`);
  }
  if (force && request.stages.length === 0) usage('What is forced? Name the stages with --stage.');
  if (rebuildIndex && request.stages.length > 0)
    usage('A rebuild of the index runs the document stage only; leave --stage out.');
  if (rebuildIndex && !names.includes(INDEXING)) usage(`There is no stage "${INDEXING}" to build an index.`);
  if (offsets && topics.length !== 1) usage('Offsets belong to one topic; name exactly one with --topic.');
  if ((request.since !== undefined || request.until !== undefined) && topics.length === 0)
    usage('Times choose events; name the topics with --topic.');
  const asked = rebuildIndex ? [INDEXING] : request.stages;
  return {
    id,
    tenant: request.tenant,
    condition: request.where === undefined ? undefined : parseWhere(request.where, names),
    scope: asked.length === 0 ? null : withDependants(asked, stages),
    redo: rebuildIndex || force ? asked : [],
  };
}

/** These stages and all that need them, directly or not. `stages` come in the order in which they can run. */
export function withDependants(asked: readonly string[], stages: readonly BoundStage[]): string[] {
  const scope = new Set(asked);
  for (const { stage, requires, joins } of stages) {
    if ([...requires, ...joins].some((need) => scope.has(need))) scope.add(stage.name);
  }
  return [...scope];
}

export function judge(
  video: VideoRecord | undefined,
  choice: Choice,
  stages: readonly BoundStage[],
): Verdict {
  if (!video || video.deleted) return { kind: 'gone' };
  if (choice.tenant !== undefined && video.tenant !== choice.tenant) return { kind: 'unmatched' };
  if (choice.condition && !meets(video, choice.condition)) return { kind: 'unmatched' };
  const todo = foresee(enter(video, choice), stages);
  return todo.length === 0 ? { kind: 'upToDate' } : { kind: 'stale', stages: todo };
}

/** The change of the record by which a backfill takes a video on. */
export function enter(video: VideoRecord, { id, scope, redo }: Choice): VideoRecord {
  return enterBackfill(video, { id, stages: scope, redo });
}
