import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FolderArtifactStore } from '../../shared/adapters/embedded/folder-artifact-store.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import type { Ledger, StepStatus, VideoRecord } from '../../shared/ports/ledger.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import { digest } from '../../workers/runtime/bind.ts';
import { LEAST_AGE_MS, pruneArtifacts } from './index.ts';
import { Marks } from './marks.ts';

const DAY_MS = 86_400_000;

describe('pruning artifacts', () => {
  let root: string;
  let artifacts: FolderArtifactStore;
  let records: Map<string, Partial<VideoRecord>>;
  let generations: string[];

  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'cinedex-prune-'));
    artifacts = new FolderArtifactStore(root);
    records = new Map();
    generations = ['g1'];
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const key = (name: string) => digest(name);
  const ledger = {
    get: async ({ videoId }: { videoId: string }) => records.get(videoId),
  } as unknown as Ledger;
  const index = { generations: async () => generations } as unknown as VideoIndex;
  const prune = (dryRun = false) =>
    pruneArtifacts({ artifacts, ledger, index }, { olderThanMs: DAY_MS, dryRun });

  /** As the ledger has it: each stage by the name of its key. */
  function video(videoId: string, steps: Record<string, string>, more: Partial<VideoRecord> = {}): void {
    const status: StepStatus = 'done';
    const entered = Object.entries({ ...steps, document: 'its document' }).map(([stage, name]) => [
      stage,
      { status, key: key(name) },
    ]);
    records.set(videoId, { deleted: false, steps: Object.fromEntries(entered), ...more });
  }
  const age = (file: string, ms: number) => {
    const at = new Date(Date.now() - ms);
    utimesSync(path.join(root, file), at, at);
  };
  async function blob(words: string, ageMs = 2 * DAY_MS): Promise<BlobRef> {
    const ref = await artifacts.putBlob(Buffer.from(words), 'image/webp');
    age(`blobs/${ref.sha256.slice(0, 2)}/${ref.sha256}`, ageMs);
    return ref;
  }
  async function result(
    name: string,
    videoId: string,
    stage: string,
    refs: BlobRef[],
    ageMs = 2 * DAY_MS,
  ): Promise<void> {
    const about = { stage, version: 1, tenant: 'default', videoId, status: 'done', missing: [] };
    await artifacts.putManifest(key(name), { ...about, output: { deep: [{ refs }] } });
    age(`manifests/${key(name).slice(0, 2)}/${key(name)}.json`, ageMs);
  }
  const isThere = async ({ sha256 }: BlobRef) => {
    for await (const { name } of artifacts.list('blobs')) if (name === sha256) return true;
    return false;
  };
  const hasResult = async (name: string) => (await artifacts.getManifest(key(name))) !== undefined;

  it('removes what a deleted video left, but not what another one shares with it', async () => {
    const [own, shared] = [await blob('own'), await blob('shared')];
    video('a', {}, { deleted: true, steps: {} });
    await result('of a', 'a', 'frames', [own, shared]);
    video('b', { frames: 'of b' });
    await result('of b', 'b', 'frames', [shared]);
    const counted = await prune(true);
    expect(counted).toMatchObject({ manifests: { kept: 1, removed: 1 }, blobs: { kept: 1, removed: 1 } });
    expect([await isThere(own), await hasResult('of a')]).toEqual([true, true]);
    expect(await prune()).toEqual(counted);
    expect(counted.blobs.bytesRemoved).toBe(3);
    expect([await isThere(own), await hasResult('of a')]).toEqual([false, false]);
    expect([await isThere(shared), await hasResult('of b')]).toEqual([true, true]);
    expect(await prune()).toMatchObject({ manifests: { kept: 1, removed: 0 }, blobs: { removed: 0 } });
  });

  it('removes blobs that no result ever came to name, once they are old', async () => {
    const [old, young] = [await blob('old'), await blob('young', 3_600_000)];
    await prune();
    expect([await isThere(old), await isThere(young)]).toEqual([false, true]);
  });

  it('keeps a blob that was put again meanwhile, though it was old', async () => {
    const old = await blob('old');
    await artifacts.putBlob(Buffer.from('old'), 'image/webp');
    await prune();
    expect(await isThere(old)).toBe(true);
  });

  it('removes earlier results of a video that is indexed', async () => {
    const earlier = await blob('earlier');
    video('a', { frames: 'now' });
    await result('before', 'a', 'frames', [earlier]);
    await result('now', 'a', 'frames', []);
    await prune();
    expect([await hasResult('before'), await hasResult('now'), await isThere(earlier)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it.each<[string, () => void]>([
    ['works', () => video('a', { frames: 'now' }, { steps: { frames: { status: 'running' } } } as never)],
    ['failed', () => video('a', { frames: 'now' }, { steps: { document: { status: 'failed' } } } as never)],
    ['is not in the ledger', () => undefined],
    [
      'is in two generations of the index',
      () => {
        video('a', { frames: 'now' });
        generations.push('g2');
      },
    ],
  ])('keeps earlier results of a video that %s', async (_, set) => {
    const earlier = await blob('earlier');
    set();
    await result('before', 'a', 'frames', [earlier]);
    expect(await prune()).toMatchObject({ manifests: { removed: 0 }, earlierKept: generations.length > 1 });
    expect([await hasResult('before'), await isThere(earlier)]).toEqual([true, true]);
  });

  it('keeps what was made lately, what is none of the stages’, and what cannot be read', async () => {
    const kept = await blob('kept');
    video('a', {}, { deleted: true, steps: {} });
    await result('young', 'a', 'frames', [kept], 3_600_000);
    await artifacts.putManifest(key('a request'), { request: key('x'), done: true });
    age(`manifests/${key('a request').slice(0, 2)}/${key('a request')}.json`, 9 * DAY_MS);
    await result('spoiled', 'a', 'frames', []);
    const file = path.join(root, `manifests/${key('spoiled').slice(0, 2)}/${key('spoiled')}.json`);
    writeFileSync(file, '{"stage":');
    age(path.relative(root, file), 9 * DAY_MS);
    expect(await prune()).toMatchObject({
      manifests: { kept: 2, removed: 0 },
      blobs: { kept: 1 },
      unreadable: 1,
    });
  });

  it('puts back what becomes wanted at the moment it goes', async () => {
    const ref = await blob('a picture');
    video('a', { frames: 'now' });
    await result('before', 'a', 'frames', [ref]);
    const deleting = artifacts.deleteManifest.bind(artifacts);
    vi.spyOn(artifacts, 'deleteManifest').mockImplementation(async (name) => {
      video('a', { frames: 'before' });
      await deleting(name);
    });
    await prune();
    expect([await hasResult('before'), await isThere(ref)]).toEqual([true, true]);
  });

  it('refuses an age at which stages may still be at work, and stops when told to', async () => {
    const deps = { artifacts, ledger, index };
    for (const olderThanMs of [0, LEAST_AGE_MS - 1, Number.NaN])
      await expect(pruneArtifacts(deps, { olderThanMs, dryRun: false })).rejects.toMatchObject({
        code: 'USAGE',
      });
    await blob('any');
    const options = { signal: AbortSignal.abort() };
    await expect(pruneArtifacts(deps, { olderThanMs: DAY_MS, dryRun: false }, options)).rejects.toMatchObject(
      {
        code: 'ABORTED',
      },
    );
  });
});

it('marks never miss a name, and hardly ever take another for it', () => {
  const marks = new Marks();
  const names = Array.from({ length: 20_000 }, (_, i) => digest(i));
  for (const name of names) marks.add(name);
  expect(names.every((name) => marks.has(name))).toBe(true);
  expect(
    Array.from({ length: 20_000 }, (_, i) => digest(`other ${i}`)).filter((name) => marks.has(name)),
  ).toEqual([]);
});
