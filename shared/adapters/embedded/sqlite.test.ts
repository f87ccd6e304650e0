import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SqliteStore } from './sqlite.ts';

describe('SqliteStore', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-sqlite-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const open = (name: string) =>
    new SqliteStore(path.join(folder, name), 'create table if not exists kept (word text)');
  const words = (store: SqliteStore) =>
    store
      .sql('select word from kept')
      .all()
      .map(({ word }) => word);

  it('undoes work that throws alone, and keeps the rest of the commit', async () => {
    const store = open('undone.db');
    const put = (word: string) => store.sql('insert into kept values (?)').run(word);
    const settled = await Promise.allSettled([
      store.write(() => put('first')),
      store.write(() => {
        put('second');
        throw new Error('no');
      }),
      store.write(() => put('third')),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(words(store)).toEqual(['first', 'third']);
    store.close();
  });

  it('commits what waits when it is closed, and refuses what comes later without ending the process', async () => {
    const store = open('closed.db');
    const waiting = store.write(() => store.sql('insert into kept values (?)').run('waited'));
    store.close();
    await waiting;
    await expect(store.write(() => 1)).rejects.toMatchObject({ code: 'ABORTED' });
    const again = open('closed.db');
    expect(words(again)).toEqual(['waited']);
    again.close();
  });

  it('rejects work during which the store is closed', async () => {
    const store = open('during.db');
    await expect(store.write(() => store.database.close())).rejects.toThrow();
  });
});
