/** The part of the Compose specification that docker-compose.yml uses, and what must hold of it beyond its form. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { CORE_SECTIONS } from '../../shared/config.ts';
import { environmentProblems, isPinned, root, SECRET, seconds, workerProblems } from './files.ts';

const Duration = z.string().regex(/^\d+[smh]$/);
const Size = z.string().regex(/^\d+[mg]$/);
const Scalar = z.string({ error: 'a string; numbers and booleans are quoted' });

const Volume = z.union([
  z.string().regex(/^(\.\/[\w./-]+|[a-z0-9-]+):\/[\w./-]+(:ro)?$/),
  z.strictObject({ type: z.literal('volume'), source: z.string().optional(), target: z.string() }),
  z.strictObject({
    type: z.literal('bind'),
    source: z.string(),
    target: z.string(),
    read_only: z.boolean(),
  }),
]);

const Service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  user: z.string().optional(),
  profiles: z.array(z.string()).optional(),
  init: z.boolean().optional(),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']),
  read_only: z.boolean().optional(),
  tmpfs: z.array(z.string().regex(/^\/[a-z]+:size=\d+m(,mode=\d+)?$/)).optional(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), z.string()) }),
  environment: z.record(z.string(), Scalar).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(Volume).default([]),
  networks: z.array(z.string()),
  secrets: z.array(z.string()).default([]),
  depends_on: z
    .record(
      z.string(),
      z.strictObject({
        condition: z.enum(['service_started', 'service_healthy', 'service_completed_successfully']),
      }),
    )
    .default({}),
  healthcheck: z.union([
    z.strictObject({ disable: z.literal(true) }),
    z.strictObject({
      test: z.array(z.string()).min(2),
      interval: Duration,
      timeout: Duration,
      retries: z.number().int().positive(),
      start_period: Duration,
    }),
  ]),
  stop_grace_period: Duration.optional(),
  deploy: z.strictObject({
    resources: z.strictObject({
      limits: z.strictObject({
        cpus: z.string().regex(/^\d+(\.\d+)?$/),
        memory: Size,
        pids: z.number().int().positive(),
      }),
    }),
  }),
});
export type Service = z.infer<typeof Service>;

export const ComposeFile = z
  .object({
    name: z.string(),
    services: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), Service),
    networks: z.record(z.string(), z.strictObject({ internal: z.boolean().optional() })),
    volumes: z.record(z.string(), z.strictObject({})),
    secrets: z
      .record(z.string(), z.strictObject({ file: z.string().optional(), environment: z.string().optional() }))
      .default({}),
  })
  .catchall(z.unknown())
  .superRefine((file, context) => {
    const known = new Set(['name', 'services', 'networks', 'volumes', 'secrets']);
    for (const key of Object.keys(file)) {
      if (!known.has(key) && !key.startsWith('x-')) context.addIssue(`no such element: ${key}`);
    }
  });
export type ComposeFile = z.infer<typeof ComposeFile>;

const VARIABLE = /\$\{(\w+)(?::([-?])([^}]*))?\}/g;

/** As long as what deploy/example.env tells to fill in. */
export const SET = 'x'.repeat(48);

/** Names of the variables that a file takes from .env. */
export function variables(text: string): Set<string> {
  return new Set([...text.matchAll(VARIABLE)].map(([, name]) => name!));
}

/** Values as Compose gives them to a container, when every variable without a default is set to something. */
export function interpolated(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value
        .replaceAll(VARIABLE, (_, _name, kind, fallback) => (kind === '-' ? fallback : SET))
        .replaceAll('$$', '$'),
    ]),
  );
}

/** What is wrong, in words; none of it when the stack can be brought up as it is meant. */
export function composeProblems(file: ComposeFile): string[] {
  const { services } = file;
  const workers = Object.fromEntries(
    Object.entries(services).flatMap(([name, { command }]) =>
      command?.[0] === 'worker' ? [[name, command]] : [],
    ),
  );
  return [
    ...workerProblems(workers),
    ...Object.entries(services).flatMap(([name, service]) => serviceProblems(name, service, file)),
    ...(services.kafka && services.redis && services.qdrant && services.s3 ? serverProblems(services) : []),
  ];
}

