/** The embedded stores against `kill -9`: nothing that was acknowledged is lost, and the folder opens again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataFolder } from '../../shared/adapters/embedded/data-folder.ts';
import { openEmbedded } from '../../shared/adapters/embedded/index.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';
import type { Stores } from '../../shared/ports/stores.ts';
import { collect, eventually, scratchFolder } from './waiting.ts';

const CHILD = path.join(import.meta.dirname, 'embedded-child.ts');

let folder: string;
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = await scratchFolder();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Starts the child; `lines` grows with what it acknowledges. */
function start(first: string): { lines: string[]; killed: () => Promise<void> } {
  const process_ = spawn(process.execPath, [CHILD, folder, first], { stdio: ['ignore', 'pipe', 'inherit'] });
  child = process_;
  const lines: string[] = [];
  const reader = createInterface({ input: process_.stdout! });
  reader.on('line', (line) => lines.push(line));
  return {
    lines,
    killed: async () => {
      const closed = once(reader, 'close');
      const exited = once(process_, 'exit');
      process_.kill('SIGKILL');
      await Promise.all([exited, closed]);
    },
  };
}

describe('the embedded stores', () => {
  it('lose nothing that was acknowledged, over two kills', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 2; round++) {
      const { lines, killed } = start(String(round * 1_000));
      const target = 60 + round * 37;
      await eventually('the child has written much', () => lines.length > target, 120_000);
      await killed();
      acknowledged.push(...lines);
    }
    const ids = (what: string) =>
      acknowledged.filter((line) => line.startsWith(`${what} `)).map((line) => Number(line.split(' ')[1]));
    const stores = await openEmbedded(folder);
    try {
      await checkAll(stores, ids);
    } finally {
      await stores.close();
    }
  }, 300_000);

  it('belong to one process; the second is told whose they are, and the system frees them after a kill', async () => {
    const { lines, killed } = start('hold');
    await eventually('the child has the folder', () => lines.includes('held'));
    expect(() => openDataFolder(folder)).toThrow(
      expect.objectContaining({ code: 'DATA_LOCKED', message: expect.stringContaining(String(child!.pid)) }),
    );
    await expect(openEmbedded(folder)).rejects.toMatchObject({ code: 'DATA_LOCKED' });
    await killed();
    const mine = openDataFolder(folder);
    expect(() => openDataFolder(folder)).toThrow(expect.objectContaining({ code: 'DATA_LOCKED' }));
    mine.release();
    openDataFolder(folder).release();
  });
});

async function checkAll(stores: Stores, ids: (what: string) => number[]): Promise<void> {
  const { bus, queue, ledger, artifacts, identities, index } = stores;
  const events = new Set((await collect(bus.read('topic'))).map(({ value }) => Number(value)));
  expect(ids('event').filter((id) => !events.has(id))).toEqual([]);
  for (const { partition, start: first, end } of await bus.offsets('topic')) {
    const read = await collect(bus.read('topic', { partition }));
    expect(read.map(({ offset }) => Number(offset))).toEqual(
      Array.from({ length: Number(end) - Number(first) }, (_, i) => i),
    );
  }
  for (const id of ids('record')) {
    expect(await ledger.get({ tenant: 't', videoId: `v${id}` })).toMatchObject({ revision: id });
  }
  for (const id of ids('artifact')) {
    const { blob } = (await artifacts.getManifest(`key${id}`)) as { blob: BlobRef };
    expect(String(await artifacts.getBlob(blob))).toBe(`blob ${id}`);
  }
  const people = new Set((await identities.exemplars('t')).map(({ descriptor }) => descriptor[0]));
  expect(ids('person').filter((id) => !people.has(id))).toEqual([]);
  expect(await index.active()).toBe('g');
  const [points] = await index.query('g', 'videos', [{ kind: 'scan', limit: 10_000 }]);
  const found = points!.map(({ payload }) => payload.n);
  expect(ids('point').filter((id) => !found.includes(id))).toEqual([]);
  expect(new Set(found).size).toBe(found.length);
  const last = ids('point').at(-1)!;
  const [hits] = await index.query('g', 'videos', [
    { kind: 'lexical', field: 'title', tokens: [`n${last}`], limit: 2 },
  ]);
  expect(hits!.map(({ id }) => id)).toEqual([`point-${last}`]);
  await index.optimize('g');
  const ran = new Set(ids('ran'));
  await queue.process<number>('work', {
    concurrency: 4,
    handler: async ({ data }) => {
      ran.add(data);
      return { kind: 'done' };
    },
  });
  await eventually('every acknowledged job has run', () => ids('job').every((id) => ran.has(id)));
}
