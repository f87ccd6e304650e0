/** What the contract suites share: folders that go away, and waiting for a condition instead of for a time. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a suite gets from an adapter. `reopen` closes the store and opens it again on the same data. */
export interface Opened<T> {
  store: T;
  reopen?: () => Promise<T>;
  dispose: () => Promise<void>;
}

/** A store in a folder of its own, which is removed at the end. */
export async function openInFolder<T extends { close(): Promise<void> }>(
  open: (folder: string) => Promise<T>,
): Promise<Opened<T>> {
  const folder = await scratchFolder();
  let store = await open(folder);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await open(folder);
      return store;
    },
    dispose: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function scratchFolder(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), 'cinedex-contract-'));
}

/** Resolves when `condition` gives something truthy; fails, naming `what`, after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await sleep(5);
  }
}

/** Resolves once the clock shows a later millisecond than `timestamp`. */
export async function laterThan(timestamp: number): Promise<void> {
  await eventually('the clock moves on', () => Date.now() > timestamp);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
