/** A child process, as whoever supervises it sees it, and the end of one. */
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface StartedChild {
  /** Ends the whole process group at once. Safe to call at any time and often. */
  kill(): void;
  /** Settles when the child has ended. Rejects when it could not be started. */
  closed: Promise<ChildEnd>;
  /** Ends when the child closes it, at the latest with the child. */
  pipe(fd: number): Readable;
}

/** Ends a child that leads a process group, and what it started, at once. Safe to call at any time and often. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
  } catch (error) {
    // It ended between the check and the call; anything else is a bug worth hearing of.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
