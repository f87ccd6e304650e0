/** The command as a person meets it: its own samples, found again; then beside a running `up`. Real stages, real stores. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { canOpen, hasAllStages } from '../fixtures/stages.ts';
import { kafkaBrokers, qdrantUrl, redisUrl } from '../servers/index.ts';

const main = path.resolve(import.meta.dirname, '../../cli/main.ts');
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CINEDEX_')));
const LONG = 600_000;

/** Configuration of a mode; null where its servers are not there. */
const MODES: { mode: string; settings: Record<string, string> | null }[] = [
  { mode: 'embedded', settings: {} },
  { mode: 'cluster', settings: await clusterSettings() },
];

/** Topics, keys and collections of this run alone. Without a Qdrant the index is embedded: one process at a time has it. */
async function clusterSettings(): Promise<Record<string, string> | null> {
  const [brokers, redis, qdrant] = [kafkaBrokers(), await redisUrl(), await qdrantUrl()];
  if (!brokers || !redis) return null;
  const run = `e2e-${process.pid}-${Date.now().toString(36)}`;
  return {
    CINEDEX_MODE: 'cluster',
    CINEDEX_ARTIFACTS: 'folder',
    CINEDEX_KAFKA_BROKERS: brokers,
    CINEDEX_KAFKA_TOPIC_PREFIX: `${run}-`,
    CINEDEX_REDIS_URL: redis,
    CINEDEX_REDIS_PREFIX: run,
    ...(qdrant ? { CINEDEX_QDRANT_URL: qdrant, CINEDEX_QDRANT_PREFIX: run } : { CINEDEX_INDEX: 'embedded' }),
  };
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

interface Met {
  videos: { videoId: string; state: string }[];
  searches: { text: string; answer: { results: { video: string; moments: { atSec: number }[] }[] } }[];
}

describe.each(MODES)('in $mode mode', ({ settings }) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-command-'));
  const dataDir = path.join(folder, 'data');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function cinedex(...args: string[]): Promise<Ended> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [main, ...args, '--data-dir', dataDir],
        { env: { ...env, ...settings }, cwd: folder, maxBuffer: 1 << 24 },
        (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  }

  function jobs(): { stage: string; videoId: string; outcome: string }[] {
    return readFileSync(path.join(dataDir, 'cinedex.log'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'job');
  }

  describe.skipIf(settings === null || !canOpen)('the exit code', () => {
    it.each([
      ['0 for help', ['--help'], 0],
      ['2 for a verb that is none', ['serach', 'x'], 2],
      ['2 for a missing argument', ['search'], 2],
      ['2 for a wrong option', ['publish', 'x.mp4', '--source', 'tv'], 2],
      ['1 for a file that is not there', ['publish', 'nowhere.mp4'], 1],
    ])('is %s', async (_, args, code) => {
      const ended = await cinedex(...args);
      expect(ended.code).toBe(code);
      if (code > 0) expect(ended.stderr).toMatch(/^[A-Z_]+: .+\n {2}hint: .+\n$/);
      expect(ended.stderr).not.toContain('    at ');
    });
  });

  describe.skipIf(settings === null || !hasAllStages())('the first meeting', () => {
    it(
      'makes samples, indexes all of them, and finds what is shown in both languages',
      async () => {
        const { code, stdout, stderr } = await cinedex('start', '--json');
        expect(code, stderr).toBe(0);
        const met = JSON.parse(stdout) as Met;
        expect(met.videos).toHaveLength(4);
        for (const { videoId, state } of met.videos) expect(['indexed', 'partial'], videoId).toContain(state);
        const [english, chinese] = met.searches;
        expect(english!.answer.results[0]!.video).toBe('sample-harbour');
        expect(english!.answer.results[0]!.moments[0]!.atSec).toBeGreaterThan(3.5);
        expect(english!.answer.results[0]!.moments[0]!.atSec).toBeLessThan(5);
        expect(chinese!.answer.results[0]!.video).toBe('sample-kitchen');
      },
      LONG,
    );

    it(
      'does no work the second time',
      async () => {
        const before = jobs().length;
        expect(before).toBeGreaterThanOrEqual(4 * 5);
        const { code, stdout } = await cinedex('start', '--json');
        expect(code).toBe(0);
        expect((JSON.parse(stdout) as Met).searches[0]!.answer.results[0]!.video).toBe('sample-harbour');
        expect(jobs()).toHaveLength(before);
      },
      LONG,
    );
  });

  describe.skipIf(settings === null || !hasAllStages())('beside a running `up`', () => {
    it(
      'verbs go through it, and it ends on a signal without an error',
      async () => {
        const up = spawn(process.execPath, [main, 'up', '--json', '--data-dir', dataDir], {
          env: { ...env, ...settings },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        const exited = once(up, 'exit');
        let words = '';
        up.stderr.on('data', (chunk: Buffer) => {
          words += chunk;
        });
        try {
          const [ready] = await Promise.race([
            once(createInterface({ input: up.stdout }), 'line'),
            exited.then(() => Promise.reject(new Error(words))),
          ]);
          expect(JSON.parse(String(ready))).toMatchObject({ ready: true, dataDir });

          const second = await cinedex('up');
          expect(second.code).toBe(1);
          expect(second.stderr).toContain('DATA_LOCKED: ');

          const deleted = await cinedex('delete', 'sample-newyear');
          expect(deleted.code, deleted.stderr).toBe(0);
          const listed = await cinedex('status', '--json');
          const ids = (JSON.parse(listed.stdout) as { videoId: string }[]).map(({ videoId }) => videoId);
          expect(ids.sort()).toEqual(['sample-harbour', 'sample-kitchen', 'sample-solar']);
          const found = await cinedex('search', '新年快乐', '--json');
          const { results } = JSON.parse(found.stdout) as Met['searches'][0]['answer'];
          expect(results.map(({ video }) => video)).not.toContain('sample-newyear');
          const gone = await cinedex('delete', 'sample-newyear');
          expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('NOT_FOUND: ') });
        } finally {
          up.kill('SIGTERM');
        }
        const [code] = await exited;
        expect(code, words).toBe(0);
      },
      LONG,
    );
  });
});
