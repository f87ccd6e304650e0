/**
 * A small process that starts this one's children (Linux). Starting a child copies the page tables of the one that starts
 * it, and every page that is written afterwards is first caught and released again: for a process of 1.5 GB that is some
 * 40 ms in which nothing else runs and up to a fifth of a second of processor time, per child. Source: bench/launch.ts.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import net, { type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChildEnd, StartedChild } from './child.ts';

/** First line of a connection that says what to start. */
export interface ChildLine {
  child: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  /** The outputs that come by connections of their own. */
  fds: number[];
}
/** First line of a connection that becomes an output of a child. */
export interface OutputLine {
  child: string;
  fd: number;
}
/** What is told of a child, once. */
export type ReportLine = ChildEnd | { error: string };

let launcher: Promise<string | null> | undefined;

/** Address of this process's launcher, which is started by the first call and ends with the process. Null: there is none. */
export function findLauncher(): Promise<string | null> {
  launcher ??= process.platform === 'linux' ? startLauncher() : Promise.resolve(null);
  return launcher;
}

async function startLauncher(): Promise<string | null> {
  // Only its owner may enter.
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cinedex-launcher-'));
  const address = path.join(folder, 'socket');
  const program = fileURLToPath(new URL('./launcher.process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, address], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // What a terminal sends to a group, such as Ctrl-C, is for the process to handle.
    detached: true,
    env: {},
  });
  child.unref();
  try {
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`it ended with code ${code}`))),
    ]);
  } catch (error) {
    warn(error);
    return null;
  }
  child.stdout.destroy();
  for (const pipe of [child.stdin, child.stdout]) (pipe as Socket).unref();
  return address;
}

function warn(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  process.emitWarning(`Children are started by the process itself, which is slower: its launcher: ${why}`);
}

/** @returns null where the launcher is gone: it is no reason not to start a child */
export async function launch(
  address: string,
  wanted: Omit<ChildLine, 'child'>,
): Promise<StartedChild | null> {
  const child = randomUUID();
  let control: Socket;
  try {
    control = await connect(address);
  } catch (error) {
    warn(error);
    return null;
  }
  const say = (socket: Socket, line: ChildLine | OutputLine) => socket.write(`${JSON.stringify(line)}\n`);
  say(control, { child, ...wanted });
  const outputs = new Map(
    wanted.fds.map((fd) => {
      const socket = net.connect(address);
      say(socket, { child, fd });
      return [fd, socket] as const;
    }),
  );
  return {
    closed: readReport(control),
    kill: () => control.end(),
    pipe: (fd) => outputs.get(fd)!,
  };
}

async function connect(address: string): Promise<Socket> {
  // Half open: that it is wanted no longer is said by ending it, and its end is still heard.
  const socket = net.connect({ path: address, allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

async function readReport(control: Socket): Promise<ChildEnd> {
  let text = '';
  for await (const chunk of control) text += chunk;
  control.destroy();
  if (text === '') throw new Error('the launcher ended');
  const report = JSON.parse(text) as ReportLine;
  if ('error' in report) throw new Error(report.error);
  return report;
}
