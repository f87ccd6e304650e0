import { type Command, Option } from 'commander';
import type { EventData, VideoMetadata } from '../../shared/contracts/events.ts';
import { causeOf, stateOf } from '../../workers/runtime/video-state.ts';
import { countVideos, listVideos } from '../describe.ts';
import { readLibrary } from '../library.ts';
import type { Enter } from '../main.ts';
import { EXIT } from '../output.ts';
import { withData, withRoots } from '../session.ts';
import { waitFor } from '../wait.ts';

const EXAMPLE = `
Examples:
  cinedex publish talk.mp4 --title "How tides work" --tag ocean --wait
  cinedex publish ~/Videos --source ogc
  cinedex publish library.jsonl
      one object a line: {"path": "a.mp4", "videoId": "a", "title": "…", "tags": ["…"], "cast": [{"name": "…"}]}`;

interface PublishOptions {
  source: 'ogc' | 'ugc';
  id?: string;
  title?: string;
  description?: string;
  tag?: string[];
  language?: string;
  wait?: boolean;
}

export function registerPublish(program: Command, enter: Enter): void {
  program
    .command('publish')
    .summary('announce videos, so that they are indexed')
    .description(
      'Announces a video, a folder of videos, or the videos of a manifest. Publishing again does no work twice.',
    )
    .argument('<target>', 'a file, a folder, or a manifest (*.jsonl)')
    .addOption(
      new Option('--source <kind>', 'ogc: professionally produced; ugc: uploaded by users')
        .choices(['ogc', 'ugc'])
        .default('ugc'),
    )
    .option('--id <videoId>', 'of a single file; else it is made of name and place')
    .option('--title <text>', 'of a single file; else its name')
    .option('--description <text>', 'of a single file')
    .option('--tag <word...>', 'of a single file')
    .option('--language <tag>', 'of a single file, such as en or zh-Hans')
    .option('--wait', 'until they are indexed; the stages run here unless `cinedex up` runs')
    .addHelpText('after', EXAMPLE)
    .action(async (target: string, options: PublishOptions, command: Command) => {
      const entered = enter(command);
      const { output, signal, tenant } = entered;
      const reading = output.progress('Reading');
      const library = await readLibrary(target, {
        tenant,
        source: options.source,
        metadata: metadataOf(options),
        videoId: options.id,
        onFile: (done, total) => reading.update(done, total, ''),
        signal,
      }).finally(() => reading.stop());
      const session = withRoots(entered, library.roots);
      await withData(session, { work: options.wait ?? false }, async ({ operations, remote }) => {
        const events = library.uploads.map((data: EventData<'video.uploaded.v1'>) => ({
          type: 'video.uploaded.v1' as const,
          data,
        }));
        if (events.length > 0) await operations.publish({ events });
        const ids = library.uploads.map(({ videoId }) => videoId);
        if (!options.wait) {
          output.result({ published: ids, ignored: library.ignored }, () => [
            `Published ${ids.length} video${ids.length === 1 ? '' : 's'}${ignoredWords(library.ignored)}.`,
            remote ? 'They are being indexed: cinedex status' : '`cinedex up` or --wait indexes them.',
          ]);
          return;
        }
        const records = await waitFor(operations, output, library.uploads, signal);
        const failed = records.filter((record) => stateOf(record) === 'failed');
        output.result(
          {
            published: ids,
            ignored: library.ignored,
            videos: records.map((record) => ({
              videoId: record.videoId,
              state: stateOf(record),
              error: causeOf(record),
            })),
          },
          () => [...listVideos(failed), ...countVideos(records)],
        );
        if (failed.length > 0) process.exitCode = EXIT.failed;
      });
    });
}

export function ignoredWords(count: number): string {
  return count > 0 ? `; ${count} file${count === 1 ? '' : 's'} ignored, no video by the extension` : '';
}

function metadataOf({ title, description, tag, language }: PublishOptions): Partial<VideoMetadata> {
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(tag !== undefined && { tags: tag }),
    ...(language !== undefined && { language }),
  };
}
