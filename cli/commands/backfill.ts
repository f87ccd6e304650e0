import os from 'node:os';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { BackfillProgress, BackfillResult, ListedBackfill } from '../../ops/backfill/index.ts';
import type { BackfillPlan, BackfillRequest } from '../../shared/contracts/backfill.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { Enter } from '../main.ts';
import type { Operations } from '../operations.ts';
import { EXIT, type Output } from '../output.ts';
import { type GlobalOptions, type Session, withData } from '../session.ts';
import {
  duration,
  type OffsetOption,
  parseCount,
  parseOffsets,
  parseRate,
  parseTime,
} from '../time-options.ts';

const EXAMPLE = `
Without --topic every known video is looked at; with it, those that its events are about. What a video needs is decided by
the pipeline itself; live videos come first.

The condition: source, tenant, video, language, uploader, published, stage.<name> (version done, 0 if none) and
status.<stage>, compared with = != < <= > >=, joined with and, or, not and brackets.

Examples:
  cinedex backfill --dry-run                                   what is stale after models or versions changed
  cinedex backfill --stage ocr --where 'source=ugc and stage.ocr<2' --rate 50/s
  cinedex backfill --stage audio --force --where 'status.audio=failed' --yes
  cinedex backfill --topic videos.ugc --since 7d               videos of the last seven days
  cinedex backfill --rebuild-index                             every document again, for the present models
  cinedex backfill ls | resume <id> | cancel <id>`;

interface BackfillOptions {
  topic?: string[];
  since?: number;
  until?: number;
  offsets?: OffsetOption[];
  stage?: string[];
  where?: string;
  onlyStale?: boolean;
  force?: boolean;
  rebuildIndex?: boolean;
  generation?: string;
  rate?: number;
  parallel?: number;
  dryRun?: boolean;
  yes?: boolean;
}

const CLUSTER_PARALLEL = 8;

/** Live work that shares this machine gets its processors first. */
const stepBack = () => os.setPriority(os.constants.priority.PRIORITY_LOW);

export function registerBackfill(program: Command, enter: Enter): void {
  const backfill = program
    .command('backfill')
    .summary('bring known videos up to date, behind all live work')
    .description(
      'Replays topics, or goes through all known videos, and runs the stages that are stale, in the lowest lane. Shows a plan first.',
    )
    .option('--topic <name...>', 'topics whose events choose the videos')
    .option('--since <time>', 'events from this time on: 2024-05-01, 7d', (text) => parseTime(text))
    .option('--until <time>', 'events before this time', (text) => parseTime(text))
    .option('--offsets <p:from-to>', 'a stretch of one partition; may be repeated', parseOffsets)
    .option('--stage <name...>', 'run these stages only, and those that need them')
    .option('--where <condition>', 'only videos that meet it')
    .option('--only-stale', 'only where the stage key has changed (what happens without --force anyway)')
    .option('--force', 'run the stages of --stage even where nothing has changed')
    .option('--rebuild-index', 'write every document again, into the generation of the present models')
    .option('--generation <name>', 'the generation that --rebuild-index is meant to fill, to be sure')
    .option('--rate <n/s>', 'hand over so many videos a second at most', parseRate)
    .option('--parallel <n>', 'videos in work side by side (1; in a cluster 8)', parseCount)
    .option('--dry-run', 'show the plan and do nothing')
    .option('--yes', 'do not ask')
    .addHelpText('after', EXAMPLE)
    .action(async (options: BackfillOptions, command: Command) => {
      const session = enter(command);
      if (options.force && options.onlyStale)
        throw new CinedexError('USAGE', '--force and --only-stale contradict each other.');
      stepBack();
      const request = requestOf(options, command.optsWithGlobals<GlobalOptions>().tenant, session);
      await withData(session, { work: !options.dryRun }, async ({ operations }) => {
        const plan = await showPlan(operations, request, session);
        if (options.dryRun) return session.output.result(plan, describePlan);
        if (!session.output.json) for (const line of describePlan(plan)) session.output.note(line);
        if (plan.stale === 0 && plan.generation === null)
          return session.output.result({ plan, result: null }, () => ['There is nothing to do.']);
        if (!options.yes) await confirm(session);
        const result = await follow(session.output, (onProgress) =>
          operations.runBackfill({ plan }, onProgress, session.signal),
        );
        tellResult(session, { plan, result });
      });
    });

  backfill
    .command('ls')
    .description('All backfills, the newest first.')
    .addHelpText('after', '\nExample:\n  cinedex backfill ls')
    .action(async (_: object, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        const all = await operations.listBackfills({});
        session.output.result(all, (list) => (list.length === 0 ? ['None yet.'] : list.map(describeListed)));
      });
    });

  backfill
    .command('resume')
    .description('Goes on with a backfill that was stopped.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  cinedex backfill resume b20260131-093000-4f1c')
    .action(async (id: string, _: object, command: Command) => {
      const session = enter(command);
      stepBack();
      await withData(session, { work: true }, async ({ operations }) => {
        const result = await follow(session.output, (onProgress) =>
          operations.resumeBackfill({ id }, onProgress, session.signal),
        );
        tellResult(session, { result });
      });
    });

  backfill
    .command('cancel')
    .description('Ends a backfill; what it has handed over is finished.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  cinedex backfill cancel b20260131-093000-4f1c')
    .action(async (id: string, _: object, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        const { state } = await operations.cancelBackfill({ id });
        session.output.result({ id, state }, () => [`Backfill ${id} is ${state}.`]);
      });
    });
}

