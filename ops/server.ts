/** The operators' server: the flow, the queues (bull-board), the admin API and the metrics, behind one sign-in. */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { CinedexError } from '../shared/contracts/errors.ts';
import type { Asking } from '../shared/http/asking.ts';
import { probeRoutes } from '../shared/http/probe-routes.ts';
import { answerProblems, problemOf } from '../shared/http/problem.ts';
import type { Logger } from '../shared/telemetry/logger.ts';
import type { Probes } from '../shared/telemetry/probes.ts';
import { apiRoutes } from './api.ts';
import type { OpsOperations } from './operations.ts';
import { pageRoutes } from './page-routes.ts';
import { PAGE_HEADERS, signInPage } from './pages/index.ts';
import { createSignIn, type OpsConfig } from './sign-in.ts';

export interface OpsServerOptions extends Probes {
  config: OpsConfig;
  /** Tenant of requests that name none. */
  tenant: string;
  operations: OpsOperations;
  /** Names of all stages. */
  stages: readonly string[];
  /** Shown by bull-board; none: the page of queues is left out. */
  queues: readonly Queue[];
  logger: Logger;
}

const QUEUES = '/queues';
/** Whoever supervises the process needs no session, and learns no more than yes or no and why. */
const OPEN = new Set(['/livez', '/readyz', '/login']);
/** bull-board's page names a font of another site; nothing is fetched from elsewhere, and no other site may frame it. */
const BOARD_HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
const LARGEST_BODY = 1024 ** 2;

/**
 * A server that does not listen yet.
 * @throws CinedexError CONFIG_INVALID when others could reach it and nobody would ask who they are
 */
export async function createOpsServer(options: OpsServerOptions): Promise<FastifyInstance> {
  const { config, operations, queues, logger, tenant } = options;
  const signIn = createSignIn(config);
  const server = Fastify({ logger: false, forceCloseConnections: 'idle', bodyLimit: LARGEST_BODY });
  answerProblems(server, logger);

  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_: unknown, body: string | Buffer) => formFields(new URLSearchParams(String(body))),
  );
  server.addHook('onRequest', async (request, reply) => {
    if (OPEN.has(pathOf(request))) return;
    try {
      signIn.check(askingOf(request));
    } catch (error) {
      if (
        wantsPage(request) &&
        error instanceof CinedexError &&
        error.code === 'UNAUTHORIZED' &&
        signIn.required
      )
        return reply.redirect('/login', 303);
      throw error;
    }
  });
  server.addHook('onSend', async (_, reply) => {
    if (reply.statusCode === 429) reply.header('retry-after', '60');
    if (reply.statusCode === 401) reply.header('www-authenticate', 'Bearer realm="cinedex"');
  });

  probeRoutes(server, options);
  server.get('/login', async (_, reply) => {
    if (!signIn.required) return reply.redirect('/', 303);
    return reply.headers(PAGE_HEADERS).send(signInPage(null));
  });
  server.post('/login', async (request, reply) => {
    const { user, password } = (request.body ?? {}) as Record<string, unknown>;
    try {
      const cookie = signIn.enter(askingOf(request), String(user ?? ''), String(password ?? ''));
      return reply.header('set-cookie', cookie).redirect('/', 303);
    } catch (error) {
      const { status, detail } = problemOf(error);
      logger.warn({ address: request.ip, status }, 'sign-in refused');
      return reply.code(status).headers(PAGE_HEADERS).send(signInPage(detail));
    }
  });
  server.post('/logout', async (_, reply) =>
    reply.header('set-cookie', signIn.leave()).redirect('/login', 303),
  );
  pageRoutes(server, operations, {
    tenant,
    stages: options.stages,
    frame: { signedIn: signIn.required, queues: queues.length > 0 },
  });
  apiRoutes(server, operations, tenant);
  if (queues.length > 0) await mountBullBoard(server, queues);
  return server;
}

async function mountBullBoard(server: FastifyInstance, queues: readonly Queue[]): Promise<void> {
  const adapter = new FastifyAdapter();
  adapter.setBasePath(QUEUES);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue)),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: 'Cinedex queues',
        miscLinks: [{ text: 'Flow', url: '/' }],
        hideDocsLink: true,
        // It asks Redis for the names of connections, which tell nothing on the embedded queue: no workers, it would say.
        showWorkers: false,
      },
    },
  });
  await server.register(
    async (board) => {
      board.addHook('onSend', async (_, reply) => {
        reply.headers(BOARD_HEADERS);
      });
      await board.register(adapter.registerPlugin());
    },
    { prefix: QUEUES },
  );
}

/** A field that comes several times is a list. */
function formFields(form: URLSearchParams): Record<string, string | string[]> {
  const names = [...new Set(form.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? values[0]! : values];
    }),
  );
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0]!;
}

function askingOf({ method, ip, headers }: FastifyRequest): Asking {
  return { method, address: ip, headers };
}

function wantsPage({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html');
}
