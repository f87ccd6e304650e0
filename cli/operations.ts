/**
 * What a verb can ask of a data folder. The process that owns the folder answers: this one, or the `up` that runs (then the
 * same calls cross its socket as JSON, so arguments and answers are plain data).
 */
import { z } from 'zod';
import { createExampleTools, type ExampleTools } from '../query/examples/tools.ts';
import { createSearch, type SearchAnswer, type SearchRequest } from '../query/search.ts';
import { Keyword } from '../shared/contracts/artifacts.ts';
import type { VideoRef } from '../shared/contracts/common.ts';
import type { VideoRecord } from '../shared/ports/ledger.ts';
import type { App } from '../workers/app.ts';
import type { AnnouncedEvent } from '../workers/runtime/stage.ts';
import { type ExampleFiles, readExamples } from './example-files.ts';
import { type FaceOperations, faceOperations } from './face-operations.ts';
import { UPKEEP_NAMES, type UpkeepOperations, upkeepOperations } from './upkeep-operations.ts';

export interface WaitProgress {
  total: number;
  settled: number;
  running: { ref: VideoRef; stage: string }[];
}

/** Examples are named by their paths: whoever answers reads them. */
export type SearchCall = Omit<SearchRequest, 'signal' | keyof ExampleFiles> & { files?: ExampleFiles };

export interface Operations extends FaceOperations, UpkeepOperations {
  publish(request: { events: AnnouncedEvent[] }): Promise<{ published: number }>;
  video(ref: VideoRef): Promise<VideoRecord | null>;
  videos(request: { tenant: string }): Promise<VideoRecord[]>;
  search(request: SearchCall): Promise<SearchAnswer>;
  /** Until nothing is left to do for these videos, or for all. */
  settled(
    request: { refs?: VideoRef[] },
    onProgress?: (progress: WaitProgress) => void,
    signal?: AbortSignal,
  ): Promise<VideoRecord[]>;
  /** Runs failed (and, when asked, partial) stages again; resolves before they are done. */
  retry(request: VideoRef & { partial: boolean }): Promise<{ stages: string[] }>;
  /** Keywords that `document` found in a video, by weight. */
  keywords(ref: VideoRef): Promise<Keyword[]>;
}

export const OPERATION_NAMES = [
  'publish',
  'video',
  'videos',
  'search',
  'settled',
  'retry',
  'keywords',
  'enrolFace',
  'listFaces',
  'mergeFaces',
  'splitFace',
  'renameFace',
  ...UPKEEP_NAMES,
] as const satisfies (keyof Operations)[];
export type OperationName = (typeof OPERATION_NAMES)[number];

const StoredKeywords = z.object({ output: z.object({ keywords: z.array(Keyword) }) });

/** Loads nothing before somebody asks by example. To be closed before the app stops. */
export function examplesOf({ config, services }: App): ExampleTools {
  const { models, artifacts, logger } = services;
  return createExampleTools({ config, models, artifacts, logger });
}

export function localOperations(app: App, examples: ExampleTools): Operations {
  const { index, encoders, identities, artifacts } = app.services;
  const search = createSearch({ index, encoders, identities, examples }, { config: app.config.search });
  return {
    ...faceOperations(app),
    ...upkeepOperations(app),
    async publish({ events }) {
      await app.publish(events);
      return { published: events.length };
    },
    video: async (ref) => (await app.status(ref)) ?? null,
    async videos({ tenant }) {
      const all: VideoRecord[] = [];
      let cursor: string | undefined;
      for (;;) {
        const page = await app.stores.ledger.list({ tenant, cursor, limit: 500 });
        all.push(...page.records.filter(({ deleted }) => !deleted));
        if (page.cursor === null) return all;
        cursor = page.cursor;
      }
    },
    search: async ({ files, ...request }) =>
      search({ ...request, ...(files && (await readExamples(files))) }),
    settled: ({ refs }, onProgress, signal) => app.settled({ refs, onProgress, signal }),
    retry: async ({ tenant, videoId, partial }) => ({
      stages: await app.retry({ tenant, videoId }, { partial }),
    }),
    async keywords(ref) {
      const step = (await app.status(ref))?.steps.document;
      const parsed = StoredKeywords.safeParse(step && (await artifacts.getManifest(step.key)));
      return parsed.success ? parsed.data.output.keywords : [];
    },
  };
}
