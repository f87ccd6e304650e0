/** The gate on the quality of searching: the sample clips through all real stages, labelled questions, the checked-in baseline. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasAllStages } from '../fixtures/stages.ts';

const root = path.resolve(import.meta.dirname, '../..');
const LABELS = path.join(root, 'bench/search-samples.json');
const BASELINE = path.join(root, 'bench/search-baseline.json');
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CINEDEX_')));
const LONG = 600_000;

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-quality-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cinedex(
  args: string[],
  settings: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(root, 'cli/main.ts'), ...args, '--data-dir', path.join(folder, 'data')],
      { env: { ...env, ...settings }, cwd: folder, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

beforeAll(async () => {
  const { code, stderr } = await cinedex(['start', '--json']);
  expect(code, stderr).toBe(0);
}, LONG);

describe.skipIf(!hasAllStages())('cinedex eval', () => {
  it(
    'reaches the baseline on the sample clips, and leaves a receipt of it',
    async () => {
      const report = path.join(folder, 'report');
      const { code, stderr } = await cinedex([
        ...[
          'eval',
          '--labels',
          LABELS,
          '--baseline',
          BASELINE,
          '--report',
          report,
          '--against',
          'fusion=score',
        ],
      ]);
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/All \d+ measures reach the baseline/);
      const { receipt, groups, comparison } = JSON.parse(
        readFileSync(path.join(report, 'result.json'), 'utf8'),
      );
      expect(receipt.dataset.checksum).toBe(JSON.parse(readFileSync(BASELINE, 'utf8')).dataset);
      expect(receipt).toMatchObject({ index: { videos: 4 }, config: { fusion: 'rrf' } });
      expect(comparison.significance.all.queries).toBe(receipt.dataset.queries);
      for (const group of ['all', 'en', 'zh']) {
        const { full, bm25, channels } = groups[group];
        const best = Math.max(
          bm25.ndcg10,
          ...Object.values<typeof bm25>(channels).map(({ ndcg10 }) => ndcg10),
        );
        expect(full.ndcg10, group).toBeGreaterThanOrEqual(best);
      }
      const page = readFileSync(path.join(report, 'report.html'), 'utf8');
      expect(page).toContain('<table>');
      expect(readFileSync(path.join(report, 'report.md'), 'utf8')).toContain('| plain BM25 |');
    },
    LONG,
  );

  it(
    'fails when searching is made worse',
    async () => {
      const worse = { CINEDEX_SEARCH_CUTOFF: '0.99' };
      const { code, stderr } = await cinedex(['eval', '--labels', LABELS, '--baseline', BASELINE], worse);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^QUALITY_REGRESSED: all\.answered was .* is /m);
    },
    LONG,
  );

  it(
    'refuses an index without a labelled video, other labels than the baseline’s, and unknown keys',
    async () => {
      const labels = JSON.parse(readFileSync(LABELS, 'utf8'));
      const other = path.join(folder, 'other.json');
      writeFileSync(other, JSON.stringify({ ...labels, name: 'other' }));
      const compared = await cinedex(['eval', '--labels', other, '--baseline', BASELINE]);
      expect([compared.code, compared.stderr]).toEqual([2, expect.stringContaining('USAGE: ')]);
      const lost = path.join(folder, 'lost.json');
      const query = { text: 'x', kind: 'x', language: 'en', relevant: { 'never-seen': 1 } };
      writeFileSync(lost, JSON.stringify({ name: 'lost', queries: [query] }));
      const incomplete = await cinedex(['eval', '--labels', lost]);
      expect([incomplete.code, incomplete.stderr]).toEqual([
        1,
        expect.stringMatching(/INDEX_INCOMPLETE: .*\n.*never-seen was never published/),
      ]);
      const unknown = await cinedex(['eval', '--labels', LABELS, '--against', 'fusoin=score']);
      expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no key fusoin')]);
    },
    LONG,
  );
});
