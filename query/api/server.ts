/** The search API as a server that does not listen yet. */
import { randomBytes } from 'node:crypto';
import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { jsonSchemaTransform, serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { CoreConfig } from '../../shared/config.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { formatZodError } from '../../shared/contracts/zod.ts';
import { probeRoutes } from '../../shared/http/probe-routes.ts';
import { answerProblems } from '../../shared/http/problem.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Verdict } from '../../shared/telemetry/probes.ts';
import type { Dictionary } from '../intent/dictionary.ts';
import type { Search } from '../search.ts';
import { guard, refuseOpenDoors } from './access.ts';
import { AnswerCache } from './answer-cache.ts';
import { createAsking } from './asking.ts';
import { createCursors } from './cursors.ts';
import { Idempotency } from './idempotency.ts';
import { KeyRing } from './keys.ts';
import { servePage } from './page.ts';
import { Publisher } from './publisher.ts';
import { exampleRoutes } from './routes/examples.ts';
import { imageRoutes } from './routes/images.ts';
import { ingestRoutes } from './routes/ingest.ts';
import { interactionRoutes } from './routes/interactions.ts';
import { mediaRoutes } from './routes/media.ts';
import { searchRoutes } from './routes/search.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { suggestRoutes } from './routes/suggest.ts';
import { videoRoutes } from './routes/videos.ts';
import type { ApiServices } from './routes.ts';
import { createSessions } from './sessions.ts';
import { Suggester } from './suggester.ts';

export interface QueryServerOptions {
  config: CoreConfig['query'];
  /** Whether videos whose media is at an https address are played from there. */
  allowHttps: boolean;
  /** Whose videos are shown where nobody has to have a key. */
  tenant: string;
  search: Search;
  /** What is known by name, for suggestions; null before there is a generation. */
  dictionary: (tenant: string) => Promise<Dictionary | null>;
  services: ApiServices;
  /** Of topics that are created. */
  partitions: number;
  metrics: Metrics;
  logger: Logger;
  live: () => Verdict;
  ready: () => Promise<Verdict>;
}

const LARGEST_BODY = 256 * 1024;
/** Ids of videos may be 200 characters of any script. */
const LONGEST_PARAMETER = 2_000;
/** How much wider the limit of pictures and media is. */
const LIGHT = 10;

/** @throws CinedexError CONFIG_INVALID when others could reach it and nobody would ask who they are */
export async function createQueryServer(options: QueryServerOptions): Promise<FastifyInstance> {
  const {
    config,
    tenant,
    search,
    dictionary,
    services,
    metrics,
    logger,
    live,
    ready,
    allowHttps,
    partitions,
  } = options;
  const ring = new KeyRing(config.keysFile);
  await refuseOpenDoors(ring, config.host);
  const base = Fastify({
    logger: false,
    forceCloseConnections: 'idle',
    bodyLimit: LARGEST_BODY,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    ...(config.trustedProxies.length > 0 && { trustProxy: config.trustedProxies }),
  });
  const server = base.withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler<z.ZodType>(({ schema }) => (value) => {
    const result = schema.safeParse(value);
    return result.success
      ? { value: result.data }
      : { error: new CinedexError('USAGE', formatZodError(result.error)) };
  });
  server.setSerializerCompiler(serializerCompiler);
  answerProblems(base, logger);
  server.addHook('onSend', async (_, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });

  await server.register(cookie);
  await server.register(rateLimit, { global: false });
  const secret = config.secret || randomBytes(32).toString('hex');
  const sessions = createSessions(secret);
  const access = guard(base, { ring, sessions, tenant, host: config.host, count: limits(base, config) });
  await describe(base);

  const suggester = new Suggester({ dictionary });
  const asking = createAsking({
    ...{ search, metrics, suggester, timeoutMs: config.timeoutMs, cursors: createCursors(secret) },
    cache: new AnswerCache({
      ...{ index: services.index, identities: services.identities },
      ...{ entries: config.cacheEntries, seconds: config.cacheSeconds },
    }),
  });
  const publisher = new Publisher(() => services.bus(), partitions);
  const idempotency = new Idempotency(services.artifacts);
  const routes = { services, asking, suggester, sessions, access, publisher, idempotency, allowHttps };
  probeRoutes(base, { registry: metrics.registry, live, ready });
  searchRoutes(server, routes);
  await exampleRoutes(server, routes);
  suggestRoutes(server, routes);
  videoRoutes(server, routes);
  imageRoutes(server, routes);
  mediaRoutes(server, routes);
  interactionRoutes(server, routes);
  ingestRoutes(server, routes);
  sessionRoutes(server, routes);
  await servePage(base);
  return base;
}

/** Counts by key, and by address where there is none; every process counts what it sees. */
function limits(
  server: FastifyInstance,
  { ratePerMinute }: CoreConfig['query'],
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const limiter = (factor: number) =>
    server.createRateLimit({
      ...{ max: ratePerMinute * factor, timeWindow: 60_000 },
      keyGenerator: ({ caller, ip }) => `${factor} ${caller?.key ?? ip}`,
    });
  const [heavy, light] = [limiter(1), limiter(LIGHT)];
  return async (request, reply) => {
    const { scope, light: isLight } = request.routeOptions.config;
    const state = await (isLight || scope === 'public' ? light : heavy)(request);
    if (state.isAllowed || !state.isExceeded) return;
    reply.header('retry-after', state.ttlInSeconds);
    throw new CinedexError('TOO_MANY_REQUESTS', `More than ${state.max} requests in a minute.`);
  };
}

async function describe(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Cinedex search API',
        version: '1',
        description:
          'Finds videos, and the moments in them. Errors are problem documents (RFC 9457). The header `X-Deadline-Ms` ' +
          'gives a search less time than the server would take; what was too late is named in `partial`.',
      },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'A key of `cinedex keys create`' },
          session: { type: 'apiKey', in: 'cookie', name: 'cinedex_session' },
        },
      },
      security: [{ key: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
  });
  await server.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  server.get('/openapi.json', { config: { scope: 'public' }, schema: { hide: true } }, async () =>
    server.swagger(),
  );
}
