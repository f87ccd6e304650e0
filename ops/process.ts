/** What serves operators in a process: of its own (`cinedex ops`), or beside the stages (`cinedex up --ops`). */
import type { Queue } from 'bullmq';
import { BullmqJobQueue } from '../shared/adapters/bullmq-job-queue.ts';
import type { Logger } from '../shared/telemetry/logger.ts';
import type { Metrics } from '../shared/telemetry/metrics.ts';
import type { Probes } from '../shared/telemetry/probes.ts';
import type { App } from '../workers/app.ts';
import { FORGET } from '../workers/runtime/plan.ts';
import { recordFlow } from './flow.ts';
import { createOpsOperations, type OpsOperations } from './operations.ts';
import { createOpsServer } from './server.ts';

/** How often the flow, or what the runtime does not see of it, becomes metrics, ms. */
const WATCH_MS = 10_000;

export interface OpsOptions {
  /** Whether this process has to turn the flow into metrics by itself; where a runtime sweeps, it does most of that. */
  watch: boolean;
  live: Probes['live'];
  ready: Probes['ready'];
}

/**
 * Begins to listen at `ops.host` and `ops.port`.
 * @throws CinedexError CONFIG_INVALID when others could reach it and nobody would ask who they are
 */
export async function serveOps(
  app: App,
  logger: Logger,
  { watch, live, ready }: OpsOptions,
): Promise<{ address: string; stop(): Promise<void> }> {
  const { ops, core } = app.config;
  const operations = createOpsOperations(app);
  const server = await createOpsServer({
    config: ops,
    tenant: core.tenant,
    stages: app.stages.map(({ stage }) => stage.name),
    queues: bullQueues(app),
    registry: app.metrics.registry,
    ...{ operations, logger, live, ready },
  });
  const address = await server.listen({ host: ops.host, port: ops.port });
  const watching = watchFlow(operations, watch, app.metrics, logger);
  return {
    address,
    async stop() {
      clearInterval(watching);
      await server.close();
    },
  };
}

/** The queues as bull-board wants them: BullMQ's own, which the port does not know. */
function bullQueues({ stores, stages }: App): Queue[] {
  const { queue } = stores;
  if (!(queue instanceof BullmqJobQueue)) return [];
  return [...stages.map(({ stage }) => stage.name), FORGET].map((name) => queue.bull(name));
}

function watchFlow(
  { flow, letterCount }: OpsOperations,
  all: boolean,
  metrics: Metrics,
  logger: Logger,
): NodeJS.Timeout {
  let reading = false;
  const look = async () => {
    if (reading) return;
    reading = true;
    try {
      if (all) recordFlow(await flow(), metrics);
      else metrics.deadLettersWaiting(await letterCount());
    } catch (error) {
      logger.warn({ err: error }, 'the flow cannot be read; it is tried again');
    } finally {
      reading = false;
    }
  };
  void look();
  return setInterval(() => void look(), WATCH_MS).unref();
}
