/**
 * The job queue on BullMQ, whatever database is behind it: the backend is handed in. Retries and back-off are decided by
 * the caller and recorded in the ledger, so a job here is delivered until its handler says that it is done.
 */
import { type BackendFactory, type IQueueBackend, Queue } from 'bullmq';
import { LANES, type Lane } from '../contracts/common.ts';
import type {
  Job,
  JobQueue,
  LaneDepth,
  ProcessOptions,
  QueueCounts,
  QueueWorker,
} from '../ports/job-queue.ts';
import { BullmqWorker } from './bullmq-worker.ts';

export interface BullmqBackend {
  // BullMQ does not name the type of its backends' connections.
  connection: never;
  /** Missing: BullMQ's own, on Redis. */
  factory?: BackendFactory<IQueueBackend, never>;
  /** Beginning of a queue's keys, where the database has keys. */
  prefixOf?: (queue: string) => string;
  /**
   * Forgets finished jobs, which would keep their ids from being used again. It is not waited for before jobs are added:
   * the backend carries both out in the order in which they were sent. Missing: asked for job by job.
   */
  freeIds?: (queue: string, bullIds: string[]) => Promise<void>;
  /** Jobs from which adding in bulk pays. */
  bulkFrom?: number;
  /** Ends the connection, after the queues and workers on it are closed. */
  close(): Promise<void>;
}

export interface BullmqOptions {
  /** How long a worker that died keeps its job, ms. It comes again within about twice this time. */
  lockMs?: number;
  /** How many failed jobs a queue keeps for people to look at. */
  keepFailed?: number;
  /** Pause before a job whose handler rejected comes again, ms. */
  redeliverMs?: number;
  /** How long a handler may take to heed its signal at a stop, ms; after that its job is left to others. */
  abortGraceMs?: number;
  /** Told of what goes wrong outside any call (a connection that drops). Default: a process warning. */
  onError?: (error: Error) => void;
}

/** Of each queue's event stream, which only dashboards read. */
const EVENTS_KEPT = 1_000;

/** Jobs from which adding in bulk pays; on PostgreSQL it makes temporary tables, which costs as much as ten single adds. */
const BULK_FROM = 12;

const priorityOf = (lane: Lane) => LANES.indexOf(lane) + 1;

/** BullMQ refuses ids that are whole numbers or hold a colon; on Redis a bare word may be the name of a key of its own. */
export function encodeJobId(id: string): string {
  const escaped = id.replaceAll('%', '%25').replaceAll(':', '%3A');
  return /^(?:[#\d]|[a-z-]*$)/.test(escaped) ? `#${escaped}` : escaped;
}

export function decodeJobId(id: string): string {
  return id.replace(/^#/, '').replaceAll('%3A', ':').replaceAll('%25', '%');
}

export class BullmqJobQueue implements JobQueue {
  readonly #backend: BullmqBackend;
  readonly #options: Required<BullmqOptions>;
  readonly #queues = new Map<string, Queue>();
  readonly #workers = new Set<BullmqWorker>();

  constructor(backend: BullmqBackend, options: BullmqOptions = {}) {
    this.#backend = backend;
    this.#options = {
      lockMs: options.lockMs ?? 5_000,
      keepFailed: options.keepFailed ?? 1_000,
      redeliverMs: options.redeliverMs ?? 1_000,
      abortGraceMs: options.abortGraceMs ?? 3_000,
      onError: options.onError ?? ((error) => process.emitWarning(error)),
    };
  }

  async add<T>(queue: string, jobs: Job<T>[], options: { delayMs?: number } = {}): Promise<void> {
    if (jobs.length === 0) return;
    const target = this.#queue(queue);
    const freed = this.#freeIds(
      queue,
      jobs.map(({ id }) => encodeJobId(id)),
    );
    if (!this.#backend.freeIds) await freed;
    const entries = jobs.map(({ id, data, lane }) => ({
      name: queue,
      data: { lane, data },
      opts: {
        jobId: encodeJobId(id),
        priority: priorityOf(lane),
        removeOnComplete: true,
        removeOnFail: { count: this.#options.keepFailed },
        ...(options.delayMs && { delay: options.delayMs }),
      },
    }));
    const inBulk = entries.length >= (this.#backend.bulkFrom ?? BULK_FROM);
    const added = inBulk
      ? target.addBulk(entries)
      : Promise.all(entries.map(({ name, data, opts }) => target.add(name, data, opts)));
    await Promise.all([freed, added]);
  }

  async process<T>(queue: string, options: ProcessOptions<T>): Promise<QueueWorker> {
    const worker = new BullmqWorker(queue, options as ProcessOptions<unknown>, {
      ...this.#options,
      backend: this.#backend,
    });
    this.#workers.add(worker);
    await worker.ready();
    return worker;
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

  async lanes(queue: string): Promise<Partial<Record<Lane, LaneDepth>>> {
    const target = this.#queue(queue);
    const counts = await target.getCountsPerPriority(LANES.map(priorityOf));
    const lanes: Partial<Record<Lane, LaneDepth>> = {};
    let before = 0;
    for (const lane of LANES) {
      const count = counts[priorityOf(lane)] ?? 0;
      // Waiting jobs lie in order of lane, and in order of arrival within it.
      const [oldest] = count > 0 ? await target.getJobs(['prioritized'], before, before, true) : [];
      if (oldest) lanes[lane] = { waiting: count, oldestMs: Math.max(0, Date.now() - oldest.timestamp) };
      before += count;
    }
    return lanes;
  }

  async remove(queue: string, id: string): Promise<boolean> {
    const job = await this.#queue(queue).getJob(encodeJobId(id));
    if (!job || (await job.isActive())) return false;
    await job.remove();
    return true;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop(0)));
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await this.#backend.close();
  }

  async #freeIds(queue: string, bullIds: string[]): Promise<void> {
    if (this.#backend.freeIds) return this.#backend.freeIds(queue, bullIds);
    const target = this.#queue(queue);
    await Promise.all(
      bullIds.map(async (id) => {
        const known = await target.getJob(id);
        if (known?.finishedOn !== undefined) await known.remove();
      }),
    );
  }

  /** BullMQ's own view of a queue, for dashboards. */
  bull(name: string): Queue {
    return this.#queue(name);
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new Queue(
        name,
        {
          connection: this.#backend.connection,
          streams: { events: { maxLen: EVENTS_KEPT } },
          ...(this.#backend.prefixOf && { prefix: this.#backend.prefixOf(name) }),
        },
        this.#backend.factory as BackendFactory<IQueueBackend, never>,
      ) as unknown as Queue;
      queue.on('error', this.#options.onError);
      this.#queues.set(name, queue);
    }
    return queue;
  }
}
