/** How a stage is declared, and what its handler is given and returns. */
import type { z } from 'zod';
import type { CoreConfig } from '../../shared/config.ts';
import type { ErrorCode } from '../../shared/contracts/errors.ts';
import type { EventData, EventType } from '../../shared/contracts/events.ts';
import type { ModelStore } from '../../shared/models/store.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { Encoders } from '../../shared/ports/encoders.ts';
import type { IdentityStore } from '../../shared/ports/identity-store.ts';
import type { Ledger, VideoRecord } from '../../shared/ports/ledger.ts';
import type { MediaAccess } from '../../shared/ports/media-access.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';

export type AnnouncedEvent = { [T in EventType]: { type: T; data: EventData<T> } }[EventType];

export type Contracts = Record<string, z.ZodType>;
type Parsed<C extends Contracts> = { [K in keyof C]: z.infer<C[K]> };

/** `requires` are there; `joins` are null where that stage failed, was skipped, or does not exist. */
export type StageInput<R extends Contracts, J extends Contracts> = Parsed<R> & {
  [K in keyof J]: z.infer<J[K]> | null;
};

/** What became of a step. Only bugs throw. */
export type Outcome<T> =
  | { kind: 'ok'; output: T }
  /** Usable, but not all of it: `missing` names what. */
  | { kind: 'partial'; output: T; missing: string[] }
  /** There is nothing to do here (no audio track). Not an error. */
  | { kind: 'skip'; reason: string }
  /** Permanent: trying again cannot help. */
  | { kind: 'reject'; code: ErrorCode; message: string }
  /** Not now. Does not count as an attempt. */
  | { kind: 'retryAfter'; delayMs: number; reason: string };

export const ok = <T>(output: T): Outcome<T> => ({ kind: 'ok', output });
export const partial = <T>(output: T, missing: string[]): Outcome<T> => ({
  kind: 'partial',
  output,
  missing,
});
export const skip = (reason: string): Outcome<never> => ({ kind: 'skip', reason });
export const reject = (code: ErrorCode, message: string): Outcome<never> => ({
  kind: 'reject',
  code,
  message,
});
export const retryAfter = (delayMs: number, reason: string): Outcome<never> => ({
  kind: 'retryAfter',
  delayMs,
  reason,
});

/** Made once a process and shared by all stages in it. */
export interface Services {
  core: CoreConfig;
  artifacts: ArtifactStore;
  media: MediaAccess;
  models: ModelStore;
  encoders: Encoders;
  index: VideoIndex;
  identities: IdentityStore;
  logger: Logger;
}

/** One run of one step. */
export interface StageContext {
  video: VideoRecord;
  /** Stage key of this run; the artifact is stored under it. */
  key: string;
  /** Aborted when the step's time is over, its lease is lost or the process stops. Long work must heed it. */
  signal: AbortSignal;
  /** Carries tenant, video and stage. */
  logger: Logger;
  /** Adds to the one wide log event of this job, and to nothing else. */
  note(fields: Record<string, string | number | boolean>): void;
}

export interface StageHandler<I, O> {
  run(input: I, context: StageContext): Promise<Outcome<O>>;
  /** Loads models before the process says that it is ready. @throws CinedexError MODEL_MISSING */
  warmUp?(): Promise<void>;
  /** Undoes what the stage left outside its artifact (index points), when the video is deleted. */
  forget?(video: VideoRecord, signal: AbortSignal): Promise<void>;
  /** Called by the sweeper now and then, for what is about no single video. Cheap when there is nothing to do. */
  upkeep?(stores: { ledger: Ledger }): Promise<void>;
  close?(): Promise<void>;
}

export interface StageDeclaration<
  R extends Contracts,
  J extends Contracts,
  O extends z.ZodType,
  C extends z.ZodObject,
> {
  /** Lower-case; names the topic `video.<name>`, the queue and the configuration section. */
  name: string;
  /** Raise it when the stage's output would differ for the same input. */
  version: number;
  /** Stages whose artifact this one cannot do without, and the contracts of those. */
  requires?: R;
  /** Stages that must have settled, one way or another, before this one runs. */
  joins?: J;
  output: O;
  config: C;
  /** Configuration that shapes the output and so belongs to the stage key. Default: none of it. */
  keyConfig?: (config: z.infer<C>) => unknown;
  /** Ids of the models that shape the output. */
  models?: (config: z.infer<C>, core: CoreConfig) => string[];
  /** What else of the video's record shapes the output (the document reads the metadata). */
  keyInputs?: (video: VideoRecord) => unknown;
  /** Events to publish on other topics than the stage's own, once its artifact and the ledger are written. */
  announce?: (output: z.infer<O>, video: VideoRecord) => { topic: string; event: AnnouncedEvent }[];
  /** Steps of this stage that run side by side in one process. */
  concurrency: number;
  timeoutMs: number;
  /** `backoffMs` doubles with each attempt, with jitter. */
  retry: { attempts: number; backoffMs: number };
}

export interface Stage<
  R extends Contracts = Contracts,
  J extends Contracts = Contracts,
  O extends z.ZodType = z.ZodType,
  C extends z.ZodObject = z.ZodObject,
> extends StageDeclaration<R, J, O, C> {
  requires: R;
  joins: J;
  create(services: Services, config: z.infer<C>): Promise<StageHandler<StageInput<R, J>, z.infer<O>>>;
}

/** A stage whose types have been checked at its definition and are of no concern to the runtime any more. */
export type AnyStage = Omit<Stage, 'create' | 'models' | 'keyConfig' | 'announce'> & {
  create(services: Services, config: never): Promise<StageHandler<never, unknown>>;
  models?: (config: never, core: CoreConfig) => string[];
  keyConfig?: (config: never) => unknown;
  announce?: (output: never, video: VideoRecord) => { topic: string; event: AnnouncedEvent }[];
};

/**
 * Declares a stage. Validation, stage keys, leases, retries, artifacts, events, metrics, traces, logs and abort signals
 * come from the runtime.
 */
export function defineStage<
  O extends z.ZodType,
  C extends z.ZodObject,
  R extends Contracts = Record<never, never>,
  J extends Contracts = Record<never, never>,
>(declaration: StageDeclaration<R, J, O, C>, create: Stage<R, J, O, C>['create']): Stage<R, J, O, C> {
  if (!/^[a-z][a-z0-9]*$/.test(declaration.name))
    throw new Error(`Stage name "${declaration.name}" must be lower-case.`);
  return {
    ...declaration,
    requires: declaration.requires ?? ({} as R),
    joins: declaration.joins ?? ({} as J),
    create,
  };
}
