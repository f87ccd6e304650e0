import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Enter } from '../main.ts';
import { withData } from '../session.ts';
import { parseTime } from '../time-options.ts';

const EXAMPLE = `
Kept is what the present record of a video refers to, and whatever was stored lately. A title or an option that changes back
is then computed again, where it would have been found. Workers may run meanwhile; once a week is often enough.

Examples:
  cinedex artifacts prune --dry-run
  cinedex artifacts prune --older-than 6h     after \`cinedex delete\`, say`;

interface PruneOptions {
  olderThan: number;
  dryRun?: boolean;
}

export function registerArtifacts(program: Command, enter: Enter): void {
  const artifacts = program
    .command('artifacts')
    .summary('the room that pictures and results take')
    .description('What the stages made: pictures, vectors, results.');

  artifacts
    .command('prune')
    .summary('remove what nothing refers to any more')
    .description('Removes what deleted videos, earlier versions and runs that did not finish have left.')
    .addOption(
      new Option('--older-than <time>', 'keep what was stored less long ago: 6h, 7d')
        .argParser(parseAge)
        .default(parseAge('7d'), '7d'),
    )
    .option('--dry-run', 'say what would go, and remove nothing')
    .addHelpText('after', EXAMPLE)
    .action(async ({ olderThan, dryRun = false }: PruneOptions, command: Command) => {
      const session = enter(command);
      const { output, signal } = session;
      await withData(session, { work: false }, async ({ operations }) => {
        const request = { olderThanMs: olderThan, dryRun };
        const pruned = await operations.pruneArtifacts(request, undefined, signal);
        output.result(pruned, ({ manifests, blobs, unreadable, earlierKept }) => [
          `${dryRun ? 'Would remove' : 'Removed'} ${manifests.removed} results and ${blobs.removed} files ` +
            `(${megabytes(blobs.bytesRemoved)}); kept ${manifests.kept} and ${blobs.kept}.`,
          ...(unreadable > 0 ? [`${unreadable} results cannot be read; they are kept.`] : []),
          ...(earlierKept
            ? ['Earlier results were kept: the index has several generations (cinedex index ls).']
            : []),
        ]);
      });
    });
}

/** @returns ms */
function parseAge(text: string): number {
  if (!/^\d+[smhdw]$/.test(text)) throw new InvalidArgumentError(`"${text}" is no age; write 6h or 7d.`);
  return -parseTime(text, 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
