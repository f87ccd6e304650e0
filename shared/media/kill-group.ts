import type { ChildProcess } from 'node:child_process';

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
