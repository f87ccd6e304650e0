/** What every ArtifactStore must do, whatever store is behind it. */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ArtifactStore, StoredObject } from '../../shared/ports/artifact-store.ts';
import type { Opened } from './waiting.ts';

/** A key as stages have them. */
const key = () => randomBytes(32).toString('hex');

export function artifactStoreContract(name: string, open: () => Promise<Opened<ArtifactStore>>): void {
  describe(`ArtifactStore: ${name}`, () => {
    let opened: Opened<ArtifactStore>;
    let artifacts: ArtifactStore;
    beforeEach(async () => {
      opened = await open();
      artifacts = opened.store;
    });
    afterEach(() => opened.dispose());
    const listed = async (what: 'blobs' | 'manifests') => {
      const all = new Map<string, StoredObject>();
      for await (const each of artifacts.list(what)) all.set(each.name, each);
      return all;
    };

    it('gives every blob back as it was, named by its content', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
          const ref = await artifacts.putBlob(bytes, 'image/webp');
          expect(ref).toEqual({
            sha256: createHash('sha256').update(bytes).digest('hex'),
            bytes: bytes.length,
            mediaType: 'image/webp',
          });
          expect(Buffer.compare(await artifacts.getBlob(ref), bytes)).toBe(0);
        }),
        { numRuns: 20 },
      );
    });

    it('takes a file as it takes its bytes', async () => {
      const bytes = Buffer.alloc(300_000, 'strip');
      const file = path.join(os.tmpdir(), `cinedex-artifact-${process.pid}`);
      writeFileSync(file, bytes);
      try {
        const ref = await artifacts.putFile(file, 'image/jpeg');
        expect(ref).toEqual(await artifacts.putBlob(bytes, 'image/jpeg'));
        expect(Buffer.compare(await artifacts.getBlob(ref), bytes)).toBe(0);
      } finally {
        rmSync(file);
      }
    });

    it('stores the same bytes from many at once', async () => {
      const bytes = randomBytes(100_000);
      const refs = await Promise.all(
        Array.from({ length: 10 }, () => artifacts.putBlob(bytes, 'image/webp')),
      );
      expect(new Set(refs.map(({ sha256 }) => sha256)).size).toBe(1);
      expect((await artifacts.getBlob(refs[0]!)).equals(bytes)).toBe(true);
    });

    it('takes a view of a larger buffer', async () => {
      const whole = randomBytes(64);
      const ref = await artifacts.putBlob(new Uint8Array(whole.buffer, whole.byteOffset + 8, 16), 'a/b');
      expect((await artifacts.getBlob(ref)).equals(whole.subarray(8, 24))).toBe(true);
    });

    it('reads ranges, and streams', async () => {
      const bytes = randomBytes(300_000);
      const ref = await artifacts.putBlob(bytes, 'application/octet-stream');
      for (const [offset, length] of [
        [0, 1],
        [299_999, 1],
        [100, 150_000],
        [0, 300_000],
        [5, 0],
      ] as const) {
        const part = await artifacts.getRange(ref, offset, length);
        expect(part.equals(bytes.subarray(offset, offset + length))).toBe(true);
      }
      await expect(artifacts.getRange(ref, 299_999, 2)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      const chunks: Buffer[] = [];
      for await (const chunk of await artifacts.openBlob(ref)) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    });

    it('says that a blob is not there', async () => {
      const ref = { sha256: key(), bytes: 3, mediaType: 'a/b' };
      await expect(artifacts.getBlob(ref)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
      await expect(artifacts.getRange(ref, 0, 1)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
      await expect(artifacts.openBlob(ref)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
    });

    it('writes, replaces and deletes manifests', async () => {
      const name = key();
      expect(await artifacts.getManifest(name)).toBeUndefined();
      await artifacts.putManifest(name, { stage: 'ocr', lines: ['一', 'two'], long: 'x'.repeat(50_000) });
      await artifacts.putManifest(name, { stage: 'ocr', lines: [] });
      expect(await artifacts.getManifest(name)).toEqual({ stage: 'ocr', lines: [] });
      await artifacts.deleteManifest(name);
      await artifacts.deleteManifest(name);
      expect(await artifacts.getManifest(name)).toBeUndefined();
    });

    it('never shows half a manifest while it is written again and again', async () => {
      const name = key();
      await artifacts.putManifest(name, { n: -1, fill: '' });
      const writing = (async () => {
        for (let n = 0; n < 20; n++) await artifacts.putManifest(name, { n, fill: `${n}`.repeat(20_000) });
      })();
      let over = false;
      void writing.finally(() => {
        over = true;
      });
      while (!over) {
        const { n, fill } = (await artifacts.getManifest(name)) as { n: number; fill: string };
        if (n >= 0) expect(fill).toBe(`${n}`.repeat(20_000));
      }
      await writing;
    });

    it('lists what lies in it, and when it was put', async () => {
      const [name, bytes] = [key(), randomBytes(2_000)];
      const before = Date.now();
      const ref = await artifacts.putBlob(bytes, 'image/webp');
      await artifacts.putManifest(name, { ref });
      const blob = (await listed('blobs')).get(ref.sha256)!;
      expect(blob.bytes).toBe(2_000);
      // Stores keep whole seconds, by their own clock.
      expect(Math.abs(blob.putAt - before)).toBeLessThan(10_000);
      const manifests = await listed('manifests');
      expect(manifests.get(name)?.bytes).toBeGreaterThan(64);
      expect(manifests.has(ref.sha256)).toBe(false);
      await artifacts.deleteManifest(name);
      expect((await listed('manifests')).has(name)).toBe(false);
    });

    it('lists more than comes in one answer of a server', async () => {
      const names = Array.from({ length: 1_100 }, key);
      for (let from = 0; from < names.length; from += 100)
        await Promise.all(names.slice(from, from + 100).map((name) => artifacts.putManifest(name, {})));
      const found = await listed('manifests');
      expect(names.filter((name) => !found.has(name))).toEqual([]);
    });

    it('removes blobs that were not put since', async () => {
      const ref = await artifacts.putBlob(randomBytes(100), 'image/webp');
      const { putAt } = (await listed('blobs')).get(ref.sha256)!;
      expect(await artifacts.deleteBlob(ref.sha256, putAt)).toBe(false);
      expect((await artifacts.getBlob(ref)).length).toBe(100);
      expect(await artifacts.deleteBlob(ref.sha256, putAt + 1_000)).toBe(true);
      await expect(artifacts.getBlob(ref)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
      expect(await artifacts.deleteBlob(ref.sha256, putAt + 1_000)).toBe(false);
    });

    it('has everything after it was opened again', async (context) => {
      if (!opened.reopen) return context.skip();
      const name = key();
      const ref = await artifacts.putBlob(Buffer.from('kept'), 'text/plain');
      await artifacts.putManifest(name, { ref });
      artifacts = await opened.reopen();
      expect(await artifacts.getManifest(name)).toEqual({ ref });
      expect(String(await artifacts.getBlob(ref))).toBe('kept');
    });
  });
}
