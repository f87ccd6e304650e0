import type { Command } from 'commander';
import { openQueryProcess } from '../../query/api/process.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import type { Enter } from '../main.ts';
import { endWithin, observe, untilAborted } from '../serving.ts';

const EXAMPLE = `
Examples:
  cinedex query
  curl 'http://127.0.0.1:8080/v1/search?q=harbour'

CINEDEX_QUERY_HOST and CINEDEX_QUERY_PORT say where it listens. In embedded mode it owns the data folder, so it and
\`up\` exclude each other.`;

export function registerQuery(program: Command, enter: Enter): void {
  program
    .command('query')
    .summary('answer searches over HTTP')
    .description('Serves the search page and the search API (/docs describes it) until a signal.')
    .addHelpText('after', EXAMPLE)
    .action(async (_: object, command: Command) => {
      const { config, output, signal } = enter(command);
      const logger = createLogger({ level: config.core.logLevel });
      const query = await openQueryProcess(config, logger);
      const observed = await observe(config, query.probes);
      try {
        output.note('Loading models …');
        const address = await query.start();
        output.result({ ready: true, address, metrics: observed.address }, ({ metrics }) => [
          `Ready. Search page: ${address}/   API: ${address}/docs`,
          ...(metrics ? [`Metrics: ${metrics}`] : []),
        ]);
        await untilAborted(signal);
      } finally {
        await endWithin(config, logger, [() => query.stop(), () => observed.stop()]);
      }
      process.exitCode = 0;
    });
}
