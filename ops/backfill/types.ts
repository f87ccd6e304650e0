/** What a backfill works with and what it tells. */
import type { BackfillCounts, BackfillState } from '../../shared/contracts/backfill.ts';
import type { VideoRef } from '../../shared/contracts/common.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import type { JobQueue } from '../../shared/ports/job-queue.ts';
import type { Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { BoundStage } from '../../workers/runtime/bind.ts';

export interface BackfillDeps {
  bus: EventBus;
  ledger: Ledger;
  queue: JobQueue;
  index: VideoIndex;
  /** The stages with their present versions, models and options. */
  stages: readonly BoundStage[];
  /** Changes a record and brings the video on through the reducer: `Runtime.drive`. */
  drive(ref: VideoRef, change: (video: VideoRecord) => VideoRecord): Promise<void>;
  /** Generation that the `document` stage writes with the present models. Needed for a rebuild of the index. */
  generation?: () => string;
  /** Jobs that run in this very process; while others than its own do, the backfill takes a small share of its time. */
  running?: () => { ref: VideoRef }[];
  logger?: Logger;
  now?: () => number;
}

export interface BackfillProgress extends BackfillCounts {
  phase: 'replay' | 'settle' | 'activate';
  /** Seconds to the end at the present pace; null until it can be told. */
  etaSec: number | null;
  /** Whether it waits for live work. */
  yielding: boolean;
}

export interface BackfillResult {
  id: string;
  state: BackfillState['state'];
  counts: BackfillCounts;
  /** Of a rebuild: whether searches see the generation now, and if not, why. */
  activation?: { generation: string; activated: boolean; reasons: string[] };
}

export interface ListedBackfill extends BackfillState {
  /** Events behind the group's committed offsets; null when the ledger is walked. */
  replayed: number | null;
}
