/** Prometheus metrics of this process, and the small server that shows them. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  /** Counts one job. `code` is the error code, or null. */
  job(stage: string, outcome: string, code: string | null, seconds: number): void;
  /** Seconds of media that a stage has gone through. */
  media(stage: string, seconds: number): void;
  queue(stage: string, counts: { waiting: number; delayed: number; active: number; failed: number }): void;
  /** Age in seconds of the job that has waited longest. */
  oldest(stage: string, lane: string, seconds: number): void;
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
    name: 'cinedex_stage_seconds',
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
  const depth = new Gauge({
    name: 'cinedex_queue_jobs',
    help: 'Jobs in a queue by state',
    labelNames: ['stage', 'state'] as const,
    registers,
  });
  const age = new Gauge({
    name: 'cinedex_queue_oldest_seconds',
    help: 'Age of the job that has waited longest, by lane',
    labelNames: ['stage', 'lane'] as const,
    registers,
  });
  return {
    registry,
    job: (stage, outcome, code, seconds) => {
      jobs.inc({ stage, outcome, code: code ?? 'none' });
      duration.observe({ stage, outcome }, seconds);
    },
    media: (stage, seconds) => mediaSeconds.inc({ stage }, seconds),
    queue: (stage, counts) => {
      for (const [state, count] of Object.entries(counts)) depth.set({ stage, state }, count);
    },
    oldest: (stage, lane, seconds) => age.set({ stage, lane }, seconds),
  };
}

/** Serves `/metrics` and `/healthz` on 127.0.0.1. @param healthy answers 200 or 503 */
export async function serveMetrics(metrics: Metrics, port: number, healthy: () => boolean): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/metrics') {
      metrics.registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(text),
        (error) => response.writeHead(500).end(String(error)),
      );
    } else if (request.url === '/healthz') response.writeHead(healthy() ? 200 : 503).end();
    else response.writeHead(404).end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