function serviceProblems(name: string, service: Service, file: ComposeFile): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) problems.push(`${name}: ${what}`);
  };
  const isTool = service.profiles?.includes('tools') ?? false;
  must(isPinned(service.image), `the image ${service.image} is not pinned`);
  must(service.cap_drop.includes('ALL'), 'keeps capabilities');
  must(service.security_opt.includes('no-new-privileges:true'), 'may gain privileges');
  must(!/^(root|0)(:|$)/.test(service.user ?? ''), 'runs as root');
  must(isTool || !('disable' in service.healthcheck), 'has no health check');
  for (const network of service.networks) must(network in file.networks, `no network ${network}`);
  for (const [other, { condition }] of Object.entries(service.depends_on)) {
    const target = file.services[other];
    must(target !== undefined, `waits for ${other}, which is none`);
    must(
      condition !== 'service_healthy' || (!!target && !('disable' in target.healthcheck)),
      `${other} is never healthy`,
    );
  }
  for (const secret of service.secrets) {
    // Compose copies what is not a file into the container, which a read-only one refuses.
    must(
      !service.read_only || file.secrets[secret]?.file !== undefined,
      `secret ${secret} needs a writable root`,
    );
  }
  for (const volume of service.volumes) {
    const source = typeof volume === 'string' ? volume.split(':')[0]! : volume.source;
    if (source === undefined || source.startsWith('${')) continue;
    if (source.startsWith('./'))
      must(existsSync(path.join(root, source)), `mounts ${source}, which is not there`);
    else must(source in file.volumes, `no volume ${source}`);
  }
  for (const [key, value] of Object.entries(service.environment)) {
    const open = /^\$\{\w+:(\?.+|-)\}$/.test(value);
    must(!SECRET.test(key) || open, `${key} must be a variable that has to be set`);
  }
  for (const port of service.ports) {
    const [address, , inside] = port.split(':');
    must(address === '127.0.0.1' && inside !== undefined, `port ${port} is open to other machines`);
    must(
      service.networks.some((network) => !file.networks[network]?.internal),
      `port ${port} is published from internal networks, where it is not reached`,
    );
  }
  if (service.build) problems.push(...processProblems(name, service, isTool));
  return problems;
}

/** Of a process of ours. */
function processProblems(name: string, service: Service, isTool: boolean): string[] {
  const environment = interpolated(service.environment);
  const problems = environmentProblems(environment, name);
  const must = (holds: boolean, what: string) => {
    if (!holds) problems.push(`${name}: ${what}`);
  };
  const verb = service.command?.[0];
  must(verb !== undefined && existsSync(path.join(root, `cli/commands/${verb}.ts`)), `no verb ${verb}`);
  must(existsSync(path.join(root, service.build!.dockerfile)), `no ${service.build!.dockerfile}`);
  must(service.read_only === true, 'has a writable root file system');
  must(service.init === true, 'leaves the children of its children behind');
  must(environment.CINEDEX_MODE === 'cluster', 'is not in cluster mode');
  const stopping = CORE_SECTIONS.runtime.parse({}).shutdownMs / 1_000 + 10;
  must(seconds(service.stop_grace_period ?? '10s') > stopping, `is killed before its ${stopping} s are over`);
  must(
    service.volumes.some(
      (volume) => typeof volume !== 'string' && volume.target === environment.CINEDEX_DATA_DIR,
    ),
    'has no volume for its data folder',
  );
  if (verb === 'query' || isTool) {
    const keys = environment.CINEDEX_QUERY_KEYS_FILE;
    must(
      service.volumes.some((volume) => keys?.startsWith(`${shared(volume)}/`)),
      'keeps its API keys for itself',
    );
  }
  if (isTool) return problems;
  const { query, ops } = { query: CORE_SECTIONS.query.parse({}), ops: CORE_SECTIONS.ops.parse({}) };
  const own = {
    worker: environment.CINEDEX_RUNTIME_METRICS_PORT,
    query: environment.CINEDEX_QUERY_PORT ?? String(query.port),
    ops: environment.CINEDEX_OPS_PORT ?? String(ops.port),
  }[verb as 'worker' | 'query' | 'ops'];
  const probe = 'test' in service.healthcheck ? service.healthcheck.test.at(-1)! : '';
  must(new RegExp(`^http://127\\.0\\.0\\.1:${own}/(livez|readyz)$`).test(probe), `is probed at ${probe}`);
  for (const port of service.ports) must(port === `127.0.0.1:${own}:${own}`, `publishes ${port}`);
  const hosts = {
    worker: 'CINEDEX_RUNTIME_METRICS_HOST',
    query: 'CINEDEX_QUERY_HOST',
    ops: 'CINEDEX_OPS_HOST',
  };
  const host = environment[hosts[verb as keyof typeof hosts]];
  must(host === '0.0.0.0', 'listens where only its own container hears');
  return problems;
}

