import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Session } from '@lancedb/lancedb';
import { afterEach, expect, it, vi } from 'vitest';
import { LanceVideoIndex } from './lance-video-index.ts';

const sessions = vi.hoisted((): Session[] => []);
vi.mock('@lancedb/lancedb', async (original) => {
  const lancedb = await original<typeof import('@lancedb/lancedb')>();
  class Seen extends lancedb.Session {
    constructor(indexCacheBytes: bigint, metadataCacheBytes: bigint) {
      super(indexCacheBytes, metadataCacheBytes);
      sessions.push(this);
    }
  }
  return { ...lancedb, Session: Seen };
});

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-lance-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('keeps what it reads in caches with limits, not in those of LanceDB that have none', async () => {
  const index = await LanceVideoIndex.open(folder);
  await index.ensureGeneration('g', [
    { name: 'videos', vectors: {}, lexical: [], filterable: { tenant: 'keyword' } },
  ]);
  expect(sessions).toHaveLength(1);
  const session = sessions[0]!;
  const empty = new Session(1n, 1n).sizeBytes();
  await index.upsert('g', 'videos', [
    { id: crypto.randomUUID(), vectors: {}, lexical: {}, payload: { tenant: 't' } },
  ]);
  expect(await index.count('g', 'videos')).toBe(1);
  await vi.waitFor(() => expect(session.sizeBytes()).toBeGreaterThan(empty));
  await index.close();
});
