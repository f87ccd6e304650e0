import type { Command } from 'commander';
import { serveOps } from '../../ops/process.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { createReadiness } from '../../shared/telemetry/readiness.ts';
import { createApp } from '../../workers/app.ts';
import { STAGES } from '../../workers/stages.ts';
import type { Enter } from '../main.ts';
import { endWithin, observe, untilAborted } from '../serving.ts';

const EXAMPLE = `
Examples:
  CINEDEX_MODE=cluster cinedex ops                       on this machine only, without a sign-in
  CINEDEX_OPS_PASSWORD=… CINEDEX_OPS_HOST=0.0.0.0 cinedex ops

Programs send CINEDEX_OPS_TOKEN as a bearer token. With embedded stores: cinedex up --ops`;

export function registerOps(program: Command, enter: Enter): void {
  program
    .command('ops')
    .summary('serve operators: the flow, queues, an admin API')
    .description('Serves the page of the flow, bull-board at /queues, the admin API at /api, and /metrics.')
    .addHelpText('after', EXAMPLE)
    .action(async (_: object, command: Command) => {
      const { config, output, signal } = enter(command);
      if (config.core.mode !== 'cluster') {
        throw new CinedexError(
          'CONFIG_INVALID',
          'CINEDEX_MODE="embedded": the data folder belongs to one process, so `cinedex up --ops` serves it.',
        );
      }
      const logger = createLogger({ level: config.core.logLevel });
      const app = await createApp(config, { stages: STAGES, logger, work: [], intake: false });
      app.metrics.describe('ops', []);
      const ready = createReadiness({ waitingFor: () => null, checks: app.checks });
      const observed = await observe(config, { registry: app.metrics.registry, live: app.live, ready });
      let stopServing: (() => Promise<void>) | undefined;
      try {
        const served = await serveOps(app, logger, { watch: true, live: app.live, ready });
        stopServing = served.stop;
        app.metrics.ready(true);
        output.result({ ready: true, address: served.address, metrics: observed.address }, ({ address }) => [
          `Ready. Operations: ${address}`,
        ]);
        await untilAborted(signal);
      } finally {
        await endWithin(config, logger, [() => stopServing?.(), () => app.stop(), () => observed.stop()]);
      }
      process.exitCode = 0;
    });
}
