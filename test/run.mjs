// `npm test`: every check of the project, and one plain line at the end. Lint, types and dead code count as one check each.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const scratch = mkdtempSync(path.join(os.tmpdir(), 'cinedex-run-'));
const report = path.join(scratch, 'vitest.json');
const count = { passed: 0, failed: 0, skipped: 0 };

function run(title, command, args) {
  console.log(`\n== ${title}`);
  const { status, error } = spawnSync(path.join(root, 'node_modules/.bin', command), args, {
    cwd: root,
    stdio: 'inherit',
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

for (const [title, command, args] of [
  ['format and lint', 'biome', ['ci', '--error-on-warnings', '.']],
  ['types', 'tsc', ['-p', '.']],
  ['types of the page', 'tsc', ['-p', 'query/web']],
  ['types of its tests', 'tsc', ['-p', 'test/e2e/web']],
  ['dead code and undeclared dependencies', 'knip', []],
]) {
  if (run(title, command, args)) count.passed += 1;
  else count.failed += 1;
}

// Arguments choose test files: `npm test -- cli`.
const finished = run('unit, contract, integration, fault and end-to-end tests', 'vitest', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);
try {
  const results = JSON.parse(readFileSync(report, 'utf8'));
  count.passed += results.numPassedTests;
  count.skipped += results.numPendingTests + results.numTodoTests;
  // A file that cannot be loaded has no tests that could fail.
  const broken = results.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((each) => each.status === 'failed'),
  );
  count.failed += results.numFailedTests + broken.length;
} catch (error) {
  console.error(`The tests left no report: ${error.message}`);
}
if (!finished && count.failed === 0) count.failed += 1;
rmSync(scratch, { recursive: true, force: true });

console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 ? 0 : 1;
