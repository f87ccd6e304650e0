/** What serves operators in a process: of its own (`cinedex ops`), or beside the stages (`cinedex up --ops`). */
import type { Queue } from 'bullmq';
import { BullmqJobQueue } from '../shared/adapters/bullmq-job-queue.ts';
import type { Logger } from '../shared/telemetry/logger.ts';
import type { Metrics } from '../shared/telemetry/metrics.ts';
import type { Probes } from '../shared/telemetry/probes.ts';
import type { App } from '../workers/app.ts';
import { FORGET } from '../workers/runtime/plan.ts';
import { type Flow, recordFlow } from './flow.ts';
import { createOpsOperations } from './operations.ts';
import { createOpsServer } from './server.ts';

/** How often the flow becomes metrics where no runtime sweeps, ms. */
const WATCH_MS = 10_000;

export interface OpsOptions {
  /** Whether this process has to turn the flow into metrics by itself. */
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
    queues: bullQueues(app),
    registry: app.metrics.registry,
    ...{ operations, logger, live, ready },
  });
  const address = await server.listen({ host: ops.host, port: ops.port });
  const watching = watch ? watchFlow(operations.flow, app.metrics, logger) : undefined;
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

function watchFlow(read: () => Promise<Flow>, metrics: Metrics, logger: Logger): NodeJS.Timeout {
  let reading = false;
  const look = async () => {
    if (reading) return;
    reading = true;
    try {
      recordFlow(await read(), metrics);
    } catch (error) {
      logger.warn({ err: error }, 'the flow cannot be read; it is tried again');
    } finally {
      reading = false;
    }
  };
  void look();
  return setInterval(() => void look(), WATCH_MS).unref();
}
