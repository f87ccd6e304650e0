import path from 'node:path';
import type { Command } from 'commander';
import { serveOps } from '../../ops/process.ts';
import { checkDoors, serveQuery } from '../../query/api/process.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { createApp } from '../../workers/app.ts';
import { STAGES } from '../../workers/stages.ts';
import type { Enter } from '../main.ts';
import { examplesOf, localOperations } from '../operations.ts';
import { endWithin, observe, untilAborted } from '../serving.ts';
import { takeDataFolder, withRoots } from '../session.ts';
import { serveOperations, socketPath } from '../socket.ts';

const EXAMPLE = `
Examples:
  cinedex up --root ~/Videos       run the stages until Ctrl-C; files below ~/Videos may be indexed
  cinedex publish ~/Videos         meanwhile, from another terminal
  cinedex up --query               serve the search page beside it, at http://127.0.0.1:8080/`;

export function registerUp(program: Command, enter: Enter): void {
  program
    .command('up')
    .summary('run the pipeline until Ctrl-C')
    .description(
      'Owns the data folder and runs the stages until Ctrl-C. Other verbs then work through this process.',
    )
    .option('--root <folder...>', 'folders whose files may be indexed, beside CINEDEX_MEDIA_ROOTS')
    .option('--ops', 'also serve operators, at CINEDEX_OPS_HOST and CINEDEX_OPS_PORT')
    .option('--query', 'also answer searches, with a page, at CINEDEX_QUERY_HOST and CINEDEX_QUERY_PORT')
    .addHelpText('after', EXAMPLE)
    .action(async (options: { root?: string[]; ops?: boolean; query?: boolean }, command: Command) => {
      const entered = enter(command);
      const session = withRoots(
        entered,
        (options.root ?? []).map((root) => path.resolve(root)),
      );
      const { config, output, signal } = session;
      const logger = createLogger({ level: config.core.logLevel });
      if (options.query) await checkDoors(config);
      const releaseFolder = takeDataFolder(config);
      const app = await createApp(config, { stages: STAGES, logger }).catch((error) => {
        releaseFolder();
        throw error;
      });
      const examples = examplesOf(app);
      const stages = app.stages.map(({ stage }) => stage.name);
      app.metrics.describe('up', stages);
      const observed = await observe(config, {
        registry: app.metrics.registry,
        live: app.live,
        ready: app.ready,
      });
      let stopServing: (() => Promise<void>) | undefined;
      let ops: Awaited<ReturnType<typeof serveOps>> | undefined;
      let query: Awaited<ReturnType<typeof serveQuery>> | undefined;
      try {
        output.note('Loading models …');
        await app.start();
        if (options.ops)
          ops = await serveOps(app, logger, { watch: false, live: app.live, ready: app.ready });
        if (options.query) {
          const { stores, services, metrics, live, ready } = app;
          query = await serveQuery(config, logger, {
            services: { ...stores, media: services.media, bus: async () => stores.bus },
            ...{ encoders: services.encoders, examples, metrics, live, ready },
          });
        }
        stopServing = await serveOperations(localOperations(app, examples), socketPath(config.core.dataDir));
        output.result(
          {
            ready: true,
            dataDir: config.core.dataDir,
            roots: config.media.roots,
            metrics: observed.address,
            ops: ops?.address ?? null,
            query: query?.address ?? null,
          },
          ({ dataDir, roots, metrics: address, ops: operators, query: page }) => [
            `Ready. Data folder: ${dataDir}`,
            `Media roots: ${roots.join(', ') || '(none; only https videos can be indexed)'}`,
            ...(address ? [`Metrics: ${address}`] : []),
            ...(operators ? [`Operations: ${operators}`] : []),
            ...(page ? [`Search page: ${page}/`] : []),
          ],
        );
        await untilAborted(signal);
      } finally {
        await endWithin(config, logger, [
          () => query?.stop(),
          () => ops?.stop(),
          () => stopServing?.(),
          () => examples.close(),
          () => app.stop(),
          () => observed.stop(),
          releaseFolder,
        ]);
      }
      process.exitCode = 0;
    });
}
