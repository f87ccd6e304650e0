/**
 * Calls into a worker thread. Whatever computes (a model, a pixel loop) lives in a thread of its own, so the event loop
 * stays free for heartbeats and leases, and work that hangs can really be ended: by ending the thread.
 */
import { Worker } from 'node:worker_threads';
import { CinedexError } from '../contracts/errors.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** Milliseconds for the call itself, not counting its wait. */
  timeoutMs?: number;
  /** Buffers that are moved into the thread instead of copied. */
  transfer?: ArrayBuffer[];
}

interface PendingCall {
  id: number;
  method: string;
  args: unknown[];
  options: CallOptions;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  timer?: NodeJS.Timeout;
  onAbort?: () => void;
}

export type ThreadReply =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; error: { name: string; message: string; code?: string; stack?: string } };

type Methods<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => R : never };

/**
 * One thread running a module that calls {@link serve}. Calls run one after the other. A call that is aborted or times
 * out while it runs ends the thread; the next call gets a fresh one, and calls that only waited are not touched.
 */
export class ThreadClient<T extends object> {
  readonly #module: URL;
  readonly #init: unknown;
  readonly #maxCallsPerThread: number;
  #worker: Worker | undefined;
  #queue: PendingCall[] = [];
  #running: PendingCall | undefined;
  #nextId = 1;
  #callsOnThread = 0;
  #closed = false;

  /**
   * @param module the thread's module
   * @param init structured-clonable data handed to its factory
   * @param options.maxCallsPerThread a fresh thread after so many calls (for libraries that grow)
   */
  constructor(module: URL, init: unknown = {}, options: { maxCallsPerThread?: number } = {}) {
    this.#module = module;
    this.#init = init;
    this.#maxCallsPerThread = options.maxCallsPerThread ?? Number.POSITIVE_INFINITY;
  }

  /** @throws whatever the method throws; WORKER_CRASHED, STAGE_TIMEOUT or ABORTED of its own */
  call<K extends keyof Methods<T> & string>(
    method: K,
    args: Parameters<Methods<T>[K]>,
    options: CallOptions = {},
  ): Promise<Awaited<ReturnType<Methods<T>[K]>>> {
    if (this.#closed) return Promise.reject(new CinedexError('ABORTED', 'The thread was closed.'));
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) {
        reject(new CinedexError('ABORTED', `${method} was aborted before it began.`));
        return;
      }
      const call: PendingCall = {
        id: this.#nextId++,
        method,
        args,
        options,
        resolve: resolve as (value: unknown) => void,
        reject,
      };
      if (options.signal) {
        call.onAbort = () => this.#abort(call, new CinedexError('ABORTED', `${method} was aborted.`));
        options.signal.addEventListener('abort', call.onAbort, { once: true });
      }
      this.#queue.push(call);
      this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const error = new CinedexError('ABORTED', 'The thread was closed.');
    for (const call of this.#queue.splice(0)) this.#settle(call, () => call.reject(error));
    if (this.#running) {
      const call = this.#running;
      this.#settle(call, () => call.reject(error));
    }
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #pump(): void {
    if (this.#running || this.#queue.length === 0) return;
    const call = this.#queue.shift()!;
    this.#running = call;
    if (this.#callsOnThread >= this.#maxCallsPerThread) this.#discardThread();
    const worker = this.#thread();
    this.#callsOnThread += 1;
    const { timeoutMs, transfer } = call.options;
    if (timeoutMs !== undefined) {
      call.timer = setTimeout(() => {
        this.#abort(
          call,
          new CinedexError('STAGE_TIMEOUT', `${call.method} took longer than ${timeoutMs} ms.`),
        );
      }, timeoutMs);
    }
    try {
      worker.postMessage({ id: call.id, method: call.method, args: call.args }, transfer ?? []);
    } catch (error) {
      this.#settle(call, () => call.reject(error));
    }
  }

  #thread(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.#module, { workerData: this.#init });
    this.#worker = worker;
    this.#callsOnThread = 0;
    worker.unref();
    worker.on('message', (reply: ThreadReply) => {
      const call = this.#running;
      if (!call || call.id !== reply.id) return;
      this.#settle(call, () => {
        if (reply.ok) call.resolve(reply.value);
        else call.reject(Object.assign(new Error(reply.error.message), reply.error));
      });
    });
    const crashed = (why: string) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const call = this.#running;
      if (call) this.#settle(call, () => call.reject(new CinedexError('WORKER_CRASHED', why)));
    };
    worker.on('error', (error) => crashed(error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => crashed(`The thread ended with code ${code}.`));
    return worker;
  }

  #abort(call: PendingCall, error: CinedexError): void {
    if (this.#running === call) this.#discardThread();
    else this.#queue = this.#queue.filter((waiting) => waiting !== call);
    this.#settle(call, () => call.reject(error));
  }

  #discardThread(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #settle(call: PendingCall, finish: () => void): void {
    clearTimeout(call.timer);
    if (call.onAbort) call.options.signal?.removeEventListener('abort', call.onAbort);
    if (this.#running === call) this.#running = undefined;
    finish();
    if (!this.#closed) this.#pump();
  }
}