function requestOf(
  options: BackfillOptions,
  tenant: string | undefined,
  { config }: Session,
): Partial<BackfillRequest> {
  const { topic, since, until, offsets, stage, where, force, rebuildIndex, generation, rate } = options;
  return {
    ...(tenant !== undefined && { tenant }),
    ...(topic && { topics: topic }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(offsets && { offsets }),
    ...(stage && { stages: stage.flatMap((names) => names.split(',')) }),
    ...(where !== undefined && { where }),
    ...(force && { force }),
    ...(rebuildIndex && { rebuildIndex }),
    ...(generation !== undefined && { generation }),
    ...(rate !== undefined && { rate }),
    parallel: options.parallel ?? (config.core.mode === 'cluster' ? CLUSTER_PARALLEL : 1),
  };
}

async function showPlan(
  operations: Operations,
  request: Partial<BackfillRequest>,
  { output, signal }: Session,
): Promise<BackfillPlan> {
  const bar = output.progress('Planning');
  try {
    return await operations.planBackfill(request, (records) => bar.update(records, records + 1, ''), signal);
  } finally {
    bar.stop();
  }
}

export function describePlan(plan: BackfillPlan): string[] {
  const { records, videos, matched, stale, gone, stages, seconds, generation, request } = plan;
  const from = request.topics.length > 0 ? `${records} events of ${request.topics.join(', ')}` : 'the ledger';
  return [
    `Backfill ${plan.id}: ${videos} videos in ${from}${gone > 0 ? `, ${gone} of them deleted or unknown` : ''};`,
    `  ${matched} chosen, ${stale} with something to do.`,
    ...stages.map(
      (cost) =>
        `  ${cost.stage.padEnd(12)} ${String(cost.videos).padStart(7)} videos  ${cost.seconds === null ? 'cost unknown' : `about ${duration(cost.seconds)}`}`,
    ),
    ...(stale > 0
      ? [
          `  In all about ${duration(seconds)} of handlers' wall time on one worker slot each, by earlier runs; less where artifacts are found.`,
        ]
      : []),
    ...(generation === null
      ? []
      : [`  The index is written to ${generation}; searches follow when it is whole.`]),
  ];
}

/** @throws CinedexError USAGE without a terminal, ABORTED when the answer is no */
async function confirm({ output, signal }: Session): Promise<void> {
  if (!process.stdin.isTTY || output.json)
    throw new CinedexError('USAGE', 'There is no terminal to ask on; look with --dry-run, go with --yes.');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question('Go? [y/N] ', { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new CinedexError('ABORTED', 'Nothing was done.');
  } finally {
    prompt.close();
  }
}

async function follow(
  output: Output,
  work: (onProgress: (progress: BackfillProgress) => void) => Promise<BackfillResult>,
): Promise<BackfillResult> {
  const bar = output.progress('Backfill');
  try {
    return await work((progress) => bar.update(progress.records, progress.total, describeProgress(progress)));
  } finally {
    bar.stop();
  }
}

function describeProgress({ phase, enqueued, outstanding, etaSec, yielding }: BackfillProgress): string {
  if (phase === 'activate') return 'looking whether searches can be switched over';
  const eta = etaSec === null ? '' : `, ${duration(etaSec)} left`;
  if (phase === 'settle') return `${outstanding} videos in work`;
  return `${enqueued} handed over, ${outstanding} in work${yielding ? ', live videos first' : eta}`;
}

function tellResult({ output }: Session, answer: { plan?: BackfillPlan; result: BackfillResult }): void {
  const { id, state, counts, activation } = answer.result;
  output.result(answer, () => [
    `Backfill ${id} is ${state}: ${counts.videos} videos looked at, ${counts.enqueued} worked on, ${counts.upToDate} up to date.`,
    ...(state === 'open' ? [`Go on with: cinedex backfill resume ${id}`] : []),
    ...(activation
      ? [
          activation.activated
            ? `Searches see ${activation.generation} now.`
            : `Searches do not see ${activation.generation} yet: ${activation.reasons.join('; ')}. They are switched over once that is mended.`,
        ]
      : []),
  ]);
  if (state === 'open') process.exitCode = EXIT.interrupted;
}

function describeListed({ plan, state, replayed, note }: ListedBackfill): string {
  const { id, createdAt, records, stale, request } = plan;
  const what = request.rebuildIndex ? 'index' : request.stages.join(',') || 'all stages';
  const how = replayed === null ? '' : ` ${replayed}/${records} events`;
  return `${id}  ${state.padEnd(9)} ${new Date(createdAt).toISOString()}  ${what}, ${stale} videos${how}${note ? `  ${note}` : ''}`;
}
