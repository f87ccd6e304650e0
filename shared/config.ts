/**
 * Configuration: parsed once, from environment variables named `CINEDEX_<SECTION>_<KEY>`, into one checked object that is
 * passed in. Nothing else reads the environment.
 */
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { CLUSTER_SECTIONS } from './cluster-config.ts';
import { booleanWord, commaList, whole } from './config-values.ts';
import { CinedexError } from './contracts/errors.ts';
import { Profile } from './models/store.ts';
import { SEARCH_SECTIONS } from './search-config.ts';

const GiB = 1024 ** 3;

/** Keys that belong to no stage. */
export const CORE_SECTIONS = {
  core: z.object({
    mode: z
      .enum(['embedded', 'cluster'])
      .default('embedded')
      .describe('Where things are kept: in the data folder, or on Kafka, Redis, S3 and Qdrant'),
    artifacts: z
      .enum(['auto', 'folder', 's3'])
      .default('auto')
      .describe(
        'Where a cluster keeps artifacts; folder: below the data folder, which all processes then share',
      ),
    index: z
      .enum(['auto', 'embedded', 'qdrant'])
      .default('auto')
      .describe('Where a cluster keeps the index; embedded: in the data folder, for a single process'),
    dataDir: z.string().min(1).default('.cinedex').describe('Folder of everything that is stored'),
    profile: Profile.default('bundled').describe('Which models are used'),
    modelsDir: z.string().default('').describe('Folder of pulled models; empty: `models` in the data folder'),
    logLevel: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('Least severe log line written'),
    tenant: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/)
      .default('default')
      .describe('Tenant of commands that name none'),
  }),
  media: z.object({
    roots: commaList.default([]).describe('Folders whose files may be indexed, separated by commas'),
    allowHttps: booleanWord.default(true).describe('Whether https uris are fetched'),
    maxBytes: whole(1, 1024 * GiB)
      .default(8 * GiB)
      .describe('Largest media file, bytes'),
    maxPixels: whole(1, 10 ** 9)
      .default(8_294_400 * 2)
      .describe('Largest picture, width × height'),
    maxDurationSec: whole(1, 10 ** 6)
      .default(7_200)
      .describe('Longest video, seconds; what is beyond is not read'),
    maxMemoryBytes: whole(64 * 1024 ** 2, 1024 * GiB)
      .default(4 * GiB)
      .describe('Address space of one ffmpeg child, bytes'),
    timeoutMs: whole(1_000, 10 ** 8)
      .default(1_800_000)
      .describe('Wall-clock limit of one ffmpeg run'),
    ffmpegPath: z.string().default('').describe('ffmpeg to use; empty: the system’s, then the one from npm'),
    ffprobePath: z
      .string()
      .default('')
      .describe('ffprobe to use; empty: the system’s, then the one from npm'),
  }),
  runtime: z.object({
    leaseMs: whole(1_000, 10 ** 8)
      .default(30_000)
      .describe('How long a silent worker keeps a step'),
    sweepMs: whole(50, 10 ** 7)
      .default(5_000)
      .describe('How often overdue steps are looked for'),
    maxQueueDepth: whole(1, 10 ** 7)
      .default(1_000)
      .describe('Waiting jobs of a stage above which intake pauses'),
    shutdownMs: whole(0, 10 ** 7)
      .default(15_000)
      .describe('How long running steps may finish at a stop'),
    metricsHost: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Address that /metrics and the probes listen on; 0.0.0.0 in a container'),
    metricsPort: whole(0, 65_535)
      .default(0)
      .describe('Port of /metrics, /livez, /readyz and /healthz; 0: none'),
    stallMs: whole(1_000, 10 ** 8)
      .default(60_000)
      .describe('How long an event loop or a queue with work may stand still before /livez says so'),
    maxRssBytes: whole(0, 1024 * GiB)
      .default(0)
      .describe('Memory of a worker above which it drains and ends, to be started afresh; 0: never'),
    maxJobs: whole(0, 10 ** 9)
      .default(0)
      .describe('Jobs after which a worker drains and ends, to be started afresh; 0: never'),
    partitions: whole(1, 10_000)
      .default(8)
      .describe(
        'Partitions of each topic that is made: at most so many workers take its events in side by side',
      ),
    otlpEndpoint: z.string().default('').describe('OTLP/HTTP endpoint for traces; empty: none are sent'),
  }),
  query: z.object({
    host: z.string().min(1).default('127.0.0.1').describe('Address that `cinedex query` listens on'),
    port: whole(0, 65_535).default(8080).describe('Its port; 0: any free one'),
    timeoutMs: whole(100, 10 ** 6)
      .default(10_000)
      .describe('Limit of one search, ms; recall channels that are later than its greater part are left out'),
    keysFile: z
      .string()
      .default('')
      .describe('File of the API keys (`cinedex keys`); empty: `api-keys.json` in the data folder'),
    secret: z
      .string()
      .refine((value) => value === '' || value.length >= 32, 'expected at least 32 characters')
      .default('')
      .describe(
        'What sessions and cursors are signed with; several query processes share one; empty: random',
      ),
    ratePerMinute: whole(1, 10 ** 6)
      .default(600)
      .describe(
        'Requests of a key, or of an address without one, in a minute; ten times as many for pictures and media',
      ),
    trustedProxies: commaList
      .default([])
      .describe(
        'Addresses (or CIDR ranges) of proxies whose X-Forwarded-For is believed, separated by commas',
      ),
    cacheEntries: whole(0, 10 ** 6)
      .default(500)
      .describe('Answers that are kept for the same question; 0: none'),
    cacheSeconds: whole(1, 86_400)
      .default(60)
      .describe('How long at most; what is indexed or deleted meanwhile is seen at once'),
  }),
  ops: z.object({
    host: z.string().min(1).default('127.0.0.1').describe('Address that `cinedex ops` listens on'),
    port: whole(0, 65_535).default(8090).describe('Its port; 0: any free one'),
    user: z.string().min(1).default('admin').describe('Who may sign in with the password'),
    password: z
      .string()
      .default('')
      .describe('Password of the operators’ pages; without it or a token they are served on loopback only'),
    token: z.string().default('').describe('Bearer token for programs that use the admin API'),
    loginPerMinute: whole(1, 10_000)
      .default(10)
      .describe('Failed sign-ins of one address in a minute before it is refused'),
  }),
  models: z.object({
    hubUrl: z
      .url({ protocol: /^https?$/ })
      .default('https://huggingface.co')
      .describe('Hub that models are pulled from'),
    hubToken: z.string().default('').describe('Access token for the hub; empty: none is sent'),
  }),
  ...SEARCH_SECTIONS,
  ...CLUSTER_SECTIONS,
} as const;

