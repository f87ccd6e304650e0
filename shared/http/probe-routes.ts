/** `/metrics` and the probes as routes of a Fastify server. */
import type { FastifyInstance } from 'fastify';
import type { Probes, Verdict } from '../telemetry/probes.ts';

export function probeRoutes(server: FastifyInstance, { registry, live, ready }: Probes): void {
  const answer = (verdict: Verdict) => ({ status: verdict.ok ? 200 : 503, verdict });
  server.get('/livez', async (_, reply) => {
    const { status, verdict } = answer(live());
    return reply.code(status).header('cache-control', 'no-store').send(verdict);
  });
  server.get('/readyz', async (_, reply) => {
    const { status, verdict } = answer(await ready());
    return reply.code(status).header('cache-control', 'no-store').send(verdict);
  });
  server.get('/metrics', async (_, reply) => reply.type(registry.contentType).send(await registry.metrics()));
}
