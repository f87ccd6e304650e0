import { afterAll, beforeAll } from 'vitest';
import { BullmqJobQueue } from '../../shared/adapters/bullmq-job-queue.ts';
import { openPgliteBackend } from '../../shared/adapters/embedded/pglite-bullmq.ts';
import type { JobQueue } from '../../shared/ports/job-queue.ts';
import { jobQueueContract } from './job-queue.contract.ts';
import { type Opened, openInFolder } from './waiting.ts';

const OPTIONS = { lockMs: 1_000, redeliverMs: 50, abortGraceMs: 200 };

// The database takes seconds to make, so the tests share one; each has a queue of its own name.
let shared: Opened<JobQueue>;
beforeAll(async () => {
  shared = await openInFolder(async (folder) => new BullmqJobQueue(await openPgliteBackend(folder), OPTIONS));
});
afterAll(() => shared.dispose());

jobQueueContract('BullMQ on PGlite', async () => ({
  store: shared.store,
  reopen: async () => {
    shared.store = await shared.reopen!();
    return shared.store;
  },
  dispose: async () => undefined,
}));
