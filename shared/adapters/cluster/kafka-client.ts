/**
 * The Kafka client (kafkajs) as we use it: TLS and SASL from the configuration, its log in ours, zstd from node:zlib, and
 * its errors as ours.
 */
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import kafkajs, {
  type KafkaConfig as ClientConfig,
  type Kafka,
  type LogEntry,
  type SASLOptions,
} from 'kafkajs';
import type { CoreConfig } from '../../config.ts';
import { CinedexError } from '../../contracts/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';

export type KafkaConfig = CoreConfig['kafka'];
export type KafkaLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** Bytes from which compressing off the event loop is worth the way to the thread pool. */
const OFF_LOOP_BYTES = 32 * 1024;

/**
 * A client that connects with its first request. Its retries are short: who uses it tries again, and knows until when.
 * @throws CinedexError CONFIG_INVALID when the authority's file cannot be read or a user is missing; DEPENDENCY_MISSING
 * when zstd is asked for and this Node has none
 */
export function kafkaClient(config: KafkaConfig, log: KafkaLog): Kafka {
  quietTimerWarnings();
  provideZstd(config);
  return new kafkajs.Kafka({
    brokers: config.brokers,
    clientId: config.clientId,
    ssl: tlsOptions(config),
    sasl: saslOptions(config),
    connectionTimeout: 3_000,
    authenticationTimeout: 10_000,
    requestTimeout: 10_000,
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => forward(entry, log),
  });
}

/** The brokers' name for people. */
export function kafkaName(config: KafkaConfig): string {
  return `Kafka ${config.brokers.join(',')}`;
}

/** Error codes of Kafka's protocol (`UNKNOWN_TOPIC_OR_PARTITION`), of the deepest cause; undefined for other errors. */
export function protocolError(error: unknown): string | undefined {
  let found: string | undefined;
  for (let at: unknown = error; at instanceof Error; at = at.cause ?? inner(at)) {
    if ('type' in at && typeof at.type === 'string') found = at.type;
  }
  return found;
}

/** What kafkajs throws, as an error of ours: retryable unless the broker refused for good. */
export function kafkaError(error: unknown, doing: string): CinedexError {
  if (error instanceof CinedexError) return error;
  const type = protocolError(error);
  const said = error instanceof Error ? error.message : String(error);
  const message = `${doing}: ${said}`;
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return new CinedexError('NOT_FOUND', message, { cause: error });
  if (type && TOO_LARGE.has(type)) return new CinedexError('EVENT_INVALID', message, { cause: error });
  if (type && REFUSALS.has(type)) return new CinedexError('CONFIG_INVALID', message, { cause: error });
  if (error instanceof Error && error.name === 'KafkaJSSASLAuthenticationError') {
    return new CinedexError('CONFIG_INVALID', message, { cause: error });
  }
  return new CinedexError('STORE_UNAVAILABLE', message, { cause: error });
}

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
const REFUSALS = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'UNSUPPORTED_COMPRESSION_TYPE',
]);

/** kafkajs keeps causes in fields of its own. */
function inner(error: Error): unknown {
  if ('originalError' in error) return error.originalError;
  if ('errors' in error && Array.isArray(error.errors)) return error.errors[0];
  return undefined;
}

function tlsOptions(config: KafkaConfig): ClientConfig['ssl'] {
  if (!config.tls) return undefined;
  if (!config.caFile) return true;
  try {
    return { ca: [readFileSync(config.caFile, 'utf8')] };
  } catch (cause) {
    throw new CinedexError('CONFIG_INVALID', `CINEDEX_KAFKA_CA_FILE=${config.caFile} cannot be read`, {
      cause,
    });
  }
}

function saslOptions(config: KafkaConfig): SASLOptions | undefined {
  const { saslMechanism: mechanism, saslUsername: username, saslPassword: password } = config;
  if (mechanism === 'none') return undefined;
  if (!username) {
    throw new CinedexError('CONFIG_INVALID', `CINEDEX_KAFKA_SASL_MECHANISM=${mechanism} needs a user`);
  }
  return { mechanism, username, password };
}

/** These tell of each attempt to reach a broker; that it is away is told once by who needs it. */
const CHATTY = new Set([
  'Connection',
  'BrokerPool',
  'Cluster',
  'Producer',
  'ConsumerGroup',
  'Consumer',
  'Runner',
]);

/** What kafkajs calls an error is mostly an attempt that it repeats, so it ranks lower here. */
function forward({ namespace, level, log: { message, ...fields } }: LogEntry, log: KafkaLog): void {
  const { timestamp: _timestamp, logger: _logger, stack: _stack, ...rest } = fields;
  const loud = level <= kafkajs.logLevel.ERROR && !CHATTY.has(namespace);
  const write = (loud ? log.warn : log.debug).bind(log);
  write({ kafka: namespace, ...rest }, message);
}

function provideZstd(config: KafkaConfig): void {
  if (typeof zlib.zstdCompress !== 'function') {
    if (config.compression !== 'zstd') return;
    throw new CinedexError(
      'DEPENDENCY_MISSING',
      'this Node has no zstd (it came with 22.15); set CINEDEX_KAFKA_COMPRESSION=gzip',
    );
  }
  const compress = promisify(zlib.zstdCompress);
  const decompress = promisify(zlib.zstdDecompress);
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) =>
      buffer.length < OFF_LOOP_BYTES ? zlib.zstdCompressSync(buffer) : compress(buffer),
    decompress: async (buffer: Buffer) =>
      buffer.length < OFF_LOOP_BYTES ? zlib.zstdDecompressSync(buffer) : decompress(buffer),
  });
}

let timersQuiet = false;
/**
 * kafkajs asks for timers in the past (`throttledUntil` is -1 until a broker throttles it). Node rounds them up to 1 ms,
 * which is right, and since version 24 warns of each. Only its own warning is dropped.
 */
function quietTimerWarnings(): void {
  if (timersQuiet) return;
  timersQuiet = true;
  const emitWarning = process.emitWarning;
  const filtered = (...args: Parameters<typeof emitWarning>): void => {
    if ((args[1] as unknown) === 'TimeoutNegativeWarning' && new Error().stack?.includes('kafkajs')) return;
    Reflect.apply(emitWarning, process, args);
  };
  process.emitWarning = filtered as typeof emitWarning;
}
