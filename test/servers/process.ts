/** Server processes of tests: started on a free port, waited for, never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server of one's own, for tests that take it away. */
export interface TestServer {
  /** Where it answers; the same after a restart. */
  readonly url: string;
  readonly port: number;
  /** Folder of its data, which outlives `stop` and goes with `dispose`. */
  readonly folder: string;
  /** Process id while it runs, for signals such as SIGSTOP. */
  readonly pid: number | undefined;
  /** Ends it and waits; `SIGKILL` is a crash. Default `SIGTERM`. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it on the same port and data, after stopping it if it runs; resolves when it answers. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  dispose(): Promise<void>;
}

export interface ServerRecipe {
  name: string;
  command: (place: { port: number; folder: string }) => {
    program: string;
    args: string[];
    env?: Record<string, string>;
  };
  url: (port: number) => string;
  /** Whether it answers; thrown errors mean no. */
  answers: (port: number) => Promise<boolean>;
  startTimeoutMs: number;
}

/** @throws Error with the last words of the server if it does not answer in time */
export async function startServer(recipe: ServerRecipe): Promise<TestServer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), `cinedex-${recipe.name}-`));
  const port = await freePort();
  let child: ChildProcess | undefined;

  const start = async () => {
    const { program, args, env } = recipe.command({ port, folder });
    let said = '';
    const started = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-4_000);
      });
    }
    let failed: Error | undefined;
    started.once('error', (error) => {
      failed = error;
    });
    if (started.pid !== undefined) goesWithUs(folder, started.pid);
    const deadline = Date.now() + recipe.startTimeoutMs;
    for (;;) {
      if (failed) throw failed;
      if (started.exitCode !== null || started.signalCode !== null || Date.now() > deadline) {
        started.kill('SIGKILL');
        throw new Error(`${recipe.name} did not start on port ${port}:\n${said}`);
      }
      if (await recipe.answers(port).catch(() => false)) break;
      await sleep(50);
    }
    // A server that is shared by a whole process must not keep it from ending.
    started.unref();
    for (const stream of [started.stdout, started.stderr]) letGo(stream);
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    running.ref();
    const ended = once(running, 'exit');
    running.kill(signal);
    const patience = setTimeout(() => running.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(patience);
  };
  const dispose = async () => {
    await stop('SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    url: recipe.url(port),
    port,
    folder,
    get pid() {
      return child?.pid;
    },
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    dispose,
  };
}

/** Path of a program, or null where there is none. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    if (isProgram(file)) return file;
  }
  return null;
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether something accepts connections there. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Kills the process, if one is given, and removes the folder when this process is gone, however it went: the watcher sees its
 * input close. (Vitest ends its processes by a signal, so that their `exit` handlers never run.)
 */
export function goesWithUs(folder: string, pid?: number): void {
  const script = 'read -r _; if [ -n "$2" ]; then kill -9 "$2" 2>/dev/null; sleep 0.2; fi; rm -rf -- "$1"';
  const watcher = spawn('sh', ['-c', script, 'sh', folder, String(pid ?? '')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.unref();
  letGo(watcher.stdin);
}

/** A pipe to a child keeps this process alive unless it is told not to. */
function letGo(pipe: unknown): void {
  if (pipe instanceof Socket) pipe.unref();
}
