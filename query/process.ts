/** What a process that only answers searches is made of. */
import { openSearchStores } from '../shared/adapters/stores.ts';
import type { Config } from '../shared/config.ts';
import { createEncoders } from '../shared/models/encoders.ts';
import { ModelStore } from '../shared/models/store.ts';
import { HealthNotes, liveness } from '../shared/telemetry/liveness.ts';
import type { Logger } from '../shared/telemetry/logger.ts';
import { createMetrics } from '../shared/telemetry/metrics.ts';
import { createReadiness } from '../shared/telemetry/readiness.ts';
import { createExampleTools } from './examples/tools.ts';
import { createSearch } from './search.ts';
import { createQueryServer } from './server.ts';

export interface QueryProcess {
  /** Listens at once (the probes answer) and loads the models; resolves to its address once it is ready. */
  start(): Promise<string>;
  /** Lets running searches end, then closes. */
  stop(): Promise<void>;
}

/** @throws CinedexError DATA_LOCKED, STORE_UNAVAILABLE, CONFIG_INVALID */
export async function openQueryProcess(config: Config, logger: Logger): Promise<QueryProcess> {
  const stores = await openSearchStores(config, logger);
  const { index, identities, artifacts } = stores;
  const models = new ModelStore(config.core.modelsDir);
  const encoders = createEncoders(config, models);
  const examples = createExampleTools({ config, models, artifacts, logger });
  const metrics = createMetrics();
  metrics.describe('query', []);
  const health = new HealthNotes(config.runtime.stallMs);
  let phase: 'loading' | 'ready' | 'stopping' = 'loading';
  const server = createQueryServer({
    search: createSearch({ index, encoders, identities, examples }, { config: config.search }),
    tenant: config.core.tenant,
    timeoutMs: config.query.timeoutMs,
    metrics,
    logger,
    live: () => {
      const { alive, reasons } = liveness(health.state(), Date.now());
      return { ok: alive, reasons };
    },
    ready: createReadiness({
      waitingFor: () =>
        phase === 'ready' ? null : phase === 'stopping' ? 'the process is stopping' : 'models are loading',
      checks: { index: () => index.active(), identities: () => identities.list(config.core.tenant) },
    }),
  });
  return {
    async start() {
      health.start();
      const address = await server.listen({ host: config.query.host, port: config.query.port });
      await Promise.all([encoders.text().warmUp(), encoders.multimodal().warmUp()]);
      phase = 'ready';
      metrics.ready(true);
      return address;
    },
    async stop() {
      phase = 'stopping';
      metrics.ready(false);
      health.drain();
      await server.close();
      await Promise.all([encoders.close(), examples.close()]);
      await stores.close();
      health.end();
    },
  };
}
