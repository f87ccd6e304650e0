/** What operators can do with the system, apart from how they ask for it. */
import type { VideoRef } from '../shared/contracts/common.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import type { VideoRecord } from '../shared/ports/ledger.ts';
import type { App } from '../workers/app.ts';
import { causeOf, stateOf, type VideoState } from '../workers/runtime/video-state.ts';
import {
  type DeadLetterDeps,
  type DeadLetterFilter,
  dropDeadLetters,
  type HandledDeadLetter,
  type ListedDeadLetter,
  listDeadLetters,
  replayDeadLetters,
} from './dead-letters/index.ts';
import { createFlow, type Flow } from './flow.ts';
import { createLetterCount } from './letter-count.ts';

export interface VideoSummary extends VideoRef {
  title: string;
  source: string;
  revision: number;
  state: VideoState;
  error: ReturnType<typeof causeOf>;
}

export interface OpsOperations {
  flow(): Promise<Flow>;
  /** A page of videos; with a state, those of the page that are in it. */
  videos(filter: {
    tenant: string;
    state?: VideoState;
    cursor?: string;
    limit: number;
  }): Promise<{ videos: VideoSummary[]; cursor: string | null }>;
  /** @throws CinedexError NOT_FOUND */
  video(ref: VideoRef): Promise<VideoRecord & { state: VideoState }>;
  /** Runs failed (and, when asked, partial) stages again. @throws CinedexError NOT_FOUND */
  retry(ref: VideoRef, options: { stage?: string; partial: boolean }): Promise<{ stages: string[] }>;
  /** Publishes the deletion. @throws CinedexError NOT_FOUND */
  remove(ref: VideoRef, reason: string | undefined): Promise<void>;
  /** Dead letters that wait, the newest first, of all tenants unless one is named. */
  letters(filter: DeadLetterFilter): Promise<ListedDeadLetter[]>;
  /** How many wait, of all tenants. */
  letterCount(): Promise<number>;
  /** Sends letters through once more. @throws CinedexError NOT_FOUND, USAGE for ids that do not fit */
  replay(ids: string[]): Promise<HandledDeadLetter[]>;
  /** Marks letters as seen to. @throws CinedexError NOT_FOUND, USAGE for ids that do not fit */
  drop(ids: string[], reason: string | undefined): Promise<HandledDeadLetter[]>;
}

export function deadLetterDeps(app: App): DeadLetterDeps {
  return {
    bus: app.stores.bus,
    retry: (ref, options) => app.retry(ref, options),
    status: (ref) => app.status(ref),
    logger: app.services.logger,
  };
}

export function createOpsOperations(app: App): OpsOperations {
  const { bus, queue, ledger } = app.stores;
  const deps = deadLetterDeps(app);
  const letterCount = createLetterCount(deps);

  async function known(ref: VideoRef): Promise<VideoRecord> {
    const record = await app.status(ref);
    if (!record) throw new CinedexError('NOT_FOUND', `No video "${ref.videoId}" of tenant "${ref.tenant}".`);
    return record;
  }

  return {
    flow: createFlow({ bus, queue, ledger, letters: letterCount, stages: app.stages }),
    async videos({ tenant, state, cursor, limit }) {
      const page = await ledger.list({ tenant, cursor, limit });
      const videos = page.records.map(summary).filter((video) => !state || video.state === state);
      return { videos, cursor: page.cursor };
    },
    async video(ref) {
      const record = await known(ref);
      return { ...record, state: stateOf(record) };
    },
    async retry(ref, options) {
      await known(ref);
      return { stages: await app.retry(ref, options) };
    },
    async remove(ref, reason) {
      if ((await known(ref)).deleted)
        throw new CinedexError('NOT_FOUND', `"${ref.videoId}" was deleted before.`);
      await app.publish([{ type: 'video.deleted.v1', data: { ...ref, reason } }]);
    },
    letters: (filter) => listDeadLetters(deps, filter),
    letterCount,
    replay: (ids) => replayDeadLetters(deps, { ids }),
    drop: (ids, reason) => dropDeadLetters(deps, { ids }, reason),
  };
}

function summary(record: VideoRecord): VideoSummary {
  const { tenant, videoId, metadata, source, revision } = record;
  return {
    ...{ tenant, videoId, title: metadata.title, source, revision },
    ...{ state: stateOf(record), error: causeOf(record) },
  };
}
