/** One adapter of every port that keeps something: what a process works on. */
import type { ArtifactStore } from './artifact-store.ts';
import type { EventBus } from './event-bus.ts';
import type { IdentityStore } from './identity-store.ts';
import type { JobQueue } from './job-queue.ts';
import type { Ledger } from './ledger.ts';
import type { VideoIndex } from './video-index.ts';

export interface Stores {
  bus: EventBus;
  queue: JobQueue;
  ledger: Ledger;
  artifacts: ArtifactStore;
  identities: IdentityStore;
  index: VideoIndex;
  close(): Promise<void>;
}
