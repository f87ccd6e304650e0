/**
 * Starts a child that reads hostile bytes: no shell, its own process group, an empty environment, and, where the system
 * has the tools (Linux), limits on memory, CPU and files, and death with its parent, `kill -9` included.
 */
import { execFile, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { locate } from './binaries.ts';
import { type ChildEnd, killGroup, type StartedChild } from './child.ts';
import { launch } from './launcher.ts';
import type { MediaTools } from './tools.ts';

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

/** @param outputs output pipes beside standard error, by number (1, 3, 4 …) */
export async function startConfined(
  file: string,
  args: readonly string[],
  outputs: readonly number[],
  { confinement, launcher }: Pick<MediaTools, 'confinement' | 'launcher'>,
  limits: Limits,
): Promise<StartedChild> {
  const [command, ...rest] = [...(confinement ? confine(confinement, limits) : []), file, ...args];
  const fds = [...new Set([2, ...outputs])];
  const launched =
    launcher && (await launch(launcher, { command: command!, args: rest, env: ENVIRONMENT, fds }));
  return launched || startDirectly(command!, rest, fds);
}

function startDirectly(command: string, args: string[], fds: number[]): StartedChild {
  const child = spawn(command, args, {
    stdio: Array.from({ length: Math.max(...fds) + 1 }, (_, fd) => (fds.includes(fd) ? 'pipe' : 'ignore')),
    // A group of its own, so that it can be ended together with anything it starts.
    detached: process.platform !== 'win32',
    windowsHide: true,
    ...(process.platform === 'linux' && { env: ENVIRONMENT }),
  });
  const closed = new Promise<ChildEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return { closed, kill: () => killGroup(child), pipe: (fd) => child.stdio[fd] as Readable };
}
