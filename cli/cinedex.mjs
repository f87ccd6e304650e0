#!/usr/bin/env node
// The command itself is TypeScript and wants the Node that is pinned in this package, whatever Node started this file.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const main = path.join(here, 'main.ts');

const pinned = [path.join(here, '../node_modules/.bin/node'), path.join(here, '../../.bin/node')].find(
  existsSync,
);
if (!pinned) {
  console.error(
    'DEPENDENCY_MISSING: the packages of Cinedex are not installed.\n  hint: run `npm start` once in its folder.',
  );
  process.exit(1);
}
// glibc keeps an arena a thread and returns little of it; with many native threads memory would creep up for days.
const memory = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };
// Reading and compiling the sources is half of a short verb's time; Node leaves the cache out where it cannot write it.
const cache = { NODE_COMPILE_CACHE: path.join(here, '../node_modules/.cache/node') };
const env = { ...memory, ...cache, ...process.env };
const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit', env });
// A terminal sends Ctrl-C to the child as well; what comes by `kill` is passed on.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.once('error', (error) => {
  console.error(`DEPENDENCY_MISSING: ${error.message}`);
  process.exit(1);
});
child.once('exit', (code, signal) => process.exit(code ?? 128 + os.constants.signals[signal]));
