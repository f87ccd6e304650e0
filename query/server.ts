/** The search service: `GET /v1/search` over HTTP, and what a supervisor asks. */
import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CinedexError } from '../shared/contracts/errors.ts';
import { formatZodError } from '../shared/contracts/zod.ts';
import { probeRoutes } from '../shared/http/probe-routes.ts';
import { answerProblems } from '../shared/http/problem.ts';
import type { Logger } from '../shared/telemetry/logger.ts';
import type { Metrics } from '../shared/telemetry/metrics.ts';
import type { Verdict } from '../shared/telemetry/probes.ts';
import type { SearchAnswer, SearchRequest } from './search.ts';

export interface QueryServerOptions {
  search: (request: SearchRequest) => Promise<SearchAnswer>;
  /** Tenant of questions that name none. */
  tenant: string;
  /** Limit of one search, ms. */
  timeoutMs: number;
  metrics: Metrics;
  logger: Logger;
  live: () => Verdict;
  ready: () => Promise<Verdict>;
}

const LONGEST_QUESTION = 1_000;

const Question = z.strictObject({
  q: z.string().trim().min(1).max(LONGEST_QUESTION),
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/)
    .optional(),
  limit: z.coerce.number().int().min(1).max(100).default(10),
  moments: z.coerce.number().int().min(0).max(20).default(3),
});

/** A server that does not listen yet. Errors are problem documents (RFC 9457) with a code of ours. */
export function createQueryServer(options: QueryServerOptions): FastifyInstance {
  const { search, tenant, timeoutMs, metrics, logger, live, ready } = options;
  const server = Fastify({ logger: false, forceCloseConnections: 'idle' });
  answerProblems(server, logger);
  probeRoutes(server, { registry: metrics.registry, live, ready });

  server.get('/v1/search', async (request) => {
    const parsed = Question.safeParse(request.query);
    if (!parsed.success) throw new CinedexError('USAGE', formatZodError(parsed.error));
    const { q, ...rest } = parsed.data;
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    const late = AbortSignal.timeout(timeoutMs);
    const started = performance.now();
    let code: string | null = null;
    try {
      const signal = AbortSignal.any([gone.signal, late]);
      return await search({ tenant, ...rest, text: q, signal });
    } catch (error) {
      const known = late.aborted
        ? new CinedexError('STAGE_TIMEOUT', `The search took longer than ${timeoutMs} ms.`, { cause: error })
        : error;
      code = known instanceof CinedexError ? known.code : 'STAGE_BUG';
      throw known;
    } finally {
      metrics.search(code, (performance.now() - started) / 1_000);
    }
  });
  return server;
}
