import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const BARE = `
  const { PGlite } = await import('@electric-sql/pglite');
  const database = await PGlite.create();
  for (let i = 0; i < 30; i++) await database.query('select $1::int + 1', [i]);
  await database.close();`;

const POOL = `
  const { PglitePool } = await import('./shared/adapters/embedded/pglite-pool.ts');
  const pool = await PglitePool.open('memory://');
  for (let i = 0; i < 30; i++) await pool.query('select $1::int + 1', [i]);
  await pool.end();`;

const THREAD = `
  const { ThreadClient } = await import('./shared/threads/client.ts');
  const client = new ThreadClient(new URL('shared/threads/echo.fixture.ts', 'file://' + process.cwd() + '/'));
  await client.call('echo', [1]);
  await client.close();`;

/** Node compiles a little for itself, before any line of ours runs. */
const BEFORE = 5;

/** How often V8 collects compiled code in a process that does this, where it does so at every opportunity. */
async function collections(script: string): Promise<number> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--stress-wasm-code-gc', '--trace-wasm-code-gc', '--no-warnings', '-e', script],
    { cwd: new URL('..', import.meta.url), maxBuffer: 2 ** 26 },
  );
  return stdout.split('Triggering GC').length - 1;
}

describe('compiled WebAssembly', { timeout: 60_000 }, () => {
  it('is collected by V8 where nobody forbids it', async () => {
    expect(await collections(BARE)).toBeGreaterThan(10 * BEFORE);
  });

  it('is kept once the embedded queue is open', async () => {
    expect(await collections(POOL)).toBeLessThanOrEqual(BEFORE);
  });

  it('is kept once a thread was started', async () => {
    expect(await collections(`${THREAD}${BARE}`)).toBeLessThanOrEqual(BEFORE);
  });
});
