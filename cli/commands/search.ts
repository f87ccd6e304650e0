import { type Command, InvalidArgumentError } from 'commander';
import { describeAnswer } from '../describe.ts';
import type { Enter } from '../main.ts';
import { withData } from '../session.ts';

const EXAMPLE = `
Examples:
  cinedex search "how tides work"
  cinedex search 番茄炒蛋 --limit 3 --json`;

export function registerSearch(program: Command, enter: Enter): void {
  program
    .command('search')
    .summary('find videos, and the moments in them')
    .description(
      'Searches in English and Chinese: what is said, shown and seen, who appears, what it is about.',
    )
    .argument('<text...>', 'what to look for')
    .option('--limit <number>', 'most videos in the answer', positive, 10)
    .option('--moments <number>', 'most moments of a video', positive, 3)
    .addHelpText('after', EXAMPLE)
    .action(async (words: string[], options: { limit: number; moments: number }, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        const text = words.join(' ');
        const answer = await operations.search({ tenant: session.tenant, text, ...options });
        session.output.result(answer, describeAnswer);
      });
    });
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}
