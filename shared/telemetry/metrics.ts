/** Prometheus metrics of a process. The names are the interface of dashboards and alerts: deploy/ builds on them. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { LANES, type Lane } from '../contracts/common.ts';
import type { LaneDepth, QueueCounts } from '../ports/job-queue.ts';
import { cpuSeconds } from './cpu.ts';

export interface Metrics {
  readonly registry: Registry;
  /** Counts one job. `code` is the error code, or null. */
  job(stage: string, outcome: string, code: string | null, seconds: number): void;
  /** Seconds of media that a stage has gone through. */
  media(stage: string, seconds: number): void;
  /** How full a queue is; a lane in which nothing waits counts as empty. */
  queue(stage: string, counts: QueueCounts, lanes: Partial<Record<Lane, LaneDepth>>): void;
  /** Events of a topic that a consumer group has not taken yet. */
  lag(group: string, topic: string, records: number): void;
  /** Counts a dead letter that has been written. */
  deadLetter(stage: string, code: string): void;
  /** Dead letters that wait for somebody. */
  deadLettersWaiting(count: number): void;
  /** Whether intake waits for deep queues. */
  intakePaused(paused: boolean): void;
  /** Whether this process takes work. */
  ready(ready: boolean): void;
  /** What this process is: `worker`, `query`, `ops` or `up`, and its stages. */
  describe(kind: string, stages: readonly string[]): void;
  /** Counts one search. `code` is the error code, or null. */
  search(code: string | null, seconds: number): void;
}

/** A registry of its own, so that two apps in one process (as in tests) do not meet. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const jobs = new Counter({
    name: 'cinedex_jobs_total',
    help: 'Jobs by stage, outcome and error code',
    labelNames: ['stage', 'outcome', 'code'] as const,
    registers,
  });
  const duration = new Histogram({
    name: 'cinedex_stage_duration_seconds',
    help: 'Duration of jobs',
    labelNames: ['stage', 'outcome'] as const,
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900],
    registers,
  });
  const mediaSeconds = new Counter({
    name: 'cinedex_media_seconds_total',
    help: 'Seconds of media gone through, by stage',
    labelNames: ['stage'] as const,
    registers,
  });
  new Counter({
    name: 'cinedex_cpu_seconds_total',
    help: 'Processor time of this process, its threads and its children (ffmpeg)',
    registers,
    collect() {
      this.reset();
      this.inc(cpuSeconds());
    },
  });
  const depth = new Gauge({
    name: 'cinedex_queue_jobs',
    help: 'Jobs in a queue by state; every process that looks tells the same',
    labelNames: ['stage', 'state'] as const,
    registers,
  });
  const waiting = new Gauge({
    name: 'cinedex_queue_waiting_jobs',
    help: 'Jobs that wait in a queue, by lane',
    labelNames: ['stage', 'lane'] as const,
    registers,
  });
  const age = new Gauge({
    name: 'cinedex_queue_oldest_age_seconds',
    help: 'Age of the job that has waited longest, by lane',
    labelNames: ['stage', 'lane'] as const,
    registers,
  });
  const lag = new Gauge({
    name: 'cinedex_bus_lag_records',
    help: 'Events of a topic that a consumer group has not taken yet',
    labelNames: ['group', 'topic'] as const,
    registers,
  });
  const deadLetters = new Counter({
    name: 'cinedex_dead_letters_total',
    help: 'Dead letters written, by stage and error code',
    labelNames: ['stage', 'code'] as const,
    registers,
  });
  const lettersWaiting = new Gauge({
    name: 'cinedex_dead_letters_waiting',
    help: 'Dead letters neither replayed nor dropped; told by ops and by up --ops',
    registers,
  });
  const paused = new Gauge({
    name: 'cinedex_intake_paused',
    help: '1 while intake waits because queues are deep',
    registers,
  });
  const isReady = new Gauge({ name: 'cinedex_ready', help: '1 while this process takes work', registers });
  const info = new Gauge({
    name: 'cinedex_process_info',
    help: 'Always 1; its labels say what this process is',
    labelNames: ['kind', 'stages'] as const,
    registers,
  });
  const searches = new Histogram({
    name: 'cinedex_search_duration_seconds',
    help: 'Duration of searches by error code',
    labelNames: ['code'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
    registers,
  });
  return {
    registry,
    job: (stage, outcome, code, seconds) => {
      jobs.inc({ stage, outcome, code: code ?? 'none' });
      duration.observe({ stage, outcome }, seconds);
    },
    media: (stage, seconds) => mediaSeconds.inc({ stage }, seconds),
    queue: (stage, { waiting: waits, delayed, active, failed }, lanes) => {
      const states = { waiting: waits, delayed, active, failed };
      for (const [state, count] of Object.entries(states)) depth.set({ stage, state }, count);
      for (const lane of LANES) {
        waiting.set({ stage, lane }, lanes[lane]?.waiting ?? 0);
        age.set({ stage, lane }, (lanes[lane]?.oldestMs ?? 0) / 1_000);
      }
    },
    lag: (group, topic, records) => lag.set({ group, topic }, records),
    deadLetter: (stage, code) => deadLetters.inc({ stage, code }),
    deadLettersWaiting: (count) => lettersWaiting.set(count),
    intakePaused: (value) => paused.set(value ? 1 : 0),
    ready: (value) => isReady.set(value ? 1 : 0),
    describe: (kind, stages) => info.set({ kind, stages: stages.join(',') }, 1),
    search: (code, seconds) => searches.observe({ code: code ?? 'none' }, seconds),
  };
}
