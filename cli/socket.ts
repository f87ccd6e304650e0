/**
 * How a verb reaches the `up` that owns its data folder: a Unix socket that only the same user can open. A request is
 * `POST /<operation>` with its argument as JSON; the answer is lines of JSON: any number of `{progress}`, then one
 * `{result}` or `{error}`.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { CinedexError, type ErrorInfo, toCinedexError } from '../shared/contracts/errors.ts';
import { OPERATION_NAMES, type OperationName, type Operations } from './operations.ts';

/** Bytes that a socket's path may have on every system. */
const LONGEST_PATH = 100;
const LARGEST_REQUEST = 64 * 1024 ** 2;

export function socketPath(dataDir: string): string {
  const inside = path.join(dataDir, 'cinedex.sock');
  if (Buffer.byteLength(inside) <= LONGEST_PATH) return inside;
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 24);
  return path.join(os.tmpdir(), `cinedex-${name}.sock`);
}

/** @returns stops listening and removes the socket */
export async function serveOperations(operations: Operations, file: string): Promise<() => Promise<void>> {
  // Whoever calls this owns the data folder, so a socket that lies there belongs to a process that is gone.
  rmSync(file, { force: true });
  const server = createServer((incoming, response) => {
    answer(operations, incoming, response).catch((error) => {
      response.end(`${JSON.stringify({ error: toCinedexError(error).toInfo() })}\n`);
    });
  });
  const listening = once(server, 'listening');
  // The socket is made at once, within this mask: at no time can another user open it.
  const mask = process.umask(0o177);
  try {
    server.listen(file);
  } finally {
    process.umask(mask);
  }
  await listening;
  return async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
}

async function answer(
  operations: Operations,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const name = OPERATION_NAMES.find((known) => incoming.url === `/${known}`);
  if (incoming.method !== 'POST' || !name) throw new CinedexError('USAGE', `No operation ${incoming.url}.`);
  const argument = JSON.parse(await readAll(incoming)) as never;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const send = (line: object) => response.write(`${JSON.stringify(line)}\n`);
  const call = operations[name] as (
    argument: never,
    onProgress: (progress: unknown) => void,
    signal: AbortSignal,
  ) => Promise<unknown>;
  const result = await call(argument, (progress) => send({ progress }), gone.signal);
  send({ result });
  response.end();
}

async function readAll(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LARGEST_REQUEST)
      throw new CinedexError('USAGE', 'The request is too large; publish in parts.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The operations of the process behind a socket, or undefined when nobody listens there. */
export async function connectOperations(file: string): Promise<Operations | undefined> {
  try {
    const { uid } = lstatSync(file);
    if (process.getuid && uid !== process.getuid()) return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (!(await somebodyListens(file))) return undefined;
  const calls = OPERATION_NAMES.map((name) => [
    name,
    (argument: unknown, onProgress?: (progress: never) => void, signal?: AbortSignal) =>
      call(file, name, argument, onProgress, signal),
  ]);
  return Object.fromEntries(calls) as Operations;
}

/** A process that was killed leaves its socket behind. */
async function somebodyListens(file: string): Promise<boolean> {
  const probe = request({ socketPath: file, path: '/' });
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.once('response', (response) => {
      response.resume();
      resolve(true);
    });
    probe.end();
  });
}

async function call(
  file: string,
  name: OperationName,
  argument: unknown,
  onProgress?: (progress: never) => void,
  signal?: AbortSignal,
): Promise<unknown> {
  const outgoing = request({ socketPath: file, path: `/${name}`, method: 'POST', signal });
  const responded = once(outgoing, 'response');
  outgoing.end(JSON.stringify(argument));
  try {
    const [response] = (await responded) as [IncomingMessage];
    for await (const line of createInterface({ input: response })) {
      const message = JSON.parse(line) as { progress?: never; result?: unknown; error?: ErrorInfo };
      if (message.progress !== undefined) onProgress?.(message.progress);
      else if (message.error) throw new CinedexError(message.error.code, message.error.message);
      else return message.result;
    }
  } catch (error) {
    if (error instanceof CinedexError) throw error;
    if (signal?.aborted) throw new CinedexError('ABORTED', 'Stopped waiting.', { cause: error });
    throw new CinedexError('STORE_UNAVAILABLE', 'The running Cinedex went away.', { cause: error });
  }
  throw new CinedexError('STORE_UNAVAILABLE', 'The running Cinedex stopped before it answered.');
}
