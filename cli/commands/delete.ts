import type { Command } from 'commander';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { Enter } from '../main.ts';
import { withData } from '../session.ts';
import { waitFor } from '../wait.ts';

const EXAMPLE = `
Example:
  cinedex delete talk-1a2b3c4d --reason "licence ended"`;

export function registerDelete(program: Command, enter: Enter): void {
  program
    .command('delete')
    .summary('take a video out of the index')
    .description('Removes a video from the index and waits until no search finds it. The media file stays.')
    .argument('<video>', 'id of a video')
    .option('--reason <text>', 'kept in the event')
    .addHelpText('after', EXAMPLE)
    .action(async (videoId: string, options: { reason?: string }, command: Command) => {
      const session = enter(command);
      const { tenant, output, signal } = session;
      await withData(session, { work: true }, async ({ operations }) => {
        const record = await operations.video({ tenant, videoId });
        if (!record || record.deleted) throw new CinedexError('NOT_FOUND', `No video "${videoId}".`);
        const data = { tenant, videoId, reason: options.reason };
        await operations.publish({ events: [{ type: 'video.deleted.v1', data }] });
        await waitFor(operations, output, [{ tenant, videoId }], signal);
        output.result({ deleted: videoId }, () => [`Deleted ${record.metadata.title} (${videoId}).`]);
      });
    });
}
