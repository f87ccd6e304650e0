/**
 * The job queue on BullMQ, whatever database is behind it: the backend is handed in. Retries and back-off are decided by
 * the caller and recorded in the ledger, so a job here is delivered until its handler says that it is done.
 */
import {
  type BackendFactory,
  type Job as BullJob,
  DelayedError,
  type IQueueBackend,
  Queue,
  UnrecoverableError,
  Worker,
} from 'bullmq';
import { LANES, type Lane } from '../contracts/common.ts';
import type {
  Job,
  JobQueue,
  JobResult,
  ProcessOptions,
  QueueCounts,
  QueueWorker,
} from '../ports/job-queue.ts';

export interface BullmqBackend {
  // BullMQ does not name the type of its backends' connections.
  connection: never;
  factory: BackendFactory<IQueueBackend, never>;
  close(): Promise<void>;
}

export interface BullmqOptions {
  /** How long a worker that died keeps its job, ms. */
  lockMs?: number;
  /** How many failed jobs a queue keeps for people to look at. */
  keepFailed?: number;
  /** Pause before a job whose handler rejected comes again, ms. */
  redeliverMs?: number;
}

/** How many waiting jobs are looked at to find the oldest of each lane. */
const AGE_SAMPLE = 1_000;
/** A job may be interrupted by crashes without limit: its attempts are counted in the ledger. */
const ANY_NUMBER = 1_000_000;
const ABORT_GRACE_MS = 3_000;

const priorityOf = (lane: Lane) => LANES.indexOf(lane) + 1;

export class BullmqJobQueue implements JobQueue {
  readonly #backend: BullmqBackend;
  readonly #options: Required<BullmqOptions>;
  readonly #queues = new Map<string, Queue>();
  readonly #workers = new Set<QueueWorker>();

  constructor(backend: BullmqBackend, options: BullmqOptions = {}) {
    this.#backend = backend;
    this.#options = { lockMs: 5_000, keepFailed: 1_000, redeliverMs: 1_000, ...options };
  }

  async add<T>(queue: string, jobs: Job<T>[], options: { delayMs?: number } = {}): Promise<void> {
    const target = this.#queue(queue);
    for (const { id } of jobs) {
      const known = await target.getJob(id);
      // One that failed would keep its id from being used again.
      if (known && (await known.isFailed())) await known.remove();
    }
    await target.addBulk(
      jobs.map(({ id, data, lane }) => ({
        name: queue,
        data: { lane, data },
        opts: {
          jobId: id,
          priority: priorityOf(lane),
          removeOnComplete: true,
          removeOnFail: { count: this.#options.keepFailed },
          ...(options.delayMs && { delay: options.delayMs }),
        },
      })),
    );
  }

  async process<T>(queue: string, options: ProcessOptions<T>): Promise<QueueWorker> {
    const { concurrency, handler, onError } = options;
    const { lockMs, redeliverMs } = this.#options;
    const stopping = new AbortController();
    const worker = new Worker(
      queue,
      async (job: BullJob, token?: string) => {
        const { lane, data } = job.data as { lane: Lane; data: T };
        let result: JobResult;
        try {
          result = await handler({ id: job.id!, data, lane }, stopping.signal);
        } catch (error) {
          onError?.(error);
          result = { kind: 'again', delayMs: redeliverMs };
        }
        if (result.kind === 'failed') throw new UnrecoverableError(result.reason);
        if (result.kind === 'again') {
          await job.moveToDelayed(Date.now() + result.delayMs, token);
          throw new DelayedError();
        }
      },
      {
        connection: this.#backend.connection,
        concurrency,
        lockDuration: lockMs,
        stalledInterval: lockMs / 2,
        maxStalledCount: ANY_NUMBER,
        drainDelay: 1,
      },
      this.#backend.factory,
    );
    worker.on('error', (error) => onError?.(error));
    await worker.waitUntilReady();
    const handle: QueueWorker = {
      pause: () => worker.pause(true),
      resume: async () => worker.resume(),
      stop: async (graceMs) => {
        if (!this.#workers.delete(handle)) return;
        const timer = setTimeout(() => stopping.abort(), graceMs);
        const deadline = setTimeout(() => void worker.close(true), graceMs + ABORT_GRACE_MS);
        await worker.close();
        clearTimeout(timer);
        clearTimeout(deadline);
      },
    };
    this.#workers.add(handle);
    return handle;
  }

  async counts(queue: string): Promise<QueueCounts> {
    const counts = await this.#queue(queue).getJobCounts(
      'waiting',
      'prioritized',
      'delayed',
      'active',
      'failed',
    );
    const { waiting = 0, prioritized = 0, delayed = 0, active = 0, failed = 0 } = counts;
    return { waiting: waiting + prioritized, delayed, active, failed };
  }

  async oldestAge(queue: string): Promise<Partial<Record<Lane, number>>> {
    const ages: Partial<Record<Lane, number>> = {};
    const now = Date.now();
    for (const job of await this.#queue(queue).getJobs(['prioritized', 'waiting'], 0, AGE_SAMPLE - 1, true)) {
      const { lane } = job.data as { lane: Lane };
      ages[lane] = Math.max(ages[lane] ?? 0, now - job.timestamp);
    }
    return ages;
  }

  async remove(queue: string, id: string): Promise<boolean> {
    const job = await this.#queue(queue).getJob(id);
    if (!job || (await job.isActive())) return false;
    await job.remove();
    return true;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop(0)));
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await this.#backend.close();
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new Queue(
        name,
        { connection: this.#backend.connection },
        this.#backend.factory,
      ) as unknown as Queue;
      this.#queues.set(name, queue);
    }
    return queue;
  }
}
