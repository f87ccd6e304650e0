/** What every Ledger must do, whatever store is behind it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VideoRef } from '../../shared/contracts/common.ts';
import { type Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import type { Opened } from './waiting.ts';

let made = 0;

export function videoRecord(ref: VideoRef, over: Partial<VideoRecord> = {}): VideoRecord {
  return VideoRecord.parse({
    ...ref,
    revision: 1,
    source: 'ugc',
    lane: 'ugc',
    media: { uri: 'file:///media/a.mp4' },
    contentHash: 'c'.repeat(64),
    metadata: { title: 'A title' },
    galleryRevision: 0,
    deleted: false,
    steps: {},
    appliedEvents: [],
    createdAt: 1,
    updatedAt: 1,
    checkAt: null,
    ...over,
  });
}

export function ledgerContract(name: string, open: () => Promise<Opened<Ledger>>): void {
  describe(`Ledger: ${name}`, () => {
    let opened: Opened<Ledger>;
    let ledger: Ledger;
    let tenant: string;
    beforeEach(async () => {
      opened = await open();
      ledger = opened.store;
      tenant = `t${process.pid}-${made++}`;
    });
    afterEach(() => opened.dispose());
    const ref = (videoId: string): VideoRef => ({ tenant, videoId });
    const put = (videoId: string, over: Partial<VideoRecord> = {}) =>
      ledger.update(ref(videoId), () => videoRecord(ref(videoId), over));

    it('makes, reads and changes a record', async () => {
      expect(await ledger.get(ref('a'))).toBeUndefined();
      expect(await ledger.update(ref('a'), () => undefined)).toBeUndefined();
      const steps: VideoRecord['steps'] = {
        ocr: {
          status: 'running',
          key: 'k',
          epoch: 2,
          attempts: 1,
          since: 5,
          lease: { owner: 'o', until: 9 },
          error: { code: 'STAGE_BUG', message: 'Über 中文', hint: '', retryable: true },
        },
      };
      const written = await put('a', { steps, appliedEvents: ['e1'] });
      expect(await ledger.get(ref('a'))).toEqual(written);
      expect(written?.steps).toEqual(steps);
      const changed = await ledger.update(ref('a'), (current) => ({ ...current!, revision: 2, steps: {} }));
      expect(changed).toMatchObject({ revision: 2, steps: {} });
      expect(await ledger.get(ref('a'))).toEqual(changed);
    });

    it('leaves a record as it is when the change returns nothing or throws', async () => {
      const before = await put('a');
      const same = await ledger.update(ref('a'), (current) => {
        current!.revision = 77;
        return undefined;
      });
      expect(same).toEqual(before);
      const fails = ledger.update(ref('a'), (current) => {
        current!.revision = 78;
        throw new Error('no');
      });
      await expect(fails).rejects.toThrow('no');
      expect(await ledger.get(ref('a'))).toEqual(before);
    });

    it('loses no update of many at once', async () => {
      await put('a', { revision: 0 });
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          ledger.update(ref('a'), (current) => ({
            ...current!,
            revision: current!.revision + 1,
            appliedEvents: [...current!.appliedEvents, `e${i}`],
          })),
        ),
      );
      const after = await ledger.get(ref('a'));
      expect(after?.revision).toBe(100);
      expect(new Set(after?.appliedEvents).size).toBe(100);
    });

    it('pages through a tenant in order of key, each record once', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_.:é视-]{1,12}$/u), { minLength: 1, maxLength: 25 }),
          fc.integer({ min: 1, max: 7 }),
          async (ids, limit) => {
            tenant = `t${process.pid}-${made++}`;
            await Promise.all(ids.map((id) => put(id)));
            const seen: string[] = [];
            let cursor: string | null | undefined;
            do {
              const page = await ledger.list({ tenant, limit, ...(cursor && { cursor }) });
              expect(page.records.length).toBeLessThanOrEqual(limit);
              seen.push(...page.records.map(({ videoId }) => videoId));
              cursor = page.cursor;
            } while (cursor !== null);
            expect([...seen].sort()).toEqual([...ids].sort());
          },
        ),
        { numRuns: 15 },
      );
    });

    it('keeps tenants apart, of which one begins like the other', async () => {
      await put('a');
      const other = { tenant: `${tenant}x`, videoId: 'a' };
      await ledger.update(other, () => videoRecord(other, { revision: 9 }));
      expect((await ledger.list({ tenant })).records.map(({ revision }) => revision)).toEqual([1]);
      expect((await ledger.get(other))?.revision).toBe(9);
    });

    it('names the overdue videos, the longest overdue first', async () => {
      // Far in the past, so that nothing else in a shared store comes before them.
      const base = -1_000_000_000 - made * 1_000;
      await put('c', { checkAt: base + 30 });
      await put('a', { checkAt: base + 10 });
      await put('settled', { checkAt: null });
      await put('b', { checkAt: base + 20 });
      const due = async (now: number, limit = 10) =>
        (await ledger.due(now, limit)).filter((one) => one.tenant === tenant).map(({ videoId }) => videoId);
      expect(await due(base + 20)).toEqual(['a', 'b']);
      expect(await due(base + 50)).toEqual(['a', 'b', 'c']);
      expect(await ledger.due(base + 50, 1)).toHaveLength(1);
      await ledger.update(ref('a'), (current) => ({ ...current!, checkAt: null }));
      expect(await due(base + 50)).toEqual(['b', 'c']);
      for (const id of ['b', 'c']) await put(id, { checkAt: null });
    });

    it('has everything after it was opened again', async (context) => {
      if (!opened.reopen) return context.skip();
      const written = await put('a', { checkAt: 5 });
      ledger = await opened.reopen();
      expect(await ledger.get(ref('a'))).toEqual(written);
      expect(await ledger.due(5, 10)).toEqual([ref('a')]);
    });
  });
}
