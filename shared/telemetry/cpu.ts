/** Processor time of this process and what it started. */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc; the kernel's interface fixes it, whatever the kernel's own clock. */
const TICKS = 100;

let told = 0;

/**
 * Seconds of user and system time: this process with its threads and, where the system tells (Linux), its children, and
 * the ended ones of those that still run. What a grandchild that runs has used is counted when it has ended.
 * Never less than before: who ends while this is read is missing for once.
 */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  const ofOwn = (user + system) / 1e6;
  if (process.platform !== 'linux') return ofOwn;
  // Before those that run, so that none is counted twice.
  const [, , ...ofEnded] = cpuFields('self');
  const ofRunning = runningChildren().flatMap((pid) => cpuFields(pid));
  told = Math.max(told, ofOwn + [...ofEnded, ...ofRunning].reduce((a, b) => a + b, 0));
  return told;
}

/** Seconds: user, system, and the same of its ended children. Source: proc(5), stat fields 14 to 17. Empty: it ended meanwhile. */
function cpuFields(pid: string): number[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, second field, is in brackets and may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).map((ticks) => Number(ticks) / TICKS);
  } catch {
    return [];
  }
}

/** A thread's children are its own; a kernel may be built without the list. */
function runningChildren(): string[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean);
    } catch {
      return [];
    }
  });
}
