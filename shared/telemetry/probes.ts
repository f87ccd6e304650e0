/** The small server by which a process is watched: metrics, and the probes of whoever supervises it. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface Verdict {
  ok: boolean;
  /** Why not; empty when it is. */
  reasons: string[];
}

export interface Probes {
  registry: Registry;
  /** Whether the process works; when it does not, a supervisor should kill it. */
  live: () => Verdict;
  /** Whether it has begun, and what it needs answers; when not, it should be left alone but given nothing. */
  ready: () => Promise<Verdict>;
}

/**
 * Serves `/metrics`, `/livez`, `/readyz` (200 or 503 with `{ok, reasons}`) and `/healthz` (200 when ready, no body).
 * @param port 0: any free one, see `server.address()`
 */
export async function serveProbes(probes: Probes, host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    answer(probes, request.url ?? '/', response).catch((error) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function answer(
  { registry, live, ready }: Probes,
  url: string,
  response: ServerResponse,
): Promise<void> {
  if (url === '/metrics') {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } else if (url === '/livez') tell(response, live());
  else if (url === '/readyz') tell(response, await ready());
  else if (url === '/healthz') response.writeHead((await ready()).ok ? 200 : 503).end();
  else response.writeHead(404).end();
}

function tell(response: ServerResponse, verdict: Verdict): void {
  response
    .writeHead(verdict.ok ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify(verdict));
}
