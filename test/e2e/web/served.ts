/** A real server with the sample clips that the real pipeline indexed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../../..');
const main = path.join(root, 'cli/main.ts');
/** Speech to text, where it has been pulled. */
const models = path.join(root, '.cinedex/models');

const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CINEDEX_'))),
  CINEDEX_QUERY_PORT: '0',
  CINEDEX_QUERY_RATE_PER_MINUTE: '10000',
  CINEDEX_LOG_LEVEL: 'warn',
  ...(existsSync(models) && { CINEDEX_MODELS_DIR: models }),
};

export interface ServedSamples {
  /** Where the page is, without a slash at the end. */
  base: string;
  stop(): Promise<void>;
}

export async function serveSamples(): Promise<ServedSamples> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-web-'));
  const dataDir = path.join(folder, 'data');
  const run = promisify(execFile);
  await run(process.execPath, [main, 'start', '--json', '--data-dir', dataDir], { env, maxBuffer: 1 << 24 });
  const up = ['up', '--query', '--json', '--data-dir', dataDir, '--root', path.join(dataDir, 'samples')];
  const server = spawn(process.execPath, [main, ...up], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [ready] = await Promise.race([
    once(createInterface({ input: server.stdout! }), 'line'),
    once(server, 'exit').then(() => Promise.reject(new Error('The server ended before it was ready.'))),
  ]);
  return {
    base: (JSON.parse(String(ready)) as { query: string }).query,
    async stop() {
      if (server.exitCode === null) {
        server.kill('SIGTERM');
        await once(server, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
