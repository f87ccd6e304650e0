import type { Command } from 'commander';
import type { DeadLetterFilter, HandledDeadLetter, ListedDeadLetter } from '../../ops/dead-letters/index.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { Enter } from '../main.ts';
import { EXIT } from '../output.ts';
import { type GlobalOptions, type Session, withData } from '../session.ts';
import { parseCount, parseTime } from '../time-options.ts';

const EXAMPLE = `
Examples:
  cinedex dlq ls --stage audio --since 7d
  cinedex dlq show 3fa41b07
  cinedex dlq replay --code MEDIA_FETCH_FAILED     those stages run again
  cinedex dlq replay --all
  cinedex dlq drop 3fa41b07 --reason "a test file"`;

interface FilterOptions {
  stage?: string;
  code?: string;
  video?: string;
  since?: number;
  until?: number;
  limit?: number;
  all?: boolean;
  reason?: string;
}

export function registerDlq(program: Command, enter: Enter): void {
  const dlq = program
    .command('dlq')
    .summary('what failed for good, and what becomes of it')
    .description(
      'Dead letters: events that were refused and stages that failed for good, each with its cause.',
    )
    .addHelpText('after', EXAMPLE);
  const filtered = (command: Command) =>
    command
      .option('--stage <name>', 'of this stage; `intake` for events that were refused')
      .option('--code <code>', 'with this error code')
      .option('--video <id>', 'about this video')
      .option('--since <time>', 'written from this time on: 2024-05-01, 7d', (text) => parseTime(text))
      .option('--until <time>', 'written before this time', (text) => parseTime(text))
      .option('--limit <n>', 'the newest so many (100)', parseCount);

  filtered(dlq.command('ls').description('Lists the letters that wait for somebody, the newest first.'))
    .option('--all', 'also those that were replayed or dropped')
    .addHelpText('after', '\nExample:\n  cinedex dlq ls --stage audio --since 7d')
    .action(async (options: FilterOptions, command: Command) => {
      const session = enter(command);
      const filter = { ...filterOf(options, command), ...(options.all && { handled: true }) };
      await withData(session, { work: false }, async ({ operations }) => {
        session.output.result(await operations.listDeadLetters(filter), (letters) =>
          letters.length === 0 ? ['No dead letters.'] : letters.map(describeLetter),
        );
      });
    });

  dlq
    .command('show')
    .description('Everything about one letter: cause, hint, where its event lies, the event itself.')
    .argument('<id>', 'its id, or the first six characters and more')
    .addHelpText('after', '\nExample:\n  cinedex dlq show 3fa41b07')
    .action(async (id: string, _: object, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        const [letter] = await operations.listDeadLetters({
          ...filterOf({}, command),
          ids: [id],
          handled: true,
        });
        session.output.result(letter!, describeFully);
      });
    });

  filtered(
    dlq
      .command('replay')
      .description('Sends letters through once more: a stage runs again, an event goes back to its topic.'),
  )
    .argument('[ids...]', 'ids of letters; else those that the options choose')
    .option('--all', 'all that wait')
    .addHelpText('after', '\nExample:\n  cinedex dlq replay --code MEDIA_FETCH_FAILED --since 2d')
    .action(async (ids: string[], options: FilterOptions, command: Command) => {
      const session = enter(command);
      const filter = chosen(ids, options, command);
      await withData(session, { work: true }, async ({ operations }) => {
        const results = await operations.replayDeadLetters(filter);
        const replayed = results.some(({ outcome }) => outcome === 'replayed');
        // In a process of its own the work is done before it ends; the others are told how to look.
        if (replayed && session.config.core.mode === 'embedded')
          await operations.settled({}, undefined, session.signal);
        tell(session, results);
      });
    });

  filtered(dlq.command('drop').description('Marks letters as seen to; they are kept on the log.'))
    .argument('[ids...]', 'ids of letters; else those that the options choose')
    .option('--all', 'all that wait')
    .option('--reason <text>', 'why nothing needs to be done')
    .addHelpText('after', '\nExample:\n  cinedex dlq drop 3fa41b07 --reason "a test file"')
    .action(async (ids: string[], options: FilterOptions, command: Command) => {
      const session = enter(command);
      const filter = chosen(ids, options, command);
      await withData(session, { work: false }, async ({ operations }) => {
        tell(session, await operations.dropDeadLetters({ filter, reason: options.reason }));
      });
    });
}

function filterOf(options: FilterOptions, command: Command): DeadLetterFilter {
  const { stage, code, video, since, until, limit } = options;
  const { tenant } = command.optsWithGlobals<GlobalOptions>();
  return {
    ...(tenant !== undefined && { tenant }),
    ...(stage !== undefined && { stage }),
    ...(code !== undefined && { code }),
    ...(video !== undefined && { videoId: video }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(limit !== undefined && { limit }),
  };
}

/** What changes letters wants to be told which: ids, a filter, or --all. */
function chosen(ids: string[], options: FilterOptions, command: Command): DeadLetterFilter {
  const { limit, ...filter } = filterOf(options, command);
  const narrow = Object.keys(filter).some((name) => name !== 'tenant');
  if (ids.length === 0 && !narrow && !options.all && limit === undefined)
    throw new CinedexError(
      'USAGE',
      'Which dead letters? Name ids, a filter (--stage, --code, --video, --since), or --all.',
    );
  return {
    ...filter,
    ...(ids.length > 0 && { ids }),
    limit: limit ?? (options.all ? Number.MAX_SAFE_INTEGER : undefined),
  };
}

function tell({ output }: Session, results: HandledDeadLetter[]): void {
  output.result(results, (all) =>
    all.length === 0
      ? ['No dead letter matches.']
      : all.map(({ id, outcome, note }) => `${id.slice(0, 12)}  ${outcome}${note && `: ${note}`}`),
  );
  if (results.some(({ outcome }) => outcome === 'refused')) process.exitCode = EXIT.failed;
}

function describeLetter({
  id,
  at,
  stage,
  code,
  tenant,
  videoId,
  attempts,
  reason,
  handled,
}: ListedDeadLetter): string {
  const who = videoId === null ? '(no video)' : tenant === 'default' ? videoId : `${tenant}/${videoId}`;
  const mark = handled ? `  [${handled.action}]` : '';
  const short = reason.replaceAll(/\s+/g, ' ').slice(0, 80);
  return `${id.slice(0, 12)}  ${new Date(at).toISOString()}  ${stage.padEnd(9)} ${code}  ${who}  after ${attempts}: ${short}${mark}`;
}

function describeFully(letter: ListedDeadLetter): string[] {
  const { origin, handled, original, originalLength, traceparent } = letter;
  return [
    `id       ${letter.id}`,
    `written  ${new Date(letter.at).toISOString()}`,
    `video    ${letter.videoId === null ? '(none)' : `${letter.tenant}/${letter.videoId}`}`,
    `stage    ${letter.stage}, after ${letter.attempts} attempts`,
    `cause    ${letter.code}: ${letter.reason}`,
    `hint     ${letter.hint}`,
    `event    ${origin ? `${origin.topic}, partition ${origin.partition}, offset ${origin.offset}` : '(never on a topic)'}`,
    ...(traceparent ? [`trace    ${traceparent}`] : []),
    ...(handled
      ? [
          `state    ${handled.action} ${new Date(handled.at).toISOString()}${handled.note ? `: ${handled.note}` : ''}`,
        ]
      : ['state    waits']),
    '',
    originalLength === undefined ? original : `${original}\n… (${originalLength} characters in all)`,
  ];
}
