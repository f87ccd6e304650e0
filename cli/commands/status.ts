import type { Command } from 'commander';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { causeOf, stateOf } from '../../workers/runtime/video-state.ts';
import { describeVideo, describeVideos } from '../describe.ts';
import type { Enter } from '../main.ts';
import { withData } from '../session.ts';

const EXAMPLE = `
Examples:
  cinedex status                 every video, and what went wrong
  cinedex status talk-1a2b3c4d   each stage of one video`;

export function registerStatus(program: Command, enter: Enter): void {
  program
    .command('status')
    .summary('how far the videos are')
    .description('Shows all videos, or each stage of one with its time and error.')
    .argument('[video]', 'id of a video')
    .addHelpText('after', EXAMPLE)
    .action(async (videoId: string | undefined, _: object, command: Command) => {
      const session = enter(command);
      const { output, tenant } = session;
      await withData(session, { work: false }, async ({ operations }) => {
        if (videoId === undefined) {
          const records = await operations.videos({ tenant });
          if (output.json) output.result(records.map(summary), () => []);
          else output.result(records, describeVideos);
          return;
        }
        const record = await operations.video({ tenant, videoId });
        if (!record) throw new CinedexError('NOT_FOUND', `No video "${videoId}".`);
        output.result({ ...record, state: stateOf(record) }, describeVideo);
      });
    });
}

function summary(record: Parameters<typeof stateOf>[0]) {
  const { videoId, tenant, source, metadata, revision } = record;
  return {
    videoId,
    tenant,
    source,
    title: metadata.title,
    revision,
    state: stateOf(record),
    error: causeOf(record),
  };
}
