import type { Command } from 'commander';
import type { Enter } from '../main.ts';
import { withData } from '../session.ts';

const EXAMPLE = `
Other models write to another generation, beside the one that searches see; \`cinedex backfill --rebuild-index\` fills it,
and searches are switched over by themselves once it is whole. The old one stays until it is dropped.

Examples:
  cinedex index ls
  cinedex index activate g1-…      back to an older one, say
  cinedex index drop g1-…`;

export function registerIndex(program: Command, enter: Enter): void {
  const index = program
    .command('index')
    .summary('the generations of the index')
    .description('Shows the generations of the index, switches searches between them, drops old ones.')
    .addHelpText('after', EXAMPLE);

  index
    .command('ls')
    .description('All generations with their points; * is the one that searches see.')
    .addHelpText('after', '\nExample:\n  cinedex index ls')
    .action(async (_: object, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        session.output.result(await operations.listGenerations({}), (all) => {
          if (all.length === 0) return ['None yet; the first video makes one.'];
          return all.map(({ name, active, points }) => {
            const counts = Object.entries(points).map(([collection, count]) => `${count} ${collection}`);
            return `${active ? '*' : ' '} ${name}  ${counts.join(', ')}`;
          });
        });
      });
    });

  index
    .command('activate')
    .description('Switches searches over to a generation, when every video is in it.')
    .argument('<generation>')
    .option('--force', 'even when videos are missing in it')
    .addHelpText('after', '\nExample:\n  cinedex index activate g1-use_lite-bundled-0123456789')
    .action(async (name: string, options: { force?: boolean }, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        await operations.activateGeneration({ name, force: options.force ?? false });
        session.output.result({ active: name }, () => [`Searches see ${name}.`]);
      });
    });

  index
    .command('drop')
    .description('Removes a generation that searches do not see.')
    .argument('<generation>')
    .addHelpText('after', '\nExample:\n  cinedex index drop g1-use_lite-bundled-0123456789')
    .action(async (name: string, _: object, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        await operations.dropGeneration({ name });
        session.output.result({ dropped: name }, () => [`Dropped ${name}.`]);
      });
    });
}
