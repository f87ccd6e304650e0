/** How the flow is at the moment: topics, queues, what became of the videos. */
import { LANES, type Lane } from '../shared/contracts/common.ts';
import { stageTopic, TOPICS } from '../shared/contracts/events.ts';
import type { EventBus } from '../shared/ports/event-bus.ts';
import type { JobQueue, LaneDepth, QueueCounts } from '../shared/ports/job-queue.ts';
import type { Ledger, StepState } from '../shared/ports/ledger.ts';
import type { Metrics } from '../shared/telemetry/metrics.ts';
import type { BoundStage } from '../workers/runtime/bind.ts';
import { INTAKE_GROUP, INTAKE_TOPICS } from '../workers/runtime/intake.ts';
import { lagOf } from '../workers/runtime/lag.ts';
import { FORGET } from '../workers/runtime/plan.ts';
import { causeOf, stateOf, type VideoState } from '../workers/runtime/video-state.ts';

export interface TopicFlow {
  name: string;
  /** Events it holds. */
  records: number;
  /** Events that the intake has not taken; null where it is not for the intake. */
  lag: number | null;
}

export interface StageFlow extends QueueCounts {
  name: string;
  needs: string[];
  /** What waits, by lane; for `oldestSec` seconds. */
  lanes: Partial<Record<Lane, { waiting: number; oldestSec: number }>>;
  /** Videos by what became of this stage. */
  steps: Partial<Record<StepState['status'], number>>;
  /** Failed ones by error code. */
  codes: Record<string, number>;
}

export interface FailingVideo {
  tenant: string;
  videoId: string;
  title: string;
  state: VideoState;
  stage: string;
  code: string;
  message: string;
  updatedAt: number;
}

export interface Flow {
  at: number;
  topics: TopicFlow[];
  stages: StageFlow[];
  /** Videos by state. */
  videos: Partial<Record<VideoState, number>>;
  /** How many of the videos were looked at for `videos`, `steps`, `codes` and `failing`, and whether that is all. */
  counted: { videos: number; all: boolean; at: number };
  /** Dead letters that wait for somebody. */
  letters: number;
  /** Those that failed, the latest first. */
  failing: FailingVideo[];
}

export interface FlowDeps {
  bus: Pick<EventBus, 'offsets' | 'committed' | 'topics'>;
  queue: Pick<JobQueue, 'counts' | 'lanes'>;
  /** How many dead letters wait. */
  letters: () => Promise<number>;
  ledger: Pick<Ledger, 'list'>;
  stages: readonly BoundStage[];
  now?: () => number;
}

const MOST_VIDEOS = 20_000;
const MOST_FAILING = 50;
/** The ledger is walked no more often than this, ms. */
const RECOUNT_MS = 15_000;
const PAGE = 500;

