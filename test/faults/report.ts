/**
 * Injects all faults and reports what each has left: videos in, settled, lost, doubled, and the dead letters.
 *
 *   KAFKA_BROKERS=localhost:9092 REDIS_URL=redis://localhost:6379/0 node test/faults/report.ts
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Tally } from './tally.ts';

interface Report {
  testResults: {
    assertionResults: {
      status: string;
      fullName: string;
      meta?: { tallies?: (Tally & { fault: string })[] };
    }[];
  }[];
}

const root = path.resolve(import.meta.dirname, '../..');
const scratch = mkdtempSync(path.join(os.tmpdir(), 'cinedex-faults-'));
const file = path.join(scratch, 'report.json');
const vitest = path.join(root, 'node_modules/.bin/vitest');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
// One file at a time: faults are bounded in time, and should not be each other's.
const { status } = spawnSync(vitest, ['run', 'test/faults', '--no-file-parallelism', ...reporters], {
  cwd: root,
  stdio: 'inherit',
});
const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
rmSync(scratch, { recursive: true, force: true });
const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
const faults = tests.flatMap(({ meta }) => meta?.tallies ?? []);
const named = (wanted: string) =>
  tests.filter((test) => test.status === wanted).map(({ fullName }) => fullName);
const sum = (of: 'in' | 'settled' | 'lost' | 'doubled') => faults.reduce((all, fault) => all + fault[of], 0);
const result = {
  command: 'KAFKA_BROKERS=… REDIS_URL=… QDRANT_BINARY=… node test/faults/report.ts',
  tests: { passed: named('passed').length, failed: named('failed'), skipped: named('skipped') },
  all: { in: sum('in'), settled: sum('settled'), lost: sum('lost'), doubled: sum('doubled') },
  faults,
};
writeFileSync(path.join(root, 'bench/results/faults.json'), `${JSON.stringify(result, null, 2)}\n`);
console.table(
  faults.map(({ deadLetters, ...fault }) => ({ ...fault, deadLetters: Object.keys(deadLetters).join(', ') })),
);
process.exitCode = status ?? 1;
