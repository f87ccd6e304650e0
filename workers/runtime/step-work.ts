/** The work of one step, without its effects: its artifact is found, or its stage makes it of those before it. */
import { CinedexError } from '../../shared/contracts/errors.ts';
import { formatZodError } from '../../shared/contracts/zod.ts';
import type { Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import { readArtifact, type StoredArtifact } from './artifact.ts';
import type { BoundStage } from './bind.ts';
import { abortable, Postponed, Rejected, UpstreamLost } from './interruptions.ts';
import { FORGET, hasArtifact } from './plan.ts';
import type { Outcome, Services, StageContext, StageHandler } from './stage.ts';
import type { Settlement, StepJob } from './steps.ts';

export type Handlers = Map<string, StageHandler<never, unknown>>;

export interface StepResult {
  settlement: Omit<Settlement, 'durationMs'>;
  output?: unknown;
  /** Still to be written, unless it was found (`settlement.reused`). */
  artifact?: StoredArtifact;
}

export interface WorkDeps {
  stages: ReadonlyMap<string, BoundStage>;
  handlers: Handlers;
  services: Services;
  ledger: Ledger;
}

/**
 * @param run.fields what the handler notes for the job's report is added to it
 * @throws Rejected, Postponed as the handler answered; UpstreamLost when an artifact that it needs is gone; the signal's
 * reason; whatever a handler with a bug throws
 */
export async function workStep(
  deps: WorkDeps,
  job: StepJob,
  video: VideoRecord,
  run: {
    signal: AbortSignal;
    fields: Record<string, string | number | boolean>;
    traceparent: string | undefined;
  },
): Promise<StepResult> {
  const { signal, fields, traceparent } = run;
  if (job.stage === FORGET) {
    await forget(deps, job, video, signal);
    return { settlement: { status: 'done', reused: false } };
  }
  const bound = deps.stages.get(job.stage);
  const handler = deps.handlers.get(job.stage);
  if (!bound || !handler)
    throw new CinedexError('STAGE_BUG', `No stage "${job.stage}" runs in this process.`);
  const logger = deps.services.logger.child({ ...job, traceparent });
  const found = await readArtifact(deps.services.artifacts, job.key, bound.stage.output, (error) =>
    logger.warn({ err: error }, 'artifact unreadable; it is made again'),
  );
  if (found) {
    const { status, missing, output } = found;
    return { settlement: { status, reused: true, missing }, output, artifact: found };
  }
  const input = await gather(deps, bound, video);
  const context: StageContext = {
    video,
    key: job.key,
    signal,
    logger,
    note: (more) => Object.assign(fields, more),
  };
  const outcome = await abortable(handler.run(input as never, context) as Promise<Outcome<unknown>>, signal);
  return judge(bound, job, outcome);
}

function judge(bound: BoundStage, job: StepJob, outcome: Outcome<unknown>): StepResult {
  if (outcome.kind === 'skip')
    return { settlement: { status: 'skipped', reused: false, missing: [outcome.reason] } };
  if (outcome.kind === 'reject') throw new Rejected(outcome.code, outcome.message);
  if (outcome.kind === 'retryAfter') throw new Postponed(outcome.delayMs, outcome.reason);
  const parsed = bound.stage.output.safeParse(outcome.output);
  if (!parsed.success) {
    throw new CinedexError('STAGE_OUTPUT_INVALID', `${job.stage}: ${formatZodError(parsed.error)}`);
  }
  const status = outcome.kind === 'ok' ? 'done' : 'partial';
  const missing = outcome.kind === 'partial' ? outcome.missing : [];
  const { tenant, videoId, stage } = job;
  const artifact = {
    stage,
    version: bound.stage.version,
    tenant,
    videoId,
    status,
    missing,
    output: parsed.data,
  } as const;
  return { settlement: { status, reused: false, missing }, output: parsed.data, artifact };
}

/** The outputs of the stages before this one. A lost artifact sends its stage back to be run again. */
async function gather(
  { services }: WorkDeps,
  bound: BoundStage,
  video: VideoRecord,
): Promise<Record<string, unknown>> {
  const input: Record<string, unknown> = {};
  const contracts = { ...bound.stage.requires, ...bound.stage.joins };
  await Promise.all(
    Object.entries(contracts).map(async ([name, contract]) => {
      const step = video.steps[name];
      input[name] = null;
      if (!step || !hasArtifact(step)) return;
      const found = await readArtifact(services.artifacts, step.key, contract, (error) =>
        services.logger.warn({ err: error, stage: name, videoId: video.videoId }, 'artifact unreadable'),
      );
      if (!found) throw new UpstreamLost(name);
      input[name] = found.output;
    }),
  );
  return input;
}

async function forget(
  { handlers, services, ledger }: WorkDeps,
  job: StepJob,
  video: VideoRecord,
  signal: AbortSignal,
): Promise<void> {
  if (!video.deleted) return; // Uploaded again before this ran: there is nothing to forget any more.
  for (const handler of handlers.values()) await handler.forget?.(video, signal);
  for (const [stage, step] of Object.entries(video.steps)) {
    if (stage !== FORGET) await services.artifacts.deleteManifest(step.key);
  }
  await ledger.update(job, (current) =>
    current?.deleted ? { ...current, steps: { [FORGET]: current.steps[FORGET]! } } : undefined,
  );
}
