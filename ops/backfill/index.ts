/** Backfills: plan one, run it, go on with it after a stop. */
export { planBackfill } from './plan.ts';
export { cancelBackfill, listBackfills } from './registry.ts';
export { resumeBackfill, runBackfill } from './run.ts';
export type { BackfillDeps, BackfillProgress, BackfillResult, ListedBackfill } from './types.ts';
