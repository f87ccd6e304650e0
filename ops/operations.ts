/** What operators can do with the system, apart from how they ask for it. */
import type { VideoRef } from '../shared/contracts/common.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import type { VideoRecord } from '../shared/ports/ledger.ts';
import type { App } from '../workers/app.ts';
import { causeOf, stateOf, type VideoState } from '../workers/runtime/video-state.ts';
import { createFlow, type Flow } from './flow.ts';

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
}

export function createOpsOperations(app: App): OpsOperations {
  const { bus, queue, ledger } = app.stores;

  async function known(ref: VideoRef): Promise<VideoRecord> {
    const record = await app.status(ref);
    if (!record) throw new CinedexError('NOT_FOUND', `No video "${ref.videoId}" of tenant "${ref.tenant}".`);
    return record;
  }

  return {
    flow: createFlow({ bus, queue, ledger, stages: app.stages }),
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
  };
}

function summary(record: VideoRecord): VideoSummary {
  const { tenant, videoId, metadata, source, revision } = record;
  return {
    ...{ tenant, videoId, title: metadata.title, source, revision },
    ...{ state: stateOf(record), error: causeOf(record) },
  };
}
