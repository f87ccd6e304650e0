/**
 * The servers that contract, integration and fault suites run on. Each function gives an address, or null after saying
 * loudly what is missing; a suite then skips itself with `describe.skipIf`:
 *
 *   const brokers = kafkaBrokers();
 *   describe.skipIf(!brokers)('…', …)      // and `const url = await redisUrl()`, `await qdrantUrl()`
 *
 * `startRedis`, `startQdrant` and `startKafka` give a private server that a test may stop, crash and restart. Whatever is
 * started here ends with the process that started it.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import {
  accepts,
  findProgram,
  isProgram,
  type ServerRecipe,
  startServer,
  type TestServer,
} from './process.ts';

export type { TestServer } from './process.ts';

const KAFKA_SCRIPT = path.join(import.meta.dirname, 'kafka.sh');
const warned = new Set<string>();

/** Comma-separated `host:port` of Kafka brokers, from KAFKA_BROKERS. */
export function kafkaBrokers(): string | null {
  return fromEnvironment('KAFKA_BROKERS') ?? missing('Kafka', 'set KAFKA_BROKERS, or run .ci/run');
}

/** `redis://…` from REDIS_URL, or of a redis-server on PATH, started once in this process. */
export async function redisUrl(): Promise<string | null> {
  const given = fromEnvironment('REDIS_URL');
  if (given) return given;
  if (!canStartRedis()) return null;
  sharedRedis ??= startRedis();
  return (await sharedRedis).url;
}
let sharedRedis: Promise<TestServer> | undefined;

/** `http://…` from QDRANT_URL, or of the program QDRANT_BINARY or `qdrant` on PATH, started once in this process. */
export async function qdrantUrl(): Promise<string | null> {
  const given = fromEnvironment('QDRANT_URL');
  if (given) return given;
  if (!canStartQdrant()) return null;
  sharedQdrant ??= startQdrant();
  return (await sharedQdrant).url;
}
let sharedQdrant: Promise<TestServer> | undefined;

/** Whether `startRedis` can work; says loudly what is missing. */
export function canStartRedis(): boolean {
  return (
    findProgram('redis-server') !== null || missing('Redis', 'install redis-server or set REDIS_URL') !== null
  );
}

/** Whether `startQdrant` can work; says loudly what is missing. */
export function canStartQdrant(): boolean {
  return qdrantProgram() !== null || missing('Qdrant', 'set QDRANT_URL or QDRANT_BINARY') !== null;
}

/** Whether `startKafka` can work: jars that were prepared before, and Java. Says loudly what is missing. */
export function canStartKafka(): boolean {
  if (findProgram('java') === null) return missing('Java', 'install a Java 17 runtime') !== null;
  try {
    execFileSync(KAFKA_SCRIPT, ['home'], { stdio: 'ignore' });
    return true;
  } catch {
    return missing('Kafka', 'run test/servers/kafka.sh prepare') !== null;
  }
}

/**
 * A Redis of one's own. It keeps nothing over a restart, unless `appendOnly`.
 * @param options.args more command line arguments of redis-server
 */
export function startRedis(options: { appendOnly?: boolean; args?: string[] } = {}): Promise<TestServer> {
  const program = findProgram('redis-server');
  if (!program) throw new Error('There is no redis-server on PATH.');
  return startServer({
    name: 'redis',
    command: ({ port, folder }) => ({
      program,
      args: [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
        ...['--appendonly', options.appendOnly ? 'yes' : 'no', '--appendfsync', 'everysec'],
        ...['--maxmemory-policy', 'noeviction', ...(options.args ?? [])],
      ],
    }),
    url: (port) => `redis://127.0.0.1:${port}/0`,
    answers: accepts,
    startTimeoutMs: 20_000,
  });
}

/** A Qdrant of one's own; its points are still there after a restart. */
export function startQdrant(options: { env?: Record<string, string> } = {}): Promise<TestServer> {
  const program = qdrantProgram();
  if (!program) throw new Error('There is no qdrant: set QDRANT_BINARY.');
  return startServer({
    name: 'qdrant',
    command: ({ port, folder }) => ({
      program,
      args: ['--disable-telemetry'],
      env: {
        QDRANT__SERVICE__HOST: '127.0.0.1',
        QDRANT__SERVICE__HTTP_PORT: String(port),
        // Nobody here speaks gRPC; on one fixed port two servers would meet.
        QDRANT__SERVICE__GRPC_PORT: '0',
        QDRANT__STORAGE__STORAGE_PATH: path.join(folder, 'storage'),
        QDRANT__STORAGE__SNAPSHOTS_PATH: path.join(folder, 'snapshots'),
        QDRANT__TELEMETRY_DISABLED: 'true',
        QDRANT__LOG_LEVEL: 'WARN',
        ...options.env,
      },
    }),
    url: (port) => `http://127.0.0.1:${port}`,
    answers: async (port) => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
    startTimeoutMs: 60_000,
  });
}

/**
 * A Kafka of one's own; its records are still there after a restart. `url` is `host:port`.
 * @param options.properties more lines of server.properties
 */
export function startKafka(options: { properties?: string[] } = {}): Promise<TestServer> {
  return startServer({
    ...kafkaRecipe,
    command: ({ port, folder }) => ({
      program: KAFKA_SCRIPT,
      args: ['serve', folder, String(port)],
      env: { KAFKA_PROPERTIES: (options.properties ?? []).join('\n') },
    }),
  });
}

const kafkaRecipe: Omit<ServerRecipe, 'command'> = {
  name: 'kafka',
  url: (port) => `127.0.0.1:${port}`,
  // The port opens as the last step of the broker's start.
  answers: accepts,
  startTimeoutMs: 90_000,
};

function qdrantProgram(): string | null {
  const given = fromEnvironment('QDRANT_BINARY');
  if (!given) return findProgram('qdrant');
  return isProgram(given) ? given : missing('Qdrant', `QDRANT_BINARY=${given} cannot be run`);
}

function fromEnvironment(name: string): string | null {
  return process.env[name] || null;
}

function missing(server: string, remedy: string): null {
  const line = `SKIPPED: no ${server}: ${remedy}. The suites that need it do not run.`;
  if (!warned.has(line)) console.warn(line);
  warned.add(line);
  return null;
}
