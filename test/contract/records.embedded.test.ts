import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FolderArtifactStore } from '../../shared/adapters/embedded/folder-artifact-store.ts';
import { SqliteIdentityStore } from '../../shared/adapters/embedded/sqlite-identity-store.ts';
import { SqliteLedger } from '../../shared/adapters/embedded/sqlite-ledger.ts';
import { artifactStoreContract } from './artifact-store.contract.ts';
import { identityStoreContract } from './identity-store.contract.ts';
import { ledgerContract } from './ledger.contract.ts';
import { openInFolder } from './waiting.ts';

ledgerContract('SQLite', () => openInFolder(async (folder) => new SqliteLedger(path.join(folder, 'l.db'))));
identityStoreContract('SQLite', () =>
  openInFolder(async (folder) => new SqliteIdentityStore(path.join(folder, 'i.db'))),
);
artifactStoreContract('folder', () => openInFolder(async (folder) => new FolderArtifactStore(folder)));

describe('FolderArtifactStore', () => {
  it('notices bytes that were changed or cut off on the disk, and mends them when they are put again', async () => {
    let root = '';
    const { store, dispose } = await openInFolder(async (folder) => {
      root = folder;
      return new FolderArtifactStore(folder);
    });
    const bytes = Buffer.from('a picture');
    const ref = await store.putBlob(bytes, 'image/webp');
    const file = path.join(root, 'blobs', ref.sha256.slice(0, 2), ref.sha256);
    expect((await readFile(file)).equals(bytes)).toBe(true);
    await writeFile(file, 'b picture');
    await expect(store.getBlob(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await store.putBlob(bytes, 'image/webp');
    expect((await store.getBlob(ref)).equals(bytes)).toBe(true);
    await writeFile(file, 'a pic');
    await expect(store.getBlob(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await dispose();
  });

  it('reports a manifest that is no JSON, keeps outside names out, and leaves no temporary files', async () => {
    let root = '';
    const { store, dispose } = await openInFolder(async (folder) => {
      root = folder;
      return new FolderArtifactStore(folder);
    });
    await store.putManifest('abc123', { fine: true });
    const folder = path.join(root, 'manifests', 'ab');
    expect(await readdir(folder)).toEqual(['abc123.json']);
    await writeFile(path.join(folder, 'abc123.json'), '{"fine":');
    await expect(store.getManifest('abc123')).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await expect(store.getManifest('../../etc/passwd')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(store.getBlob({ sha256: '../x', bytes: 1, mediaType: '' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await dispose();
  });
});
