/** What every verb begins with: the configuration, and a way to the data folder. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { openDataFolder } from '../shared/adapters/embedded/data-folder.ts';
import { type Config, loadConfig } from '../shared/config.ts';
import { createLogger, type Logger } from '../shared/telemetry/logger.ts';
import { createApp } from '../workers/app.ts';
import { STAGES, stageSections } from '../workers/stages.ts';
import { examplesOf, localOperations, type Operations } from './operations.ts';
import { Output } from './output.ts';
import { connectOperations, socketPath } from './socket.ts';

/** Options that every verb has. */
export interface GlobalOptions {
  dataDir?: string;
  tenant?: string;
  json?: boolean;
  quiet?: boolean;
}

export interface Session {
  config: Config;
  tenant: string;
  output: Output;
  /** Aborted by Ctrl-C and SIGTERM. */
  signal: AbortSignal;
}

export type Environment = Record<string, string | undefined>;

/** @throws CinedexError CONFIG_INVALID */
export function createSession(
  environment: Environment,
  options: GlobalOptions,
  signal: AbortSignal,
): Session {
  const config = loadConfig(environment, stageSections(), {
    core: { dataDir: options.dataDir, tenant: options.tenant },
  });
  return {
    config,
    tenant: config.core.tenant,
    output: new Output({ json: options.json ?? false, quiet: options.quiet }),
    signal,
  };
}

/** What a person names on the command line may be read, beside the configured roots. */
export function withRoots(session: Session, roots: readonly string[]): Session {
  const { config } = session;
  return {
    ...session,
    config: { ...config, media: { ...config.media, roots: [...config.media.roots, ...roots] } },
  };
}

export interface Connection {
  operations: Operations;
  /** Whether others do the work: a running `up`, or the workers of a cluster. */
  remote: boolean;
}

/**
 * Calls `use` with what the verb works on: through the socket of a running `up`, else opened here. In embedded mode that is
 * the data folder, which belongs to this process for the time; in cluster mode it is the servers, beside any number of
 * other processes.
 * @param options.work whether stages run in this process, when it is not another that owns the folder; in cluster mode the
 *   workers do that, unless it is `always`
 * @throws CinedexError DATA_LOCKED when a process owns the folder that is no `up`
 */
export async function withData<T>(
  session: Session,
  options: { work: boolean | 'always' },
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { config, output } = session;
  const running = await connectOperations(socketPath(config.core.dataDir));
  if (running) return use({ operations: running, remote: true });
  const app = await createApp(config, { stages: STAGES, logger: fileLogger(config) });
  const examples = examplesOf(app);
  const cluster = config.core.mode === 'cluster';
  try {
    if (options.work === 'always' || (options.work && !cluster)) await app.start();
    else if (options.work)
      output.note('The workers of the cluster do this (`cinedex worker`, `cinedex up`).');
    return await use({ operations: localOperations(app, examples), remote: cluster });
  } finally {
    await examples.close();
    await app.stop();
  }
}

/**
 * The data folder for a process that serves others through its socket. The embedded stores take it by themselves.
 * @returns frees it
 * @throws CinedexError DATA_LOCKED when another process has it
 */
export function takeDataFolder(config: Config): () => void {
  if (config.core.mode === 'embedded') return () => undefined;
  const folder = openDataFolder(config.core.dataDir);
  return () => folder.release();
}

/** Verbs speak to a person, so what the pipeline logs meanwhile goes to a file. */
export function fileLogger(config: Config): Logger {
  mkdirSync(config.core.dataDir, { recursive: true });
  return createLogger({
    level: config.core.logLevel,
    destination: pino.destination({ dest: logFile(config), append: true, sync: true }),
  });
}

export function logFile(config: Config): string {
  return path.join(config.core.dataDir, 'cinedex.log');
}
