import { parentPort, workerData } from 'node:worker_threads';
import { END, type ThreadReply } from './client.ts';

type Method = (...args: unknown[]) => unknown;

/**
 * Makes the current worker thread answer a ThreadClient: `create` gets the client's init data and returns the object
 * whose methods are called. A failing `create` fails every call with its error.
 */
export function serve<T extends object>(create: (init: unknown) => T | Promise<T>): void {
  if (!parentPort) throw new Error('serve() runs in a worker thread only.');
  const port = parentPort;
  const ready = Promise.resolve().then(() => create(workerData));
  ready.catch(() => undefined); // Reported with the first call.
  port.on('message', async (message: typeof END | { id: number; method: string; args: unknown[] }) => {
    // Ends this thread, not the process.
    if (message === END) process.exit(0);
    const { id, method, args } = message;
    let reply: ThreadReply;
    try {
      const target = (await ready) as Record<string, Method>;
      reply = { id, ok: true, value: await target[method]!.apply(target, args) };
    } catch (error) {
      const { name, message, stack, code } = (
        error instanceof Error ? error : new Error(String(error))
      ) as Error & { code?: string };
      reply = { id, ok: false, error: { name, message, stack, ...(typeof code === 'string' && { code }) } };
    }
    port.postMessage(reply);
  });
}
