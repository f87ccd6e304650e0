import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { createApp } from '../../workers/app.ts';
import { reasonToRecycle } from '../../workers/recycling.ts';
import { STAGES } from '../../workers/stages.ts';
import type { Enter } from '../main.ts';
import { endWithin, observe, untilAborted } from '../serving.ts';
import { withRoots } from '../session.ts';

const EXAMPLE = `
Examples:
  cinedex worker                              all stages and the intake of events
  cinedex worker --stages ocr,faces --no-intake

It ends with 0 after a signal, and after it has drained because of CINEDEX_RUNTIME_MAX_JOBS or
CINEDEX_RUNTIME_MAX_RSS_BYTES: whoever supervises it (systemd, Compose, Kubernetes) should start it again.`;

const LOOK_AT_MEMORY_MS = 5_000;

interface WorkerOptions {
  stages?: string[];
  intake: boolean;
  root?: string[];
}

function stageNames(list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  const known = STAGES.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new InvalidArgumentError(`No stage ${unknown.join(', ')}; there are ${known.join(', ')}.`);
  return names;
}

export function registerWorker(program: Command, enter: Enter): void {
  program
    .command('worker')
    .summary('run some of the stages, beside other workers')
    .description('Takes the jobs of some stages until a signal; any number of workers share the work.')
    .option('--stages <names>', 'stages to work, separated by commas (default: all)', stageNames)
    .option('--no-intake', 'leave the intake of events to other workers')
    .option('--root <folder...>', 'folders whose files may be indexed, beside CINEDEX_MEDIA_ROOTS')
    .addHelpText('after', EXAMPLE)
    .action(async (options: WorkerOptions, command: Command) => {
      const roots = (options.root ?? []).map((root) => path.resolve(root));
      const { config, output, signal } = withRoots(enter(command), roots);
      if (config.core.mode !== 'cluster') {
        throw new CinedexError(
          'CONFIG_INVALID',
          'CINEDEX_MODE="embedded": workers share servers, so it must be cluster. For one process: `cinedex up`.',
        );
      }
      const stages = options.stages ?? STAGES.map(({ name }) => name);
      const logger = createLogger({ level: config.core.logLevel });
      const recycled = new AbortController();
      let jobs = 0;
      const look = () => {
        const reason = reasonToRecycle({ rssBytes: process.memoryUsage.rss(), jobs }, config.runtime);
        if (reason === null || recycled.signal.aborted || signal.aborted) return;
        logger.info({ event: 'recycle', reason }, 'draining, to be started afresh');
        recycled.abort();
      };
      const app = await createApp(config, {
        stages: STAGES,
        logger,
        work: stages,
        intake: options.intake,
        onJob: () => {
          jobs += 1;
          look();
        },
      });
      app.metrics.describe('worker', stages);
      const observed = await observe(config, {
        registry: app.metrics.registry,
        live: app.live,
        ready: app.ready,
      });
      const memory = setInterval(look, LOOK_AT_MEMORY_MS);
      try {
        output.note('Loading models …');
        await app.start();
        output.result(
          { ready: true, stages, intake: options.intake, metrics: observed.address },
          ({ metrics }) => [
            `Ready. Stages: ${stages.join(', ')}${options.intake ? '; intake' : ''}`,
            ...(metrics ? [`Metrics: ${metrics}`] : []),
          ],
        );
        await Promise.race([untilAborted(signal), untilAborted(recycled.signal)]);
      } finally {
        clearInterval(memory);
        await endWithin(config, logger, [() => app.stop(), () => observed.stop()]);
      }
      process.exitCode = 0;
    });
}
