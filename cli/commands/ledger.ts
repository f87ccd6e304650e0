import type { Command } from 'commander';
import type { Enter } from '../main.ts';
import { withData } from '../session.ts';
import { parseTime } from '../time-options.ts';

const EXAMPLE = `
The topics say what was uploaded, changed and deleted, the artifacts what was done, so hardly anything is computed again.
Workers may run meanwhile. It may be stopped and run again.

Examples:
  cinedex ledger rebuild                Redis was lost, or ledger.db
  cinedex ledger rebuild --since 1h     Redis came back without its last seconds`;

export function registerLedger(program: Command, enter: Enter): void {
  const ledger = program
    .command('ledger')
    .summary('the record of how far each video is')
    .description('The record of how far each stage is with each video.');

  ledger
    .command('rebuild')
    .summary('make it again after its store was lost')
    .description('Makes the ledger again from the topics and the artifacts, where its store was lost.')
    .option('--since <time>', 'read the topics from this time on: 2024-05-01, 1h', (text) => parseTime(text))
    .addHelpText('after', EXAMPLE)
    .action(async ({ since }: { since?: number }, command: Command) => {
      const session = enter(command);
      const { output, signal } = session;
      await withData(session, { work: false }, async ({ operations }) => {
        output.note('Reading the topics; how long that takes goes by the events on them …');
        const request = since === undefined ? {} : { since };
        const done = await operations.rebuildLedger(request, undefined, signal);
        output.result(done, ({ read, videos, restored, driven, refused }) => [
          `${read} records read; ${videos} videos entered, ${restored} finished steps restored.`,
          ...(driven > 0 ? [`${driven} videos have work left; the workers take it.`] : []),
          ...(refused > 0 ? [`${refused} events were refused, as they had been before: cinedex dlq ls`] : []),
        ]);
      });
    });
}
