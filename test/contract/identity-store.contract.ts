/** What every IdentityStore must do, whatever store is behind it. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exemplar, IdentityStore } from '../../shared/ports/identity-store.ts';
import type { Opened } from './waiting.ts';

let made = 0;
const descriptor = (first: number) => Float32Array.from({ length: 128 }, (_, i) => first + i / 128);

export function identityStoreContract(name: string, open: () => Promise<Opened<IdentityStore>>): void {
  describe(`IdentityStore: ${name}`, () => {
    let opened: Opened<IdentityStore>;
    let store: IdentityStore;
    let tenant: string;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      tenant = `t${process.pid}-${made++}`;
    });
    afterEach(() => opened.dispose());
    const person = (called: string | null) => store.create({ tenant, name: called, aliases: [] });
    const seen = (identityId: string, videoId: string, first = 0): Omit<Exemplar, 'id'> => ({
      identityId,
      descriptor: descriptor(first),
      origin: { kind: 'seen', videoId, cluster: 1 },
    });
    const enrolled = (identityId: string): Omit<Exemplar, 'id'> => ({
      identityId,
      descriptor: descriptor(9),
      origin: { kind: 'enrolled', picture: 'ann.jpg' },
    });
    const owners = async () => (await store.exemplars(tenant)).map(({ identityId }) => identityId);

    it('makes, finds and renames identities', async () => {
      const ann = await store.create({ tenant, name: 'Ann', aliases: ['安'] });
      expect(await store.get(ann.id)).toEqual(ann);
      expect(await store.findByName(tenant, 'Ann')).toEqual(ann);
      expect(await store.findByName(`${tenant}x`, 'Ann')).toBeUndefined();
      await store.rename(ann.id, "Ann O'Hara");
      expect(await store.findByName(tenant, 'Ann')).toBeUndefined();
      expect((await store.findByName(tenant, "Ann O'Hara"))?.id).toBe(ann.id);
      await expect(store.rename(randomUUID(), 'Nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('keeps exemplars to the last bit, and counts them', async () => {
      const ann = await person('Ann');
      const nobody = await person(null);
      const added = await store.addExemplars([enrolled(ann.id), seen(nobody.id, 'v1', 0.1)]);
      const back = await store.exemplars(tenant);
      const byId = (all: Exemplar[]) => [...all].sort((a, b) => a.id.localeCompare(b.id));
      expect(byId(back)).toEqual(byId(added));
      const list = await store.list(tenant);
      expect(list.map(({ id, exemplars }) => [id, exemplars])).toEqual([
        [ann.id, 1],
        [nobody.id, 1],
      ]);
      await expect(store.addExemplars([enrolled(ann.id), enrolled(randomUUID())])).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      expect(await store.exemplars(tenant)).toHaveLength(2);
    });

    it('merges: exemplars move, the old id leads to the new one, by several steps too', async () => {
      const [a, b, c] = [await person('Ann'), await person('Annie'), await person('Anna')];
      await store.addExemplars([seen(a.id, 'v1'), seen(b.id, 'v2'), seen(c.id, 'v3')]);
      await store.merge(a.id, b.id);
      await store.merge(b.id, c.id);
      expect((await store.get(a.id))?.id).toBe(c.id);
      expect(await owners()).toEqual([c.id, c.id, c.id]);
      expect((await store.list(tenant)).map(({ id }) => id)).toEqual([c.id]);
      expect([...(await store.get(c.id))!.aliases].sort()).toEqual(['Ann', 'Annie']);
      await store.merge(c.id, a.id);
      expect((await store.get(c.id))?.id).toBe(c.id);
      const [added] = await store.addExemplars([enrolled(a.id)]);
      expect(added?.identityId).toBe(c.id);
    });

    it('gives an unnamed person the name of the one merged into them', async () => {
      const [nobody, ann] = [await person(null), await person('Ann')];
      await store.merge(ann.id, nobody.id);
      expect((await store.findByName(tenant, 'Ann'))?.id).toBe(nobody.id);
    });

    it('splits the named exemplars off, all or none', async () => {
      const ann = await person('Ann');
      const [one, two] = await store.addExemplars([seen(ann.id, 'v1'), seen(ann.id, 'v2')]);
      await expect(store.split(ann.id, [one!.id, randomUUID()], 'Bea')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      expect(await store.findByName(tenant, 'Bea')).toBeUndefined();
      const bea = await store.split(ann.id, [two!.id], 'Bea');
      const kept = await store.exemplars(tenant);
      expect(kept.find(({ id }) => id === one!.id)?.identityId).toBe(ann.id);
      expect(kept.find(({ id }) => id === two!.id)?.identityId).toBe(bea.id);
    });

    it('removes an identity with its exemplars and whatever was merged into it', async () => {
      const [a, b] = [await person('Ann'), await person('Bea')];
      await store.addExemplars([enrolled(a.id), enrolled(b.id)]);
      await store.merge(a.id, b.id);
      await store.remove(b.id);
      await store.remove(b.id);
      expect(await store.get(a.id)).toBeUndefined();
      expect(await store.list(tenant)).toEqual([]);
      expect(await store.exemplars(tenant)).toEqual([]);
    });

    it('forgets what was seen in one video of one tenant, and nothing else', async () => {
      const ann = await person('Ann');
      const other = await store.create({ tenant: `${tenant}x`, name: 'Ann', aliases: [] });
      await store.addExemplars([
        seen(ann.id, 'v1'),
        seen(ann.id, 'v10'),
        enrolled(ann.id),
        seen(other.id, 'v1'),
      ]);
      await store.removeSeen(tenant, 'v1');
      expect((await store.exemplars(tenant)).map(({ origin }) => origin.kind).sort()).toEqual([
        'enrolled',
        'seen',
      ]);
      expect(await store.exemplars(`${tenant}x`)).toHaveLength(1);
      expect((await store.get(ann.id))?.name).toBe('Ann');
    });

    it('has everything after it was opened again', async (context) => {
      if (!opened.reopen) return context.skip();
      const ann = await person('Ann');
      await store.addExemplars([enrolled(ann.id)]);
      store = await opened.reopen();
      expect(await store.get(ann.id)).toEqual(ann);
      expect(await store.exemplars(tenant)).toHaveLength(1);
    });
  });
}
