/**
 * Delivers "run this step now" to workers: at least once, by lane, after a delay, again when a worker dies. What a step
 * has been through (attempts, leases, errors) is the ledger's business, so a queue that is lost can be filled again.
 */
import type { Lane } from '../contracts/common.ts';

export interface Job<T = unknown> {
  /** Deterministic; while a job with this id waits or runs, adding it again changes nothing. No ":" in it. */
  id: string;
  data: T;
  lane: Lane;
}

export type JobResult =
  | { kind: 'done' }
  /** Deliver again after `delayMs`. */
  | { kind: 'again'; delayMs: number }
  /** Keep it among the failed ones, for people to look at. */
  | { kind: 'failed'; reason: string };

export interface QueueCounts {
  waiting: number;
  delayed: number;
  active: number;
  failed: number;
}

/** What waits in a lane: `waiting` jobs, the oldest of them for `oldestMs`. */
export interface LaneDepth {
  waiting: number;
  oldestMs: number;
}

export interface ProcessOptions<T> {
  concurrency: number;
  /** A rejection counts as a crash of the worker: the job is delivered again. */
  handler: (job: Job<T>, signal: AbortSignal) => Promise<JobResult>;
  onError?: (error: unknown) => void;
  /** At most `max` jobs of this queue begin within `durationMs`, in all processes together. */
  rateLimit?: { max: number; durationMs: number };
}

export interface QueueWorker {
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Fetches no more, waits up to `graceMs` for running jobs, then aborts their signals and leaves them to be delivered again. */
  stop(graceMs: number): Promise<void>;
}

export interface JobQueue {
  add<T>(queue: string, jobs: Job<T>[], options?: { delayMs?: number }): Promise<void>;
  process<T>(queue: string, options: ProcessOptions<T>): Promise<QueueWorker>;
  counts(queue: string): Promise<QueueCounts>;
  /** What waits, by lane; lanes in which nothing does are missing. */
  lanes(queue: string): Promise<Partial<Record<Lane, LaneDepth>>>;
  /** Forgets a job that is not running; false when there was none. */
  remove(queue: string, id: string): Promise<boolean>;
  close(): Promise<void>;
}
