/** Everything a process needs to keep, below one folder that it owns. Nothing to install, nothing to start. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Stores } from '../../ports/stores.ts';
import { BullmqJobQueue, type BullmqOptions } from '../bullmq-job-queue.ts';
import { ProcessRevisions, revised } from '../revised-index.ts';
import { openDataFolder } from './data-folder.ts';
import { FolderArtifactStore } from './folder-artifact-store.ts';
import { type LanceOptions, LanceVideoIndex } from './lance-video-index.ts';
import { openPgliteBackend } from './pglite-bullmq.ts';
import { SqliteEventBus } from './sqlite-event-bus.ts';
import { SqliteIdentityStore } from './sqlite-identity-store.ts';
import { SqliteLedger } from './sqlite-ledger.ts';

export interface EmbeddedOptions {
  queue?: BullmqOptions;
  index?: LanceOptions;
}

/** @throws CinedexError DATA_LOCKED when another process owns the folder */
export async function openEmbedded(dataDir: string, options: EmbeddedOptions = {}): Promise<Stores> {
  const folder = openDataFolder(dataDir);
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(store: T): T => {
    opened.push(store);
    return store;
  };
  const close = async () => {
    const closed = await Promise.allSettled(opened.splice(0).map((store) => store.close()));
    folder.release();
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  };
  try {
    const at = (...parts: string[]) => path.join(dataDir, ...parts);
    mkdirSync(at('queue'), { recursive: true });
    const bus = keep(new SqliteEventBus(at('events.db')));
    const ledger = keep(new SqliteLedger(at('ledger.db')));
    const identities = keep(new SqliteIdentityStore(at('identities.db')));
    const artifacts = keep(new FolderArtifactStore(at('artifacts')));
    const index = keep(
      revised(await LanceVideoIndex.open(at('index'), options.index), new ProcessRevisions()),
    );
    const queue = keep(new BullmqJobQueue(await openPgliteBackend(at('queue')), options.queue));
    return { bus, queue, ledger, artifacts, identities, index, close };
  } catch (error) {
    await close();
    throw error;
  }
}
