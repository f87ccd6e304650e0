import type { Command } from 'commander';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { causeOf, stateOf } from '../../workers/runtime/video-state.ts';
import type { Enter } from '../main.ts';
import { withData } from '../session.ts';
import { waitFor } from '../wait.ts';

const EXAMPLE = `
Examples:
  cinedex retry talk-1a2b3c4d             what failed, with a fresh count of attempts
  cinedex retry talk-1a2b3c4d --partial   also what gave a part only (after a model was pulled, say)`;

export function registerRetry(program: Command, enter: Enter): void {
  program
    .command('retry')
    .summary('run the failed stages of a video again')
    .description('Runs what failed for a video once more, and what needs it, and waits for the end.')
    .argument('<video>', 'id of a video')
    .option('--partial', 'also stages that gave a part only')
    .addHelpText('after', EXAMPLE)
    .action(async (videoId: string, options: { partial?: boolean }, command: Command) => {
      const session = enter(command);
      const { tenant, output, signal } = session;
      await withData(session, { work: true }, async ({ operations }) => {
        if (!(await operations.video({ tenant, videoId }))) {
          throw new CinedexError('NOT_FOUND', `No video "${videoId}".`);
        }
        const { stages } = await operations.retry({ tenant, videoId, partial: options.partial ?? false });
        const [record] = await waitFor(operations, output, [{ tenant, videoId }], signal);
        const error = record ? causeOf(record) : null;
        const state = record ? stateOf(record) : null;
        output.result({ retried: stages, state, error }, () => [
          stages.length > 0 ? `Ran ${stages.join(', ')} again: ${state}.` : 'Nothing had failed.',
          ...(error ? [`${error.stage}: ${error.code}: ${error.message}`, `  hint: ${error.hint}`] : []),
        ]);
      });
    });
}
