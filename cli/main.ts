/** The `cinedex` command. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 stopped by Ctrl-C. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CinedexError } from '../shared/contracts/errors.ts';
import { registerArtifacts } from './commands/artifacts.ts';
import { registerBackfill } from './commands/backfill.ts';
import { registerDelete } from './commands/delete.ts';
import { registerDlq } from './commands/dlq.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEval } from './commands/eval.ts';
import { registerFaces } from './commands/faces.ts';
import { registerIndex } from './commands/index-generations.ts';
import { registerKeys } from './commands/keys.ts';
import { registerLedger } from './commands/ledger.ts';
import { registerModels } from './commands/models.ts';
import { registerOps } from './commands/ops.ts';
import { registerPublish } from './commands/publish.ts';
import { registerQuery } from './commands/query.ts';
import { registerRetry } from './commands/retry.ts';
import { registerSearch } from './commands/search.ts';
import { registerStart } from './commands/start.ts';
import { registerStatus } from './commands/status.ts';
import { registerUp } from './commands/up.ts';
import { registerWorker } from './commands/worker.ts';
import { EXIT, Output } from './output.ts';
import { createSession, type GlobalOptions, type Session } from './session.ts';

/** Makes the session of a verb from the options of its command. */
export type Enter = (command: Command) => Session;

const VERBS = [
  registerStart,
  registerUp,
  registerWorker,
  registerQuery,
  registerOps,
  registerPublish,
  registerStatus,
  registerSearch,
  registerEval,
  registerFaces,
  registerKeys,
  registerModels,
  registerDoctor,
  registerRetry,
  registerDelete,
  registerBackfill,
  registerDlq,
  registerIndex,
  registerLedger,
  registerArtifacts,
];

function createProgram(enter: Enter): Command {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('cinedex')
    .description('Turns videos into a searchable index, and answers searches from it.')
    .version(version)
    .option('--data-dir <folder>', 'folder of everything that is stored (CINEDEX_DATA_DIR, else .cinedex)')
    .option('--tenant <name>', 'whose videos (CINEDEX_TENANT, else default)')
    .option('--json', 'one JSON answer on standard output')
    .option('--quiet', 'no progress')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 stopped.');
  for (const register of VERBS) register(program, enter);
  const prepare = (command: Command) => {
    command
      .configureHelp({ showGlobalOptions: true })
      .exitOverride()
      // Errors are reported in one place, below.
      .configureOutput({ outputError: () => undefined })
      .commands.forEach(prepare);
  };
  prepare(program);
  return program;
}

async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const output = new Output({ json: argv.includes('--json') });
  let stops = 0;
  const onSignal = () => {
    stops += 1;
    if (stops > 1) process.exit(EXIT.interrupted);
    output.note('Stopping; again to stop at once.');
    stop.abort(new CinedexError('ABORTED', 'Stopped.'));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const program = createProgram((command) =>
      createSession(process.env, command.optsWithGlobals<GlobalOptions>(), stop.signal),
    );
    await program.parseAsync(argv as string[], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      // Without a verb commander has shown the help already.
      if (error.code === 'commander.help') return EXIT.usage;
      return output.error(
        new CinedexError('USAGE', error.message.replace(/^error: /, '').replaceAll('\n', ' ')),
      );
    }
    if (stop.signal.aborted) return EXIT.interrupted;
    return output.error(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
// Model threads and native stores may linger; everything durable has been closed by now.
process.exit();
