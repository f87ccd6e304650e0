/**
 * Starts a child that reads hostile bytes: no shell, its own process group, an empty environment, and, where the system
 * has the tools (Linux), limits on memory, CPU and files, and death with its parent, `kill -9` included.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { locate } from './binaries.ts';

export interface Limits {
  /** Address space, bytes. */
  memoryBytes: number;
  /** Processor time over all threads, seconds. */
  cpuSec: number;
  /** Largest file the child may write, bytes. It is meant to write to pipes only. */
  fileBytes: number;
}

/** Where the system's tools lie that apply {@link Limits}. */
export interface Confinement {
  setpriv: string;
  prlimit: string;
  nice: string;
}

/**
 * Few heaps, so that glibc's one a thread does not eat the address space on machines with many cores. No character
 * conversion modules: the statically linked builds from npm crash when they load the system's (any transport stream).
 */
const ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  GCONV_PATH: '/var/empty',
  AV_LOG_FORCE_NOCOLOR: '1',
  LC_ALL: 'C',
};

/** What this system offers, found by trying. Null: the limits of the system cannot be used. */
export async function detectConfinement(): Promise<Confinement | null> {
  if (process.platform !== 'linux') return null;
  const [setpriv, prlimit, nice] = await Promise.all(['setpriv', 'prlimit', 'nice'].map(locate));
  if (!setpriv || !prlimit || !nice) return null;
  const confinement: Confinement = { setpriv, prlimit, nice };
  const [command, ...args] = [
    ...confine(confinement, { memoryBytes: 1 << 30, cpuSec: 60, fileBytes: 1 << 20 }),
    '/bin/true',
  ];
  try {
    await promisify(execFile)(command!, args, { timeout: 15_000, env: ENVIRONMENT });
    return confinement;
  } catch {
    // An older or restricted system: the caller warns once and goes on with the limits of ffmpeg alone.
    return null;
  }
}

/** What goes before a command to limit it. */
function confine(
  { setpriv, prlimit, nice }: Confinement,
  { memoryBytes, cpuSec, fileBytes }: Limits,
): string[] {
  return [
    ...[setpriv, '--pdeathsig', 'KILL', '--', prlimit],
    ...[`--as=${memoryBytes}`, `--cpu=${cpuSec}`, `--fsize=${fileBytes}`, '--core=0', '--nofile=256', '--'],
    ...[nice, '-n', '5'],
  ];
}

export interface ConfinedChild {
  process: ChildProcess;
  /** Ends the whole process group at once. Safe to call at any time and often. */
  kill(): void;
  /** Settles when the child has ended and its pipes are closed. Rejects when it could not be started. */
  closed: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  pipe(fd: number): Readable;
}

/** @param fds output pipes beside standard error, by number (1, 3, 4 …) */
export function startConfined(
  file: string,
  args: readonly string[],
  fds: readonly number[],
  confinement: Confinement | null,
  limits: Limits,
): ConfinedChild {
  const [command, ...rest] = [...(confinement ? confine(confinement, limits) : []), file, ...args];
  const last = Math.max(2, ...fds);
  const stdio = Array.from({ length: last + 1 }, (_, fd) =>
    fd === 2 || fds.includes(fd) ? ('pipe' as const) : ('ignore' as const),
  );
  const child = spawn(command!, rest, {
    stdio,
    // A group of its own, so that it can be ended together with anything it starts.
    detached: process.platform !== 'win32',
    windowsHide: true,
    ...(process.platform === 'linux' && { env: ENVIRONMENT }),
  });
  let ended = false;
  const closed = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', (error) => {
      ended = true;
      reject(error);
    });
    child.once('exit', () => {
      ended = true;
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  return {
    process: child,
    closed,
    kill() {
      if (ended || child.pid === undefined) return;
      try {
        process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
      } catch (error) {
        // It ended between the check and the call; anything else is a bug worth hearing of.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
    pipe: (fd) => child.stdio[fd] as Readable,
  };
}
