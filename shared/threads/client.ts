/**
 * Calls into a worker thread. Whatever computes (a model, a pixel loop) lives in a thread of its own, so the event loop
 * stays free for heartbeats and leases, and work that hangs can really be ended: by ending the thread.
 *
 * A thread is asked to end and does so between two runs of its model: onnxruntime aborts the whole process when a thread
 * is taken away in the middle of a run. Only a thread that does not hear for {@link END_WITHIN_MS} is taken away.
 */
import { Worker } from 'node:worker_threads';
import { CinedexError } from '../contracts/errors.ts';
import { keepWasmCode } from '../wasm.ts';

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

/** Posted to a thread that is to end. */
export const END = 'end';

/** Far more than one run of any of our models takes, so that whoever is still silent then hangs. */
const END_WITHIN_MS = 30_000;

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
  readonly #endWithinMs: number;
  #worker: Worker | undefined;
  readonly #ending = new Set<Promise<unknown>>();
  #queue: PendingCall[] = [];
  #running: PendingCall | undefined;
  #nextId = 1;
  #callsOnThread = 0;
  #closed = false;

  /**
   * @param module the thread's module
   * @param init structured-clonable data handed to its factory
   * @param options.maxCallsPerThread a fresh thread after so many calls (for libraries that grow)
   * @param options.endWithinMs how long a thread that is asked to end may take
   */
  constructor(
    module: URL,
    init: unknown = {},
    options: { maxCallsPerThread?: number; endWithinMs?: number } = {},
  ) {
    this.#module = module;
    this.#init = init;
    this.#maxCallsPerThread = options.maxCallsPerThread ?? Number.POSITIVE_INFINITY;
    this.#endWithinMs = options.endWithinMs ?? END_WITHIN_MS;
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

  /** Resolves once no thread is left. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new CinedexError('ABORTED', 'The thread was closed.');
    for (const call of this.#queue.splice(0)) this.#settle(call, () => call.reject(error));
    if (this.#running) {
      const call = this.#running;
      this.#settle(call, () => call.reject(error));
    }
    this.#discardThread();
    await Promise.all(this.#ending);
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
    keepWasmCode();
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
    if (!worker) return;
    this.#worker = undefined;
    const ended = end(worker, this.#endWithinMs);
    this.#ending.add(ended);
    void ended.finally(() => this.#ending.delete(ended));
  }

  #settle(call: PendingCall, finish: () => void): void {
    clearTimeout(call.timer);
    if (call.onAbort) call.options.signal?.removeEventListener('abort', call.onAbort);
    if (this.#running === call) this.#running = undefined;
    finish();
    if (!this.#closed) this.#pump();
  }
}

async function end(worker: Worker, withinMs: number): Promise<void> {
  // A process that ended now would take the thread away.
  worker.ref();
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage(END);
  const timer = setTimeout(() => void worker.terminate(), withinMs);
  await exited;
  clearTimeout(timer);
}
