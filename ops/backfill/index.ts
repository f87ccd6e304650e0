/** Backfills: plan one, run it, go on with it after a stop. */
export { planBackfill } from './plan.ts';
export { cancelBackfill, findBackfill, listBackfills } from './registry.ts';
export { type RunOptions, resumeBackfill, runBackfill } from './run.ts';
export type { BackfillDeps, BackfillProgress, BackfillResult, ListedBackfill } from './types.ts';
