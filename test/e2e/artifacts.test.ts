/** Old artifacts go by the command: real stores, the command as its own process. */
import { execFile } from 'node:child_process';
import { readdirSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { openPipeline, pipelineStages, temporaryFolder, upload } from '../fixtures/pipeline.ts';
import { canOpen } from '../fixtures/stages.ts';

const main = path.resolve(import.meta.dirname, '../../cli/main.ts');
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CINEDEX_')));
const { folder, remove } = temporaryFolder();
afterEach(remove);

async function prune(...args: string[]): Promise<unknown> {
  const all = [main, 'artifacts', 'prune', ...args, '--json', '--data-dir', folder];
  const { stdout } = await promisify(execFile)(process.execPath, all, { env });
  return JSON.parse(stdout);
}

describe.skipIf(!canOpen)('cinedex artifacts prune', () => {
  it('removes what is old and nobody’s, and leaves what the videos have', async () => {
    const app = await openPipeline(folder, pipelineStages());
    await app.start();
    await app.publish([upload('v1'), upload('v2')]);
    await app.settled();
    const orphan = await app.stores.artifacts.putBlob(Buffer.from('of no result'), 'image/webp');
    const keys = Object.values((await app.status({ tenant: 'default', videoId: 'v1' }))!.steps).map(
      ({ key }) => key,
    );
    await app.stop();
    const stored = path.join(folder, 'artifacts');
    const at = new Date(Date.now() - 86_400_000);
    for (const name of readdirSync(stored, { recursive: true }) as string[])
      utimesSync(path.join(stored, name), at, at);

    await expect(prune('--older-than', '5h')).rejects.toMatchObject({ code: 2 });
    await expect(prune('--older-than', 'soon')).rejects.toMatchObject({ code: 2 });
    expect(await prune()).toMatchObject({ blobs: { removed: 0 } });
    expect(await prune('--older-than', '6h', '--dry-run')).toMatchObject({ blobs: { removed: 1 } });
    expect(await prune('--older-than', '6h')).toMatchObject({
      manifests: { removed: 0 },
      blobs: { removed: 1, bytesRemoved: orphan.bytes },
    });

    const again = await openPipeline(folder, pipelineStages());
    for (const key of keys) expect(await again.stores.artifacts.getManifest(key)).toBeDefined();
    await expect(again.stores.artifacts.getBlob(orphan)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
    await again.stop();
  }, 240_000);
});