/** @returns reads the flow; what takes a walk through the ledger is kept for some seconds */
export function createFlow(deps: FlowDeps): () => Promise<Flow> {
  const { bus, queue, stages, now = Date.now } = deps;
  let walk: { at: number; tally: Promise<Tally> } | undefined;

  async function topicFlow(name: string, there: ReadonlySet<string>): Promise<TopicFlow> {
    const forIntake = INTAKE_TOPICS.some((topic) => topic === name);
    if (!there.has(name)) return { name, records: 0, lag: forIntake ? 0 : null };
    const offsets = await bus.offsets(name);
    const records = offsets.reduce((sum, { start, end }) => sum + Number(BigInt(end) - BigInt(start)), 0);
    return { name, records, lag: forIntake ? await lagOf(bus, INTAKE_GROUP, name) : null };
  }

  async function queueFlow(name: string): Promise<QueueCounts & Pick<StageFlow, 'lanes'>> {
    const [counts, depths] = await Promise.all([queue.counts(name), queue.lanes(name)]);
    const lanes: StageFlow['lanes'] = {};
    for (const lane of LANES) {
      const depth = depths[lane];
      if (depth) lanes[lane] = { waiting: depth.waiting, oldestSec: Math.round(depth.oldestMs / 1_000) };
    }
    return { ...counts, lanes };
  }

  return async () => {
    const at = now();
    if (!walk || at - walk.at > RECOUNT_MS) walk = { at, tally: tallyOf(deps.ledger) };
    const current = walk;
    const names = stages.map(({ stage }) => stage.name);
    const there = new Set(await bus.topics());
    const [tally, topics, queues, letters] = await Promise.all([
      current.tally.catch((error) => {
        // It is walked again at the next question.
        if (walk === current) walk = undefined;
        throw error;
      }),
      Promise.all(
        [...INTAKE_TOPICS, ...names.map(stageTopic), TOPICS.indexed, TOPICS.dlq].map((name) =>
          topicFlow(name, there),
        ),
      ),
      Promise.all([...names, FORGET].map(queueFlow)),
      deps.letters(),
    ]);
    return {
      at,
      topics,
      stages: [...names, FORGET].map((name, i) => {
        const bound = stages[i];
        return {
          ...{ name, needs: bound ? [...bound.requires, ...bound.joins] : [] },
          ...queues[i]!,
          ...{ steps: tally.steps.get(name) ?? {}, codes: tally.codes.get(name) ?? {} },
        };
      }),
      videos: tally.videos,
      counted: { videos: tally.counted, all: tally.all, at: current.at },
      letters,
      failing: tally.failing,
    };
  };
}

/** Enters a flow into the gauges that dashboards read. */
export function recordFlow({ stages, topics, letters }: Flow, metrics: Metrics): void {
  for (const { name, lanes, ...counts } of stages) {
    const depths: Partial<Record<Lane, LaneDepth>> = {};
    for (const lane of LANES) {
      const depth = lanes[lane];
      if (depth) depths[lane] = { waiting: depth.waiting, oldestMs: depth.oldestSec * 1_000 };
    }
    metrics.queue(name, counts, depths);
  }
  metrics.deadLettersWaiting(letters);
  for (const { name, lag } of topics) if (lag !== null) metrics.lag(INTAKE_GROUP, name, lag);
}

interface Tally {
  counted: number;
  all: boolean;
  videos: Flow['videos'];
  steps: Map<string, StageFlow['steps']>;
  codes: Map<string, Record<string, number>>;
  failing: FailingVideo[];
}

async function tallyOf(ledger: FlowDeps['ledger']): Promise<Tally> {
  const tally: Tally = { counted: 0, all: true, videos: {}, steps: new Map(), codes: new Map(), failing: [] };
  let cursor: string | undefined;
  for (;;) {
    const page = await ledger.list({ cursor, limit: PAGE });
    for (const record of page.records) {
      tally.counted += 1;
      const state = stateOf(record);
      tally.videos[state] = (tally.videos[state] ?? 0) + 1;
      for (const [stage, { status, error }] of Object.entries(record.steps)) {
        const steps = tally.steps.get(stage) ?? {};
        steps[status] = (steps[status] ?? 0) + 1;
        tally.steps.set(stage, steps);
        if (status !== 'failed' || !error) continue;
        const codes = tally.codes.get(stage) ?? {};
        codes[error.code] = (codes[error.code] ?? 0) + 1;
        tally.codes.set(stage, codes);
      }
      const cause = state === 'deleted' ? null : causeOf(record);
      if (!cause) continue;
      const { tenant, videoId, metadata, updatedAt } = record;
      const { stage, code, message } = cause;
      tally.failing.push({ tenant, videoId, title: metadata.title, state, stage, code, message, updatedAt });
    }
    if (page.cursor === null || tally.counted >= MOST_VIDEOS) {
      tally.all = page.cursor === null;
      break;
    }
    cursor = page.cursor;
  }
  tally.failing.sort((a, b) => b.updatedAt - a.updatedAt).splice(MOST_FAILING);
  return tally;
}