type Sections = Record<string, z.ZodObject>;
export type CoreConfig = { [K in keyof typeof CORE_SECTIONS]: z.infer<(typeof CORE_SECTIONS)[K]> };
export type Config = CoreConfig & { stages: Record<string, unknown> };

/** `CINEDEX_DATA_DIR` for a key of `core`, `CINEDEX_OCR_ENGINE` for `engine` of `ocr`. */
export function environmentName(section: string, key: string): string {
  const words = key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
  return section === 'core' ? `CINEDEX_${words}` : `CINEDEX_${section.toUpperCase()}_${words}`;
}

/** Names read directly by the start script or by tests, so not unknown keys. */
const OTHER_NAMES = new Set(['CINEDEX_SHARED_DATA']);

/**
 * @param environment usually process.env
 * @param stageSections configuration of each stage, by stage name
 * @param overrides values from the command line, by section and key; they win over the environment
 * @throws CinedexError CONFIG_INVALID naming the key, its value and what is allowed
 */
export function loadConfig(
  environment: Record<string, string | undefined>,
  stageSections: Sections = {},
  overrides: Record<string, Record<string, unknown>> = {},
): Config {
  const sections: Sections = { ...CORE_SECTIONS, ...stageSections };
  const known = new Set(OTHER_NAMES);
  const problems: string[] = [];
  const parsed: Record<string, unknown> = {};
  for (const [section, schema] of Object.entries(sections)) {
    const raw: Record<string, unknown> = {};
    for (const key of Object.keys(schema.shape)) {
      const name = environmentName(section, key);
      known.add(name);
      const value = overrides[section]?.[key] ?? environment[name];
      if (value !== undefined && value !== '') raw[key] = value;
    }
    const result = schema.safeParse(raw);
    if (result.success) parsed[section] = result.data;
    else {
      for (const issue of result.error.issues) {
        const key = String(issue.path[0]);
        problems.push(`${environmentName(section, key)}=${JSON.stringify(raw[key])}: ${issue.message}`);
      }
    }
  }
  for (const name of Object.keys(environment)) {
    if (name.startsWith('CINEDEX_') && !known.has(name)) problems.push(`${name}: no such key`);
  }
  if (problems.length > 0) throw new CinedexError('CONFIG_INVALID', problems.join('\n'));
  const core = parsed as unknown as CoreConfig;
  const dataDir = path.resolve(core.core.dataDir.replace(/^~(?=$|\/)/, os.homedir()));
  return {
    ...core,
    core: {
      ...core.core,
      dataDir,
      modelsDir: path.resolve(core.core.modelsDir || path.join(dataDir, 'models')),
    },
    query: {
      ...core.query,
      keysFile: path.resolve(core.query.keysFile || path.join(dataDir, 'api-keys.json')),
    },
    media: { ...core.media, roots: core.media.roots.map((root) => path.resolve(root)) },
    stages: Object.fromEntries(Object.keys(stageSections).map((name) => [name, parsed[name]])),
  };
}

/** Every key with its environment name, default and meaning: the source of the README's table. */
export function describeConfig(
  stageSections: Sections = {},
): { name: string; fallback: string; meaning: string; allowed: string }[] {
  return Object.entries({ ...CORE_SECTIONS, ...stageSections }).flatMap(([section, schema]) => {
    const defaults = schema.parse({}) as Record<string, unknown>;
    return Object.entries(schema.shape as Record<string, z.ZodType>).map(([key, field]) => ({
      name: environmentName(section, key),
      fallback: asWritten(defaults[key]),
      meaning: field.description ?? '',
      allowed: allowedValues(field),
    }));
  });
}

/** A value as it is written in the environment: lists and weights separated by commas. */
function asWritten(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  return Object.entries(value)
    .map(([name, weight]) => `${name}=${weight}`)
    .join(',');
}

function allowedValues(field: z.ZodType): string {
  const inner = field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field;
  if (inner instanceof z.ZodEnum) return inner.options.join(' \\| ');
  if (inner instanceof z.ZodNumber) return `${inner.minValue} … ${inner.maxValue}`;
  return '';
}
