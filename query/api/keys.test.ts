import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createKey, KeyRing, listKeys, revokeKey } from './keys.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const freshFile = () => path.join(folder, 'new', `${files++}.json`);
const wanted = { tenant: 'film', scopes: ['search' as const], name: 'page' };

describe('API keys', () => {
  it('are found by themselves, and stored as hashes that only their owner may read', async () => {
    const file = freshFile();
    const { key, record } = await createKey(file, wanted);
    expect(key).toMatch(/^cdx_[0-9a-f]{12}_[\w-]{43}$/);
    expect(await new KeyRing(file).find(key)).toEqual(record);
    expect(await readFile(file, 'utf8')).not.toContain(key.slice(-43));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('are not found with anything else', async () => {
    const file = freshFile();
    const { key, record } = await createKey(file, wanted);
    const ring = new KeyRing(file);
    const other = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    for (const wrong of [other, record.sha256, record.id, `cdx_${record.id}_`, `${key}\n`, '', 'cdx__']) {
      expect(await ring.find(wrong), wrong).toBeNull();
    }
  });

  it('are known at once when they are made, and refused at once when they are revoked', async () => {
    const file = freshFile();
    const ring = new KeyRing(file);
    expect(await ring.isAbsent()).toBe(true);
    const first = await createKey(file, wanted);
    const second = await createKey(file, { ...wanted, tenant: 'news' });
    expect(await ring.isAbsent()).toBe(false);
    expect(await ring.find(first.key)).toMatchObject({ tenant: 'film' });
    await revokeKey(file, first.record.id);
    expect(await ring.find(first.key)).toBeNull();
    expect(await ring.find(second.key)).toMatchObject({ tenant: 'news' });
    expect((await listKeys(file)).map(({ revokedAt }) => revokedAt === null)).toEqual([false, true]);
    await expect(revokeKey(file, 'nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('are not lost when two people make some at once: one of them is told to try again', async () => {
    const file = freshFile();
    const made = await Promise.allSettled([1, 2, 3].map(() => createKey(file, wanted)));
    const done = made.filter(({ status }) => status === 'fulfilled');
    expect(done.length).toBeGreaterThan(0);
    expect(await listKeys(file)).toHaveLength(done.length);
    for (const each of made)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'DATA_LOCKED' });
  });

  it('can be changed again after a change that was cut short', async () => {
    const file = freshFile();
    await createKey(file, wanted);
    writeFileSync(`${file}.next`, '');
    await expect(createKey(file, wanted)).rejects.toMatchObject({ code: 'DATA_LOCKED' });
    const longAgo = new Date(Date.now() - 120_000);
    utimesSync(`${file}.next`, longAgo, longAgo);
    await createKey(file, wanted);
    expect(await listKeys(file)).toHaveLength(2);
  });

  it('let nobody in when their file is lost or spoiled', async () => {
    const file = freshFile();
    const { key } = await createKey(file, wanted);
    const ring = new KeyRing(file);
    expect(await ring.find(key)).not.toBeNull();
    await rm(file);
    expect(await ring.isAbsent()).toBe(false);
    expect(await ring.find(key)).toBeNull();
    writeFileSync(file, '{"version":1,"keys":[{"id":"x"}]}');
    await expect(ring.find(key)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
