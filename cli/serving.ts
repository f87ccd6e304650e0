/** What the long-running verbs share: they run until a signal, and end within a limit. */
import { once } from 'node:events';
import type { Config } from '../shared/config.ts';
import type { Logger } from '../shared/telemetry/logger.ts';
import { type Probes, portOf, serveProbes } from '../shared/telemetry/probes.ts';
import { initTracing } from '../shared/telemetry/tracing.ts';
import { EXIT } from './output.ts';

/** Beyond what running steps may take: for stores to be closed and what is unsent to be sent. */
const CLOSING_MS = 10_000;

/** Resolves when the signal is aborted, at once when it is already. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/**
 * Ends everything in order. When that hangs (a store that is gone), the process ends without it after
 * `runtime.shutdownMs` and ten seconds: what was unfinished is delivered again, and the exit code is 1.
 */
export async function endWithin(config: Config, logger: Logger, steps: (() => unknown)[]): Promise<void> {
  const limit = config.runtime.shutdownMs + CLOSING_MS;
  const late = setTimeout(() => {
    logger.error({ limitMs: limit }, 'the stop took too long; what is left is given up');
    process.exit(EXIT.failed);
  }, limit);
  try {
    for (const step of steps) await step();
  } finally {
    clearTimeout(late);
  }
}

/** Tracing and the probes, as far as they are configured. */
export async function observe(
  config: Config,
  probes: Probes,
): Promise<{ address: string | null; stop(): Promise<void> }> {
  const { metricsHost, metricsPort, otlpEndpoint } = config.runtime;
  const stopTracing = otlpEndpoint ? initTracing(otlpEndpoint) : undefined;
  const server = metricsPort > 0 ? await serveProbes(probes, metricsHost, metricsPort) : undefined;
  return {
    address: server ? `http://${metricsHost}:${portOf(server)}/metrics` : null,
    async stop() {
      server?.close();
      server?.closeAllConnections();
      await stopTracing?.();
    },
  };
}
