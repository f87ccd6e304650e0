import {
  type BackendFactory,
  type Job as BullJob,
  DelayedError,
  type IQueueBackend,
  UnrecoverableError,
  WaitingError,
  Worker,
} from 'bullmq';
import type { Lane } from '../contracts/common.ts';
import type { JobResult, ProcessOptions, QueueWorker } from '../ports/job-queue.ts';
import { type BullmqBackend, type BullmqOptions, decodeJobId } from './bullmq-job-queue.ts';

/** A job may be interrupted by crashes without limit: its attempts are counted in the ledger. */
const ANY_NUMBER = 1_000_000;
/** How long an idle worker waits for word of a new job before it looks by itself, seconds. */
const IDLE_LOOK_SEC = 5;

type WorkerOptions = Required<BullmqOptions> & { backend: BullmqBackend };

/** One consumer of a queue. */
export class BullmqWorker implements QueueWorker {
  readonly #worker: Worker;
  readonly #options: WorkerOptions;
  readonly #handle: ProcessOptions<unknown>;
  readonly #stopping = new AbortController();
  #running = 0;
  #onIdle: () => void = () => undefined;
  #fetching = true;
  #stopped: Promise<void> | undefined;

  constructor(queue: string, handle: ProcessOptions<unknown>, options: WorkerOptions) {
    this.#handle = handle;
    this.#options = options;
    this.#worker = new Worker(
      queue,
      (job: BullJob, token?: string) => this.#run(job, token),
      {
        connection: options.backend.connection,
        concurrency: handle.concurrency,
        lockDuration: options.lockMs,
        stalledInterval: options.lockMs / 2,
        maxStalledCount: ANY_NUMBER,
        drainDelay: IDLE_LOOK_SEC,
        ...(handle.rateLimit && {
          limiter: { max: handle.rateLimit.max, duration: handle.rateLimit.durationMs },
        }),
        ...(options.backend.prefixOf && { prefix: options.backend.prefixOf(queue) }),
      },
      options.backend.factory as BackendFactory<IQueueBackend, never>,
    ) as unknown as Worker;
    this.#worker.on('error', handle.onError ?? options.onError);
  }

  async ready(): Promise<void> {
    await this.#worker.waitUntilReady();
  }

  async pause(): Promise<void> {
    this.#fetching = false;
    await this.#worker.pause(true);
  }

  async resume(): Promise<void> {
    this.#fetching = true;
    await this.#worker.resume();
  }

  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<void> {
    await this.pause();
    await this.#idle(graceMs);
    if (this.#running > 0) this.#stopping.abort();
    await this.#idle(this.#options.abortGraceMs);
    // Closing by force waits for nobody: the lock of a handler that heeds no signal runs out, and others take its job.
    await this.#worker.close(this.#running > 0);
  }

  /** Resolves when no handler runs, or after a time. */
  async #idle(ms: number): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #run(job: BullJob, token: string | undefined): Promise<void> {
    if (!this.#fetching) {
      // It was on its way when the worker was paused.
      await job.moveToWait(token);
      throw new WaitingError();
    }
    this.#running += 1;
    let result: JobResult;
    try {
      result = await this.#ask(job);
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#onIdle();
    }
    if (result.kind === 'failed') throw new UnrecoverableError(result.reason);
    if (result.kind === 'again') {
      await job.moveToDelayed(Date.now() + result.delayMs, token);
      throw new DelayedError();
    }
  }

  async #ask(job: BullJob): Promise<JobResult> {
    const { lane, data } = job.data as { lane: Lane; data: unknown };
    try {
      return await this.#handle.handler({ id: decodeJobId(job.id!), data, lane }, this.#stopping.signal);
    } catch (error) {
      this.#handle.onError?.(error);
      return { kind: 'again', delayMs: this.#options.redeliverMs };
    }
  }
}
