/** The ledger is lost, and the command makes it again: real stores, the command as its own process. */
import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { openPipeline, pipelineStages, temporaryFolder, upload } from '../fixtures/pipeline.ts';
import { canOpen } from '../fixtures/stages.ts';

const main = path.resolve(import.meta.dirname, '../../cli/main.ts');
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CINEDEX_')));
const { folder, remove } = temporaryFolder();
afterEach(remove);

async function cinedex(...args: string[]): Promise<unknown> {
  const all = [main, ...args, '--json', '--data-dir', folder];
  const { stdout } = await promisify(execFile)(process.execPath, all, { env });
  return JSON.parse(stdout);
}

describe.skipIf(!canOpen)('cinedex ledger rebuild', () => {
  it('enters every video again', async () => {
    const app = await openPipeline(folder, pipelineStages());
    await app.start();
    await app.publish([upload('v1'), upload('v2')]);
    await app.settled();
    await app.stop();
    const lost = readdirSync(folder).filter((name) => name.startsWith('ledger.db'));
    expect(lost).toContain('ledger.db');
    for (const name of lost) rmSync(path.join(folder, name));
    const ids = async () =>
      ((await cinedex('status')) as { videoId: string }[]).map(({ videoId }) => videoId).sort();
    expect(await cinedex('ledger', 'rebuild')).toMatchObject({ videos: 2, refused: 0 });
    expect(await ids()).toEqual(['v1', 'v2']);
  }, 240_000);
});