/** Where a named volume is mounted; null for any other. */
function shared(volume: Service['volumes'][number]): string | null {
  return typeof volume === 'string' && !volume.startsWith('.') ? volume.split(':')[1]! : null;
}

/** Addresses that our processes are given must be those that the servers listen on. */
function serverProblems(services: ComposeFile['services']): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) problems.push(what);
  };
  const { kafka, redis, qdrant, s3 } = services as Record<string, Service>;
  const kafkaListener = kafka!.environment.KAFKA_ADVERTISED_LISTENERS?.split('//')[1];
  const [, kafkaPort] = kafkaListener?.split(':') ?? [];
  must(
    kafka!.environment.KAFKA_LISTENERS?.includes(`//:${kafkaPort},`) ?? false,
    'kafka: listens elsewhere than it says',
  );
  must(JSON.stringify(kafka!.healthcheck).includes(`127.0.0.1/${kafkaPort}`), 'kafka: is probed elsewhere');
  must(redis!.command?.join(' ').includes('--maxmemory-policy noeviction') ?? false, 'redis: may evict jobs');
  must(redis!.command?.join(' ').includes('--appendonly yes') ?? false, 'redis: keeps no append-only file');
  for (const [name, { environment, build }] of Object.entries(services)) {
    if (!build) continue;
    must(environment.CINEDEX_KAFKA_BROKERS === kafkaListener, `${name}: other brokers than ${kafkaListener}`);
    must(/^redis:\/\/redis:6379\b/.test(environment.CINEDEX_REDIS_URL ?? ''), `${name}: another Redis`);
    must(
      environment.CINEDEX_REDIS_PASSWORD === redis!.environment.REDISCLI_AUTH,
      `${name}: another password`,
    );
    must(environment.CINEDEX_QDRANT_URL === 'http://qdrant:6333', `${name}: another Qdrant`);
    must(
      environment.CINEDEX_QDRANT_API_KEY === qdrant!.environment.QDRANT__SERVICE__API_KEY,
      `${name}: another key of Qdrant`,
    );
    must(environment.CINEDEX_S3_ENDPOINT === 'http://s3:8333', `${name}: another S3`);
    must(
      environment.CINEDEX_S3_ACCESS_KEY_ID === s3!.environment.AWS_ACCESS_KEY_ID &&
        environment.CINEDEX_S3_SECRET_ACCESS_KEY === s3!.environment.AWS_SECRET_ACCESS_KEY,
      `${name}: other keys of S3`,
    );
  }
  must(JSON.stringify(qdrant!.healthcheck).includes('127.0.0.1/6333'), 'qdrant: is probed elsewhere');
  must(JSON.stringify(s3!.healthcheck).includes('127.0.0.1:8333'), 's3: is probed elsewhere');
  return problems;
}
