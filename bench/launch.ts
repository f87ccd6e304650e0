/**
 * What it costs a process that holds much memory to start children: by itself, and through its launcher. Counted are the
 * processor time of the process and its children, how long nothing else can run in it, and what the next touch of every
 * page of its memory costs, which is caught page by page after each copy of the page tables.
 *
 * Usage: node bench/launch.ts [megabytes held]    (Linux)
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { findLauncher } from '../shared/media/launcher.ts';
import { detectConfinement, startConfined } from '../shared/media/sandbox.ts';
import { cpuSeconds } from '../shared/telemetry/cpu.ts';

const CHILDREN = 40;
const PAGE = 4_096;
const LIMITS = { memoryBytes: 1 << 30, cpuSec: 60, fileBytes: 1 << 20 };

const megabytes = Number(process.argv[2] ?? 1_500);
const confinement = await detectConfinement();
const launcher = await findLauncher();
if (!launcher) throw new Error('This system has no launcher: there is nothing to compare.');
const held = Array.from({ length: megabytes }, () => Buffer.alloc(1 << 20, 1));

function touch(): void {
  for (const part of held) for (let at = 0; at < part.length; at += PAGE) part[at]! += 1;
}

function cpuMs(work: () => void): number {
  const before = cpuSeconds();
  work();
  return (cpuSeconds() - before) * 1_000;
}

async function measure(tools: Parameters<typeof startConfined>[3]) {
  touch();
  let [blockedMs, touchedMs] = [0, 0];
  const before = cpuSeconds();
  for (let n = 0; n < CHILDREN; n++) {
    const started = performance.now();
    const starting = startConfined('/bin/true', [], [1], tools, LIMITS);
    blockedMs += performance.now() - started;
    const child = await starting;
    await Promise.all([child.closed, drain(child.pipe(1)), drain(child.pipe(2))]);
    touchedMs += cpuMs(touch);
  }
  const untouchedMs = cpuMs(() => {
    for (let n = 0; n < CHILDREN; n++) touch();
  });
  const each = (ms: number) => Math.round((ms / CHILDREN) * 10) / 10;
  return {
    startCpuMs: each((cpuSeconds() - before) * 1_000 - touchedMs - untouchedMs),
    blockedMs: each(blockedMs),
    /** More than touching the same memory costs when no child was started. */
    touchCpuMs: each(touchedMs - untouchedMs),
  };
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

// Compiled and connected once before anything is measured.
for (const tools of [
  { confinement, launcher: null },
  { confinement, launcher },
])
  await measure(tools);
const directly = await measure({ confinement, launcher: null });
const throughLauncher = await measure({ confinement, launcher });
const total = ({ startCpuMs, touchCpuMs }: typeof directly) => startCpuMs + touchCpuMs;
const result = {
  command: `node bench/launch.ts ${megabytes}`,
  megabytesHeld: megabytes,
  children: CHILDREN,
  perChild: { directly, throughLauncher },
  /** Processor time, directly over through the launcher. */
  ratio: Math.round((total(directly) / total(throughLauncher)) * 10) / 10,
};
console.log(JSON.stringify(result, null, 2));
writeFileSync(path.join(import.meta.dirname, 'results/launch.json'), `${JSON.stringify(result, null, 2)}\n`);
